"""Recommends films to somebody whose ratings are in the request."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from matinee.web.api.responses import errors
from matinee.web.api.schemas import RecommendationRequest, Recommendations, Recommended
from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.kinds import blend_of
from matinee.web.cinema.recommending import Suggestion, recommend
from matinee.web.cinema.showing import Showing
from matinee.web.visits.dependencies import ShowingNow, checked_filters

router = APIRouter(tags=["recommendations"])

# With this many ratings or fewer, a model without intervals recommends in a fraction of a millisecond, and to
# hand that to a thread and back takes longer. A Recommender takes 1 to 5 milliseconds, and a list of more
# variety some tens.
MANY_RATINGS = 200
HowMany = Annotated[int, Query(ge=1, le=200, description="How many films.")]
Blend = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        description="From 0, safe choices, to 1, only the best; by default the model's own. An error if the "
        "model served has no blend.",
    ),
]
Diversity = Annotated[
    float,
    Query(
        ge=0,
        le=1,
        description="From 0, by the score alone, to 1, the most variety. A list of more than 12 films begins "
        "with the list of 12, and what follows is varied by itself, 24 films at a time. An error above 0 if "
        "the model served has no diversity.",
    ),
]
HowManyReasons = Annotated[
    int, Query(ge=0, le=10, description="How many of the person's ratings to give as reasons for each film.")
]


@router.post("/recommendations", responses=errors())
async def recommend_for_ratings(showing: ShowingNow, asked: RecommendationRequest) -> Recommendations:
    """Films for somebody with these ratings, by fold-in. Nothing is stored and nothing is retrained.

    If the model knows none of the rated films, these are the most rated films.
    """
    asked_for = Filters(tuple(asked.genres), asked.year_from, asked.year_to)
    filters = checked_filters(asked_for, showing, "body", "genres")
    model = showing.model
    is_slow = model.has_intervals or blend_of(model) is not None or asked.diversity > 0
    if is_slow or len(asked.ratings) > MANY_RATINGS or asked.n_reasons:
        return await to_thread.run_sync(_recommend_for_ratings, showing, asked, filters)
    return _recommend_for_ratings(showing, asked, filters)


def _recommend_for_ratings(
    showing: Showing, asked: RecommendationRequest, filters: Filters
) -> Recommendations:
    ratings = {one.item: one.rating for one in asked.ratings}
    suggestions = recommend(
        showing,
        ratings,
        asked.n,
        filters=filters,
        hidden=asked.hidden,
        n_reasons=asked.n_reasons,
        blend=asked.blend,
        diversity=asked.diversity,
    )
    return answer(showing, suggestions, ratings)


def answer(
    showing: Showing, suggestions: list[Suggestion], rated: dict[str, float] | tuple[()]
) -> Recommendations:
    """The recommendations in the form of the API."""
    catalogue = showing.catalogue
    ignored = [item for item in rated if item not in catalogue or not catalogue[item].is_known]
    return Recommendations(recommendations=list(map(Recommended.of, suggestions)), ignored=ignored)
