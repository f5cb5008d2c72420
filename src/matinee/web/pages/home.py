"""The home page: films recommended to this visitor, further ones, and films to rate first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.films import Film
from matinee.web.cinema.kinds import blend_of, takes_diversity
from matinee.web.cinema.recommending import Suggestion, recommend, worth_rating
from matinee.web.pages.asking import FormBlend, FormDiversity, FormFilters
from matinee.web.pages.drawing import drawn_page
from matinee.web.rendering.changes import address_with, address_without
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

N_RECOMMENDED = 12
# A newcomer has little else to look at. Somebody who has rated is asked about fewer films.
N_FIRST, N_MORE = 9, 6
# Further recommendations come in rounds. A browser with scripts asks for the next as the end comes into view.
# Each round costs the server as much as the first, so there is an end.
N_A_ROUND, MOST_ROUNDS = 24, 4


@router.get("/")
def home(
    visit: CurrentVisit,
    filters: FormFilters,
    asked: FormBlend,
    varied: FormDiversity,
    q: Annotated[str, Query(max_length=200)] = "",
    more: Annotated[int, Query(ge=0, le=MOST_ROUNDS)] = 0,
) -> Response:
    """Recommendations and films to rate. A search goes to the search page.

    A blend or diversity in the address makes no difference while a model without one is served.
    """
    if q:
        return RedirectResponse(f"/search?{visit.request.url.query}")
    own = blend_of(visit.showing.model)
    chosen = None if own is None else asked
    diversity = varied if takes_diversity(visit.showing.model) else None
    n = N_RECOMMENDED + more * N_A_ROUND
    suggestions, worth = _without_repetition(visit, filters, n, blend=chosen, diversity=diversity or 0.0)
    is_more = len(suggestions) == n and more < MOST_ROUNDS
    context = {
        "suggestions": suggestions[:N_RECOMMENDED],
        "further": suggestions[N_RECOMMENDED:],
        "address_of_more": address_with(visit.request, "more", more + 1) if is_more else None,
        "address_of_all": address_without(visit.request, "genre", "year_from", "year_to", "more"),
        "is_personal": any(suggestion.score is not None for suggestion in suggestions),
        "worth_rating": worth,
        "n_viewers": len(visit.showing.model.user_index_),
        "filters": filters,
        "blend": own if chosen is None else chosen,
        "diversity": diversity,
    }
    return drawn_page(visit, "home.html", context)


def _without_repetition(
    visit: Visit, filters: Filters, n: int, *, blend: float | None, diversity: float
) -> tuple[list[Suggestion], list[Film]]:
    """The n films to recommend, and what to ask about. A film in the upper list is not in the lower one."""
    showing, stars, hidden = visit.showing, visit.stars, visit.dismissed
    # Nobody has seen what they want to see.
    unasked = [*visit.unseen, *visit.watchlist]
    if stars:
        suggestions = recommend(
            showing, stars, n, filters=filters, hidden=hidden, blend=blend, diversity=diversity
        )
        shown = [suggestion.film.item for suggestion in suggestions]
        return suggestions, worth_rating(showing, stars, N_MORE, hidden=[*hidden, *unasked, *shown])
    worth = worth_rating(showing, stars, N_FIRST, hidden=[*hidden, *unasked])
    # Somebody who filters wants to see all films that match.
    asked = [] if filters else [film.item for film in worth]
    return recommend(showing, stars, n, filters=filters, hidden=[*hidden, *asked]), worth
