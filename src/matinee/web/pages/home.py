"""The first page: search, and what is recommended to this visitor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from matinee.web.cinema.recommending import recommend, worth_rating
from matinee.web.dependencies import AskedFilters, CurrentVisit
from matinee.web.templating import page

router = APIRouter()


@router.get("/")
def home(
    visit: CurrentVisit, filters: AskedFilters, q: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Films that a search finds; without one, recommendations and films worth rating first."""
    showing = visit.showing
    found = showing.catalogue.search(q, filters=filters) if q else None
    suggestions = recommend(showing, visit.stars, 12, filters=filters, hidden=visit.dismissed)
    worth = worth_rating(showing, visit.stars, 8, hidden=visit.dismissed)
    return page(
        visit, "home.html", {"query": q, "found": found, "suggestions": suggestions, "worth_rating": worth}
    )
