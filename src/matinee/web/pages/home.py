"""The home page: films recommended to this visitor, and films to rate first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.films import Film
from matinee.web.cinema.kinds import blend_of
from matinee.web.cinema.recommending import Suggestion, recommend, worth_rating
from matinee.web.pages.asking import FormBlend, FormFilters
from matinee.web.pages.drawing import drawn_page
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

N_RECOMMENDED = 12
# A newcomer has little else to look at. Somebody who has rated is asked about fewer films.
N_FIRST, N_MORE = 9, 6


@router.get("/")
def home(
    visit: CurrentVisit,
    filters: FormFilters,
    asked: FormBlend,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Recommendations and films to rate. A search goes to the search page.

    A blend in the address makes no difference while a model without one is served.
    """
    if q:
        return RedirectResponse(f"/search?{visit.request.url.query}")
    own = blend_of(visit.showing.model)
    chosen = None if own is None else asked
    suggestions, worth = _without_repetition(visit, filters, chosen)
    context = {
        "suggestions": suggestions,
        "is_personal": any(suggestion.score is not None for suggestion in suggestions),
        "worth_rating": worth,
        "filters": filters,
        "blend": own if chosen is None else chosen,
    }
    return drawn_page(visit, "home.html", context)


def _without_repetition(
    visit: Visit, filters: Filters, blend: float | None
) -> tuple[list[Suggestion], list[Film]]:
    """What to recommend and what to ask about. A film in the upper list is not in the lower one."""
    showing, stars, hidden = visit.showing, visit.stars, visit.dismissed
    if stars:
        suggestions = recommend(showing, stars, N_RECOMMENDED, filters=filters, hidden=hidden, blend=blend)
        shown = [suggestion.film.item for suggestion in suggestions]
        return suggestions, worth_rating(showing, stars, N_MORE, hidden=[*hidden, *shown])
    worth = worth_rating(showing, stars, N_FIRST, hidden=hidden)
    # Somebody who filters wants to see all films that match.
    asked = [] if filters else [film.item for film in worth]
    return recommend(showing, stars, N_RECOMMENDED, filters=filters, hidden=[*hidden, *asked]), worth
