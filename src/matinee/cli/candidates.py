"""Which items a command may recommend: some, all but some, or those of a genre or of some years."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from matinee.cli.newcomers import items_named, listed
from matinee.cli.sources import movies_by_id_of
from matinee.datasets import Movie, Movies
from matinee.errors import DataError
from matinee.models import Model
from matinee.ratings.ids import Id

SEVERAL = "An id or a title with commas in it is taken whole; the option may be repeated."
Items = Annotated[
    list[str] | None,
    typer.Option(
        "--items",
        metavar="ITEM,…",
        help=f"Choose only from these movies, by id or by title. {SEVERAL}",
        show_default=False,
    ),
]
Excluded = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="ITEM,…",
        help=f"Leave out these movies, by id or by title. {SEVERAL}",
        show_default=False,
    ),
]
LeastRatings = Annotated[
    int | None,
    typer.Option("--min-ratings", min=0, metavar="N", help="Choose only movies that N users or more rated."),
]
Genre = Annotated[
    str | None,
    typer.Option(
        "--genre", metavar="GENRE,…", help="Choose only movies of one of these genres; needs --movies."
    ),
]
Years = Annotated[
    str | None,
    typer.Option(
        "--years",
        metavar="FROM-TO",
        help="Choose only movies of these years, as in 1980-1989; needs --movies.",
    ),
]


def filters(
    model: Model,
    source: str | None,
    *,
    items: list[str] | None,
    exclude: list[str] | None,
    genre: str | None,
    years: str | None,
    min_ratings: int | None,
) -> dict[str, Any]:
    """The filters that options were given for, as `Model.recommend` takes them.

    Raises
    ------
    DataError
        If an item is unknown, a filter needs the list of movies, or nothing is left.
    """
    needs_movies = items or exclude or genre is not None or years is not None
    movies = movies_by_id_of(model.item_index_, source) if needs_movies else None
    chosen = items_named(model, items, movies, "--items") if items else None
    if genre is not None or years is not None:
        if movies is None:
            raise DataError("--genre and --years need --movies MOVIES")
        fitting = _fitting(movies, genre, years)
        chosen = fitting if chosen is None else [item for item in chosen if item in set(fitting)]
    unwanted = items_named(model, exclude, movies, "--exclude") if exclude else None
    passing = model.candidates.positions(chosen, unwanted, min_ratings)
    if passing is not None and len(passing) == 0:
        raise DataError(
            "no movie is left to choose from; leave out one of --items, --exclude, --genre, --years and "
            "--min-ratings"
        )
    return {"items": chosen, "exclude": unwanted, "min_ratings": min_ratings}


def _fitting(movies: Movies, genre: str | None, years: str | None) -> list[Id]:
    genres = None if genre is None else {each.casefold() for each in listed(genre)}
    span = None if years is None else _span(years)
    return [item for item, movie in movies.items() if _fits(movie, genres, span)]


def _span(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{4})(?:\s*[-–]\s*(\d{4}))?", text.strip())
    if found is None:
        raise DataError(f"--years {text!r}; expected years such as 1994 or 1980-1989")
    return int(found[1]), int(found[2] or found[1])


def _fits(movie: Movie, genres: set[str] | None, span: tuple[int, int] | None) -> bool:
    has_genre = genres is None or any(genre.casefold() in genres for genre in movie.genres)
    return has_genre and (span is None or (movie.year is not None and span[0] <= movie.year <= span[1]))
