"""Reads what somebody rated elsewhere, and finds those films in the catalogue."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from matinee.datasets.exports import ExportedRating
from matinee.datasets.matching import MovieMatcher
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.own_ratings import read_person
from matinee.errors import DataError
from matinee.ratings.times import UNKNOWN_TIME, times_of
from matinee.web.cinema.films import Film
from matinee.web.cinema.showing import Showing

# An archive must not fill the memory. That of ten thousand ratings has some three megabytes.
MOST_UNPACKED = 16 << 20


class ImportedRating(NamedTuple):
    """A film that was found, the stars to give it, in halves, and when it was rated.

    ``rated_at`` is in Unix milliseconds; None if the export does not say.
    """

    film: Film
    stars: float
    rated_at: int | None


@dataclass(frozen=True)
class Imported:
    """What an export holds.

    Attributes
    ----------
    site : str
        Such as "letterboxd".
    rated : list of ImportedRating
        Each film once.
    unmatched, ambiguous : list of ExportedRating
        What is not in the catalogue, and what several films in it may be.
    """

    site: str
    rated: list[ImportedRating]
    unmatched: list[ExportedRating]
    ambiguous: list[ExportedRating]


def read_import(showing: Showing, path: Path, links: Mapping[int, str]) -> Imported:
    """The ratings in an export of Letterboxd, IMDb, MovieLens, Goodreads or another Matinee.

    Parameters
    ----------
    links : mapping of int to str
        For the number of a movie at IMDb, its item.

    Raises
    ------
    DataError
        If the file is no export, or a rating or a date in it cannot be one.
    """
    rated, site, greatest = read_person(path, max_unpacked=MOST_UNPACKED)
    matcher = _matcher(showing, links)
    found: dict[str, ImportedRating] = {}
    left_out: dict[str, list[ExportedRating]] = {"none": [], "ambiguous": []}
    for one, rated_at in zip(rated, _times(path, rated), strict=True):
        match = matcher.match(one)
        if match.item is None:
            left_out[match.how].append(one)
        else:
            film = showing.catalogue[str(match.item)]
            found[film.item] = ImportedRating(film, _in_halves(one.rating, greatest), rated_at)
    return Imported(site, list(found.values()), left_out["none"], left_out["ambiguous"])


def _times(path: Path, rated: list[ExportedRating]) -> list[int | None]:
    """When each film was rated, in Unix milliseconds, never later than now; None where it is not known."""
    try:
        seconds = times_of([one.time for one in rated]).seconds
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if seconds is None:
        return [None] * len(rated)
    now = int(1000 * time.time())
    known = (None if each == UNKNOWN_TIME else 1000 * each for each in seconds.tolist())
    return [each if each is None else min(max(each, 0), now) for each in known]


def _in_halves(rating: float, greatest: float) -> float:
    """A rating on the scale of its site as half or whole stars, at least half a star."""
    return max(0.5, round(2 * 5 * rating / greatest) / 2)


def _matcher(showing: Showing, links: Mapping[int, str]) -> MovieMatcher:
    """The matcher of a showing, made for its first import."""
    known: dict[str, MovieMatcher] = showing.__dict__.setdefault("_matchers", {})
    if "matcher" not in known:
        films = showing.catalogue.values()
        known["matcher"] = MovieMatcher(
            Movies(Movie(film.item, film.title, film.year, film.genres) for film in films), links
        )
    return known["matcher"]
