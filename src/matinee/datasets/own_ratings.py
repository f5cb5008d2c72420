"""`read_export`: one person's ratings from another site, as ratings of the movies in a list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from matinee.datasets.exports import SITES, ExportedRating, exported_ratings, site_of
from matinee.datasets.fields import split_line, split_records
from matinee.datasets.files import DataFile
from matinee.datasets.matching import Match, MovieMatcher
from matinee.datasets.movies import Movies
from matinee.datasets.names import listed, plain_name
from matinee.ratings.ids import Id

# The greatest ratings of the usual scales, between which ratings are converted.
SCALES = (5, 10, 100)
N_NAMED = 10


@dataclass(frozen=True)
class Export:
    """One person's ratings from Letterboxd, IMDb, MovieLens or Goodreads, by the items of a list of movies.

    ``print`` says how many were matched by what, and which were not.

    Attributes
    ----------
    ratings : dict
        The ratings by item, on the scale of the site; `on_scale` converts them for a model.
    site : str
        "letterboxd", "imdb", "movielens", "matinee" or "goodreads".
    greatest : float
        The greatest rating on the site.
    n_by_id, n_by_title : int
        How many were matched by their id, and how many by title and year.
    unmatched, ambiguous : tuple of ExportedRating
        What is not in the list, and what several movies in the list may be.
    """

    ratings: dict[Id, float]
    site: str
    greatest: float
    n_by_id: int
    n_by_title: int
    unmatched: tuple[ExportedRating, ...]
    ambiguous: tuple[ExportedRating, ...]

    def on_scale(self, rating_range: tuple[float, float]) -> dict[Id, float]:
        """The ratings on the scale of a model, for its ``fold_in``.

        Parameters
        ----------
        rating_range : tuple of float
            The least and the greatest rating of the model: its ``rating_range_``. If the greatest is 5, 10 or
            100, ratings are converted from the site's scale; otherwise they stay as they are.
        """
        greatest = rating_range[1]
        factor = greatest / self.greatest if greatest in SCALES else 1.0
        return {item: rating * factor for item, rating in self.ratings.items()}

    def __str__(self) -> str:
        n_rated = self.n_by_id + self.n_by_title + len(self.unmatched) + len(self.ambiguous)
        n_found = self.n_by_id + self.n_by_title
        lines = [
            f"{n_found:,} of {n_rated:,} ratings from {self.site} matched: {self.n_by_id:,} by id, "
            f"{self.n_by_title:,} by title and year"
        ]
        for name, rated in (("not in the list", self.unmatched), ("several may be meant", self.ambiguous)):
            if rated:
                more = f" and {len(rated) - N_NAMED:,} more" if len(rated) > N_NAMED else ""
                lines.append(f"{name}: {', '.join(map(str, rated[:N_NAMED]))}{more}")
        return "\n".join(lines)


def read_export(
    path: str | os.PathLike[str],
    movies: Movies,
    *,
    links: str | os.PathLike[str] | None = None,
    encoding: str | None = None,
    max_unpacked: int | None = None,
) -> Export:
    """The ratings that one person exported from another site, matched to a list of movies.

    A movie is found by its id at IMDb, if the export and the list have one; otherwise by title and year.
    Articles, accents, punctuation, editions such as "(Director's Cut)", alternative titles and Roman numerals
    make no difference, and a year may be off by one.

    Parameters
    ----------
    path : str or path-like
        Letterboxd's ``ratings.csv`` or the whole archive, the exports of IMDb and MovieLens, Goodreads'
        library, or the CSV that a site of Matinee gives.
    movies : Movies
        The movies to match, as `read_movies` gives them.
    links : str or path-like, optional
        MovieLens' ``links.csv``, or a table with the columns movieId and imdbId.
    encoding : str, optional
        The encoding of the export, in place of the one found.
    max_unpacked : int, optional
        As in `read_ratings`.

    Returns
    -------
    Export
        Its ``ratings`` are for ``model.fold_in``; ``print`` it to see what was not matched.

    Raises
    ------
    DataError
        If the file is no export, or a rating in it cannot be one; the message has the line.
    """
    rated, site, greatest = read_person(path, encoding=encoding, max_unpacked=max_unpacked)
    matcher = MovieMatcher(movies, {} if links is None else read_links(links))
    return matched(rated, site, greatest, matcher)


def read_person(
    path: str | os.PathLike[str], *, encoding: str | None = None, max_unpacked: int | None = None
) -> tuple[list[ExportedRating], str, float]:
    """The ratings in an export as they are in the file, the name of the site, and its greatest rating.

    Raises
    ------
    DataError
        As `read_export`.
    """
    file = DataFile(path, encoding=encoding, max_unpacked=max_unpacked)
    site = site_of(file)
    if site is None:
        names = ", ".join(each.name for each in SITES)
        raise file.error(f"is not an export of one person's ratings; expected one of {names}")
    return exported_ratings(file, site), site.name, site.greatest


def is_export(path: str | os.PathLike[str], *, encoding: str | None = None) -> bool:
    """Whether a file is an export of one person's ratings."""
    return site_of(DataFile(path, encoding=encoding)) is not None


def matched(rated: list[ExportedRating], site: str, greatest: float, matcher: MovieMatcher) -> Export:
    """Ratings from a site as ratings of the movies in a list."""
    ratings: dict[Id, float] = {}
    by_how: dict[str, list[ExportedRating]] = {how: [] for how in ("id", "title", "ambiguous", "none")}
    for each in rated:
        found: Match = matcher.match(each)
        by_how[found.how].append(each)
        if found.item is not None:
            ratings[found.item] = each.rating
    return Export(
        ratings,
        site,
        greatest,
        n_by_id=len(by_how["id"]),
        n_by_title=len(by_how["title"]),
        unmatched=tuple(by_how["none"]),
        ambiguous=tuple(by_how["ambiguous"]),
    )


def read_links(path: str | os.PathLike[str]) -> dict[int, str]:
    """For the number of a movie at IMDb, its id as text, from MovieLens' ``links.csv`` or a table like it.

    Raises
    ------
    DataError
        If the table has no columns movieId and imdbId.
    """
    file = DataFile(path, table="links")
    separator = next(
        (mark for mark in ("\t", ";", ",") if len(split_line(next(file.lines())[1], mark)) > 1), ","
    )
    records = split_records(file, separator)
    header = next(records)
    names = [plain_name(name) for name in header.fields]
    movie = next((names.index(name) for name in ("movieid", "itemid", "item", "id") if name in names), None)
    imdb = next((names.index(name) for name in ("imdbid", "tconst", "imdb") if name in names), None)
    if movie is None or imdb is None:
        raise file.error(f"found no movieId and imdbId among {listed(header.fields)}", header.line)
    links = {}
    for record in records:
        if len(record.fields) > max(movie, imdb):
            number = record.fields[imdb].removeprefix("tt")
            if number.isdecimal():
                links[int(number)] = record.fields[movie]
    return links


def links_beside(path: str | os.PathLike[str]) -> Path | None:
    """The file ``links.csv`` in the folder of a list of movies, if there is one."""
    found = Path(path).with_name("links.csv")
    return found if found.is_file() else None
