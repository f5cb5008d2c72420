"""Searches films, describes one, and lists similar ones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from matinee.web.api.responses import errors
from matinee.web.api.schemas import (
    Movie,
    MovieDetails,
    MoviePage,
    RatingDistribution,
    SimilarMovie,
    SimilarMovies,
)
from matinee.web.cinema.recommending import similar
from matinee.web.visits.dependencies import AskedFilters, ShowingNow
from matinee.web.visits.visit import listed_film

router = APIRouter(tags=["movies"])

Limit = Annotated[int, Query(ge=1, le=200, description="The most films to return.")]


@router.get("/movies", responses=errors())
async def search_movies(
    showing: ShowingNow,
    filters: AskedFilters,
    q: Annotated[str, Query(max_length=200, description="Words of the title; each may be unfinished.")] = "",
    limit: Limit = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> MoviePage:
    """Films by the words of their titles, the best matches first. Without words: the most rated films.

    If no title has all words, films whose titles are like the query, typing errors and all.
    """
    found = showing.catalogue.search(q, limit=limit, offset=offset, filters=filters)
    return MoviePage(
        n_found=found.n_found, is_near=found.is_near, movies=[Movie.of(film) for film in found.films]
    )


@router.get("/genres", responses=errors())
async def list_genres(showing: ShowingNow) -> list[str]:
    """All genres in alphabetical order."""
    return showing.catalogue.genres


# An id may contain a slash, so this route must come before the one for a film alone.
@router.get("/movies/{item:path}/similar", responses=errors(404))
async def similar_movies(showing: ShowingNow, item: str, limit: Limit = 10) -> SimilarMovies:
    """Films similar to one, the most similar first; none if the model does not know the film."""
    found = similar(showing, listed_film(showing, item), limit)
    return SimilarMovies(
        movies=[SimilarMovie(movie=Movie.of(film), similarity=score) for film, score in found]
    )


@router.get("/movies/{item:path}", responses=errors(404))
async def one_movie(showing: ShowingNow, item: str) -> MovieDetails:
    """A film and the distribution of its ratings."""
    film = listed_film(showing, item)
    ratings = RatingDistribution.of(showing.statistics.of(film.position))
    return MovieDetails(**Movie.of(film).model_dump(), ratings=ratings)
