"""Reads what somebody rated elsewhere, and finds those films in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matinee.datasets.exports import ExportedRating
from matinee.datasets.matching import MovieMatcher
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.own_ratings import matched, read_person
from matinee.web.cinema.films import Film
from matinee.web.cinema.showing import Showing

# An archive must not fill the memory. That of ten thousand ratings has some three megabytes.
MOST_UNPACKED = 16 << 20


@dataclass(frozen=True)
class Imported:
    """What an export holds.

    Attributes
    ----------
    site : str
        Such as "letterboxd".
    stars : list of (Film, float)
        The films that were found, and the stars to give them, in halves.
    unmatched, ambiguous : tuple of ExportedRating
        What is not in the catalogue, and what several films in it may be.
    """

    site: str
    stars: list[tuple[Film, float]]
    unmatched: tuple[ExportedRating, ...]
    ambiguous: tuple[ExportedRating, ...]


def read_import(showing: Showing, path: Path, links: Mapping[int, str]) -> Imported:
    """The ratings in an export of Letterboxd, IMDb, MovieLens, Goodreads or another Matinee.

    Parameters
    ----------
    links : mapping of int to str
        For the number of a movie at IMDb, its item.

    Raises
    ------
    DataError
        If the file is no export, or a rating in it cannot be one.
    """
    rated, site, greatest = read_person(path, max_unpacked=MOST_UNPACKED)
    found = matched(rated, site, greatest, _matcher(showing, links))
    stars = [
        (showing.catalogue[str(item)], _in_halves(rating, greatest)) for item, rating in found.ratings.items()
    ]
    return Imported(site, stars, found.unmatched, found.ambiguous)


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
