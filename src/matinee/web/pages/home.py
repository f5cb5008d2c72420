"""The first page: what is recommended to this visitor, and films worth rating first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from matinee.web.cinema.recommending import recommend, worth_rating
from matinee.web.dependencies import CurrentVisit
from matinee.web.pages.asking import FormFilters
from matinee.web.pages.drawing import drawn_page

router = APIRouter()

N_RECOMMENDED = 12
# A newcomer has little else to look at; who has rated is asked less.
N_FIRST, N_MORE = 9, 6


@router.get("/")
def home(
    visit: CurrentVisit, filters: FormFilters, q: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Recommendations and films worth rating; a search goes to the page of what it finds."""
    if q:
        return RedirectResponse(f"/search?{visit.request.url.query}")
    stars, hidden = visit.stars, visit.dismissed
    suggestions = recommend(visit.showing, stars, N_RECOMMENDED, filters=filters, hidden=hidden)
    shown = {suggestion.film.item for suggestion in suggestions if stars}
    worth = worth_rating(visit.showing, stars, N_MORE if stars else N_FIRST, hidden=[*hidden, *shown])
    context = {
        "suggestions": suggestions,
        "is_personal": any(suggestion.score is not None for suggestion in suggestions),
        "worth_rating": worth,
        "filters": filters,
    }
    return drawn_page(visit, "home.html", context)
