"""The ratings that one person exports from Letterboxd, IMDb, MovieLens, Goodreads or a site of Matinee."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from matinee.datasets.fields import split_line, split_records
from matinee.datasets.files import DataFile
from matinee.datasets.layout import is_number
from matinee.datasets.names import plain_name, shorten
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_table
from matinee.datasets.titles import movie_title
from matinee.errors import DataError
from matinee.ratings import Ratings

# The user of an export: the file does not say who it is.
THE_PERSON = "me"


class Site(NamedTuple):
    """A site that people export their ratings from.

    Attributes
    ----------
    name : str
    marks : set of str
        The names of columns, in letters and digits only, by which the file is recognised.
    rating, title, year, id, time : tuple of str
        The names of the columns; the first that is there counts.
    greatest : float
        The greatest rating on the site.
    zero_is_none : bool
        Whether 0 says that there is no rating.
    id_prefix : str
        What the ids of IMDb begin with where the site leaves it out.
    """

    name: str
    marks: frozenset[str]
    rating: tuple[str, ...]
    title: tuple[str, ...]
    year: tuple[str, ...]
    id: tuple[str, ...]
    time: tuple[str, ...]
    greatest: float
    zero_is_none: bool = False
    id_prefix: str = ""


SITES = (
    Site(
        "letterboxd",
        frozenset({"name", "year", "letterboxduri"}),
        rating=("rating",),
        title=("name",),
        year=("year",),
        id=(),
        time=("watcheddate", "date"),
        greatest=5,
    ),
    Site(
        "imdb",
        frozenset({"const", "title", "year"}),
        rating=("yourrating", "yourated"),
        title=("title",),
        year=("year",),
        id=("const",),
        time=("daterated", "created"),
        greatest=10,
    ),
    Site(
        "movielens",
        frozenset({"movieid", "imdbid", "tmdbid", "rating", "averagerating", "title"}),
        rating=("rating",),
        title=("title",),
        year=(),
        # Its own ids are those of other films in another list.
        id=("imdbid",),
        time=(),
        greatest=5,
        id_prefix="tt",
    ),
    Site(
        "matinee",
        frozenset({"matineeid", "title", "rating"}),
        rating=("rating",),
        title=("title",),
        year=("year",),
        id=("matineeid",),
        time=("ratedat",),
        greatest=5,
    ),
    Site(
        "goodreads",
        frozenset({"bookid", "myrating", "title"}),
        rating=("myrating",),
        title=("title",),
        year=("originalpublicationyear", "yearpublished"),
        id=("bookid",),
        time=("dateread", "dateadded"),
        greatest=5,
        zero_is_none=True,
    ),
)


@dataclass(frozen=True)
class ExportedRating:
    """A film, or a book, that somebody rated. ``str`` gives "Title (Year)".

    Attributes
    ----------
    title : str
    year : int or None
    rating : float
    id : str or None
        The id on the site, such as "tt0133093"; Letterboxd exports none.
    time : str or None
    """

    title: str
    year: int | None
    rating: float
    id: str | None = None
    time: str | None = None

    def __str__(self) -> str:
        return self.title if self.year is None else f"{self.title} ({self.year})"


def site_of(file: DataFile) -> Site | None:
    """The site from which a file was exported; None if it is no export."""
    # Only the first line: a quote in a file of another kind may be open to its end.
    first = next((line for _, line in file.lines() if line.strip()), "")
    names = set(map(plain_name, split_line(first, ",")))
    return next((site for site in SITES if site.marks <= names), None)


def exported_ratings(file: DataFile, site: Site) -> list[ExportedRating]:
    """The ratings in an export, in the order of the file; what has no rating is left out.

    Raises
    ------
    DataError
        If the file holds no ratings, or one that is not a number; the message has the line.
    """
    file.settle_encoding()
    records = split_records(file, ",")
    header = next(records)
    places = {plain_name(name): place for place, name in enumerate(header.fields)}
    wanted = {role: getattr(site, role) for role in ("rating", "title", "year", "id", "time")}
    found = {role: [places[name] for name in names if name in places] for role, names in wanted.items()}
    if not found["rating"]:
        raise file.error(f"a file of {site.name} without ratings; expected its ratings.csv", header.line)
    rated = []
    for record in records:
        values = {role: _first_filled(record.fields, where) for role, where in found.items()}
        rating = _rating(file, record.line, values["rating"], site)
        if rating is None:
            continue
        if not values["title"] and not values["id"]:
            raise file.error("the title is missing", record.line)
        year = re.match(r"-?\d{1,4}", values["year"])
        # Without a column of its own, the year is in the title.
        title, in_title = (values["title"], None) if site.year else movie_title(values["title"])
        rated.append(
            ExportedRating(
                title or values["id"],
                int(year[0]) if year else in_title,
                rating,
                _id(values["id"], site),
                values["time"] or None,
            )
        )
    if not rated:
        raise file.error("nothing in it is rated")
    return rated


def ratings_of_export(file: DataFile, reading: Reading) -> Ratings:
    """The ratings of an export as those of the user "me"; the items are ids of the site, or titles and years.

    Raises
    ------
    DataError
        As `exported_ratings`.
    """
    site = site_of(file)
    if site is None or reading.columns:
        return ratings_of_table(file, reading)
    rated = exported_ratings(file, site)
    times = [each.time for each in rated] if reading.timestamps else None
    items = [each.id or str(each) for each in rated]
    try:
        return Ratings.from_arrays(
            [THE_PERSON] * len(rated),
            [int(id) for id in items] if all(id.isdecimal() for id in items) else items,
            [each.rating for each in rated],
            timestamps=times,
            duplicates=reading.duplicates,
        )
    except DataError as error:
        raise file.error(str(error)) from error


def _id(text: str, site: Site) -> str | None:
    """The id on the site; that at IMDb as IMDb writes it."""
    if not text:
        return None
    return text if not site.id_prefix or not text.isdecimal() else f"{site.id_prefix}{text.zfill(7)}"


def _first_filled(fields: list[str], places: list[int]) -> str:
    return next((fields[place] for place in places if place < len(fields) and fields[place]), "")


def _rating(file: DataFile, line: int, text: str, site: Site) -> float | None:
    if not text or (site.zero_is_none and text == "0"):
        return None
    if not is_number(text) or not 0 <= float(text) <= site.greatest:
        raise file.error(f"rating {shorten(text)!r} is not one from 0 to {site.greatest:g}", line)
    return float(text)
