"""What a search finds. Scripts show the same list on other pages, as somebody types."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from matinee.web.pages.asking import FormFilters, PageNumber, Part, filter_query
from matinee.web.pages.drawing import drawn_page
from matinee.web.visits.dependencies import CurrentVisit

router = APIRouter()

N_A_PAGE = 24


@router.get("/search")
def search(
    visit: CurrentVisit,
    filters: FormFilters,
    q: Annotated[str, Query(max_length=200)] = "",
    part: PageNumber = 1,
) -> HTMLResponse:
    """Films by the words of their titles, the best matches first. Without words: all films."""
    begin = (part - 1) * N_A_PAGE
    found = visit.showing.catalogue.search(q, limit=N_A_PAGE, offset=begin, filters=filters)
    context = {
        "query": q,
        "found": found,
        "part": Part(part, N_A_PAGE, found.n_found),
        "filters": filters,
        "filter_query": filter_query(filters),
    }
    return drawn_page(visit, "search.html", context)
