"""The caller's own ratings, and recommendations from them. No address here can name another visitor."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from matinee.web.api.authentication import ApiVisit
from matinee.web.api.recommendations import Blend, Diversity, HowMany, HowManyReasons, answer
from matinee.web.api.responses import errors
from matinee.web.api.schemas import (
    ItemList,
    Me,
    Movie,
    MovieList,
    NewRating,
    PredictedRating,
    Rating,
    RatingList,
    Recommendations,
)
from matinee.web.cinema.recommending import predict, recommend, worth_rating
from matinee.web.visits.dependencies import AskedFilters

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", responses=errors(401))
def who_am_i(visit: ApiVisit) -> Me:
    """Who the server thinks the caller is."""
    name = None if visit.account is None else visit.account.name
    return Me(name=name, n_ratings=len(visit.ratings))


@router.get("/ratings", responses=errors(401))
def list_ratings(visit: ApiVisit) -> RatingList:
    """All of the caller's ratings, the latest first."""
    return RatingList(ratings=[Rating.of(given) for given in visit.ratings.values()])


@router.get("/ratings/{item:path}", responses=errors(401, 404))
def one_rating(visit: ApiVisit, item: str) -> Rating:
    """The caller's rating of a film."""
    given = visit.ratings.get(visit.film(item).item)
    if given is None:
        raise HTTPException(404, f"You have not rated the film {item[:80]!r}.")
    return Rating.of(given)


@router.put("/ratings/{item:path}", responses=errors(401, 403, 404))
def set_rating(visit: ApiVisit, item: str, new: NewRating) -> Rating:
    """Set the caller's rating of a film. The answer comes after the rating is stored."""
    return Rating.of(visit.rate(visit.film(item), new.rating))


@router.delete("/ratings/{item:path}", status_code=204, responses=errors(401, 403))
def delete_rating(visit: ApiVisit, item: str) -> Response:
    """Remove the caller's rating of a film, even if there is none or the film is no longer listed."""
    visit.take_back(item)
    return Response(status_code=204)


@router.get("/predictions/{item:path}", responses=errors(401, 404))
def predict_rating(visit: ApiVisit, item: str) -> PredictedRating:
    """The rating that the model expects the caller to give a film."""
    prediction = predict(visit.showing, visit.stars, visit.film(item))
    if prediction is None:
        raise HTTPException(404, "There is no prediction; first rate films that the model knows.")
    return PredictedRating.of(prediction)


@router.get("/recommendations", responses=errors(401))
def recommend_for_me(
    visit: ApiVisit,
    filters: AskedFilters,
    n: HowMany = 10,
    n_reasons: HowManyReasons = 0,
    blend: Blend = None,
    diversity: Diversity = 0.0,
) -> Recommendations:
    """Films recommended to the caller from their ratings; without ratings, the most rated films."""
    stars = visit.stars
    suggestions = recommend(
        visit.showing,
        stars,
        n,
        filters=filters,
        hidden=visit.dismissed,
        n_reasons=n_reasons,
        blend=blend,
        diversity=diversity,
    )
    return answer(visit.showing, suggestions, stars)


@router.get("/worth-rating", responses=errors(401))
def films_worth_rating(visit: ApiVisit, n: HowMany = 10) -> MovieList:
    """Films whose ratings would tell most about the caller's taste."""
    films = worth_rating(visit.showing, visit.stars, n, hidden=visit.dismissed)
    return MovieList(movies=[Movie.of(film) for film in films])


@router.get("/not-interested", responses=errors(401))
def list_dismissed(visit: ApiVisit) -> ItemList:
    """The films that the caller is not interested in, the latest first."""
    return ItemList(items=visit.dismissed)


@router.put("/not-interested/{item:path}", status_code=204, responses=errors(401, 403, 404))
def dismiss(visit: ApiVisit, item: str) -> Response:
    """Note that the caller is not interested in a film. It is no longer recommended."""
    visit.dismiss(visit.film(item))
    return Response(status_code=204)


@router.delete("/not-interested/{item:path}", status_code=204, responses=errors(401, 403, 404))
def undismiss(visit: ApiVisit, item: str) -> Response:
    """Forget that the caller is not interested in a film."""
    visit.undismiss(visit.film(item))
    return Response(status_code=204)
