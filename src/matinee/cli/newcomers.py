"""People whom a model has never seen, as the command line names them: by a file of ratings, or by a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matinee.cli.reading_options import Reading
from matinee.cli.sources import id_from, links_for, movies_by_id_of
from matinee.datasets import Movie, Movies, read_ratings
from matinee.datasets.own_ratings import is_export, read_export
from matinee.datasets.titles import movie_title, title_keys
from matinee.errors import DataError
from matinee.models import Model
from matinee.ratings.ids import Id

# A title may hold commas and signs of equality: a rating ends where another begins.
RATED = re.compile(r"\s*(.+?)\s*=\s*(-?\d+(?:\.\d+)?)\s*(?:,|$)")


# The ways to read that an export takes too.
OF_EXPORTS = ("encoding", "max_unpacked")


@dataclass(frozen=True)
class Newcomer:
    """A person's ratings of movies that a model knows.

    Attributes
    ----------
    ratings : dict
    report : list of str
        What was matched, and what was not.
    unmatched : list of str
        The movies, or their ids, that the model does not know.
    """

    ratings: dict[Id, float]
    report: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)


def newcomer_of_file(
    model: Model, path: Path, movies: str | None, links: Path | None, reading: Reading
) -> Newcomer:
    """The person in an export of Letterboxd, IMDb or Goodreads, or in a file of one person's ratings.

    Raises
    ------
    DataError
        If the file holds nothing that the model knows, or the ratings of several people.
    """
    of_export: Any = {name: value for name, value in reading.items() if name in OF_EXPORTS}
    # Whoever names columns or a format has a table of another kind.
    if len(of_export) == len(reading) and is_export(path, encoding=reading.get("encoding")):
        return _of_export(model, path, movies, links, of_export)
    return _of_ratings(model, path, reading)


def newcomer_of_text(model: Model, text: str, movies: str | None) -> Newcomer:
    """The person of a text such as ``Alien=5, Jaws=4``: movies by their ids or their titles.

    Raises
    ------
    DataError
        If a part is no rating, or a movie is unknown, or several have its title.
    """
    titled = movies_by_id_of(model.item_index_, movies)
    ratings: dict[Id, float] = {}
    place = 0
    while place < len(text):
        found = RATED.match(text, place)
        if found is None:
            raise DataError(f"--rated {text[place:]!r}; expected ITEM=RATING, …, as in 'Alien=5, Jaws=4'")
        ratings[item_named(model, found[1], titled, "--rated")] = float(found[2])
        place = found.end()
    if not ratings:
        raise DataError("--rated is empty; expected ITEM=RATING, …, as in 'Alien=5, Jaws=4'")
    return Newcomer(ratings)


def item_named(model: Model, text: str, movies: Movies | None, option: str) -> Id:
    """The item with this id, or with this title if only one has it.

    Raises
    ------
    DataError
        If there is none, or several have the title.
    """
    item = id_from(text, model.item_index_)
    if model.item_index_.position(item) >= 0:
        return model.item_index_.id_at(model.item_index_.position(item))
    if movies is None:
        raise DataError(f"{option}: the model knows no item {text!r}; --movies MOVIES allows for titles")
    found = _titled(movies, text)
    if len(found) == 1:
        return found[0].item
    if not found:
        raise DataError(f"{option}: the model knows no movie with the id or the title {text!r}")
    listed = ", ".join(f"{movie} is {movie.item}" for movie in found[:5])
    raise DataError(f"{option}: several movies are called {text!r}: {listed}; give the id")


def items_named(model: Model, texts: list[str], movies: Movies | None, option: str) -> list[Id]:
    """The items of all texts: a text that is an id or a title is one item, any other a list with commas.

    Raises
    ------
    DataError
        As `item_named` does.
    """
    found = []
    for text in texts:
        whole = text.strip()
        is_known = model.item_index_.position(id_from(whole, model.item_index_)) >= 0
        is_one = is_known or ("," in whole and movies is not None and bool(_titled(movies, whole)))
        found += [item_named(model, one, movies, option) for one in ([whole] if is_one else listed(whole))]
    return found


def listed(text: str) -> list[str]:
    """The parts of a text between its commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _titled(movies: Movies, text: str) -> list[Movie]:
    """The movies of this title: with the year if the text has one, and as it is written if one is so."""
    exact = [movie for movie in movies.values() if text in (movie.title, str(movie))]
    if exact:
        return exact
    keys, (_, year) = set(title_keys(text)), movie_title(text)
    alike = (movie for movie in movies.values() if keys & set(title_keys(movie.title)))
    return [movie for movie in alike if year is None or movie.year == year]


def _of_export(
    model: Model, path: Path, movies: str | None, links: Path | None, reading: dict[str, Any]
) -> Newcomer:
    known = movies_by_id_of(model.item_index_, movies)
    if known is None:
        known = Movies(Movie(item, str(item)) for item in model.item_index_.ids.tolist())
    export = read_export(path, known, links=links or links_for(movies), **reading)
    missing = [*export.unmatched, *export.ambiguous]
    if not export.ratings:
        remedy = "name the list of movies with --movies" if movies is None else "is it the model's list?"
        raise DataError(f"{path}: none of its {len(missing):,} ratings is of a movie of the model; {remedy}")
    unmatched = [str(each) for each in missing]
    return Newcomer(export.on_scale(model.rating_range_), str(export).splitlines(), unmatched)


def _of_ratings(model: Model, path: Path, reading: Reading) -> Newcomer:
    # Times tell nothing of a person, except which of two ratings is the latest.
    needs_times = reading.get("duplicates") == "latest" and reading.get("timestamps", True)
    asked: Any = {**reading, "timestamps": needs_times}
    ratings = read_ratings(path, **asked)
    if ratings.n_users > 1:
        raise DataError(
            f"{path} holds the ratings of {ratings.n_users:,} people; expected those of one person"
        )
    rated: dict[Any, float] = dict(zip(ratings.items.tolist(), ratings.values.tolist(), strict=True))
    index = model.item_index_
    known: dict[Id, float] = {}
    unmatched = []
    for item, value in rated.items():
        position = index.position(id_from(str(item), index))
        if position < 0:
            unmatched.append(str(item))
        else:
            known[index.id_at(position)] = value
    if not known:
        raise DataError(f"{path}: the model knows none of its {len(rated):,} items, such as {unmatched[0]!r}")
    shown = f"not known to the model: {', '.join(unmatched[:10])}"
    more = f" and {len(unmatched) - 10:,} more" if len(unmatched) > 10 else ""
    report = [f"{len(known):,} of {len(rated):,} ratings are of items that the model knows"]
    return Newcomer(known, [*report, *([shown + more] if unmatched else [])], unmatched)
