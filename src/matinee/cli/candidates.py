"""Which items a command may recommend: some, all but some, or those of a genre or of some years."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from matinee.cli.newcomers import item_named
from matinee.cli.sources import movies_by_id_of
from matinee.datasets import Movie
from matinee.errors import DataError
from matinee.models import Model
from matinee.ratings.ids import Id

Items = Annotated[
    str | None,
    typer.Option("--items", metavar="ITEM,…", help="Choose only from these movies, by id or by title."),
]
Excluded = Annotated[
    str | None, typer.Option("--exclude", metavar="ITEM,…", help="Leave out these movies, by id or by title.")
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


def candidates(
    model: Model,
    source: str | None,
    items: str | None,
    exclude: str | None,
    genre: str | None,
    years: str | None,
) -> list[Id] | None:
    """The items to choose from; None for all.

    Raises
    ------
    DataError
        If an item is unknown, a filter needs the list of movies, or nothing is left.
    """
    if items is exclude is genre is years is None:
        return None
    movies = movies_by_id_of(model.item_index_, source)
    found: list[Id] = model.item_index_.ids.tolist()
    if items is not None:
        found = [item_named(model, text, movies, "--items") for text in _listed(items)]
    if exclude is not None:
        unwanted = {item_named(model, text, movies, "--exclude") for text in _listed(exclude)}
        found = [item for item in found if item not in unwanted]
    if genre is not None or years is not None:
        if movies is None:
            raise DataError("--genre and --years need --movies MOVIES")
        genres = None if genre is None else {each.casefold() for each in _listed(genre)}
        span = None if years is None else _span(years)
        found = [item for item in found if item in movies and _fits(movies[item], genres, span)]
    if not found:
        raise DataError(
            "no movie is left to choose from; leave out one of --items, --exclude, --genre, --years"
        )
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _span(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{4})(?:\s*[-–]\s*(\d{4}))?", text.strip())
    if found is None:
        raise DataError(f"--years {text!r}; expected years such as 1994 or 1980-1989")
    return int(found[1]), int(found[2] or found[1])


def _fits(movie: Movie, genres: set[str] | None, span: tuple[int, int] | None) -> bool:
    has_genre = genres is None or any(genre.casefold() in genres for genre in movie.genres)
    return has_genre and (span is None or (movie.year is not None and span[0] <= movie.year <= span[1]))
