"""Movies: titles, years and genres, read from the movie files of MovieLens and files like them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from matinee.datasets.fields import split_line
from matinee.datasets.files import DataFile
from matinee.datasets.listing import (
    distinct_ids,
    first_line,
    split_lines,
    wrong_number_of_fields,
)
from matinee.datasets.names import KNOWN_NAMES, TITLES, shorten
from matinee.errors import DataError
from matinee.ratings.ids import Id

# The genre flags of u.item, in order; the first, "unknown", means that there is no genre.
U_ITEM_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
# Item, title, release date, video release date, URL; then the flags.
U_ITEM_FIELDS = 5 + len(U_ITEM_GENRES)
NO_GENRES = ("", "(no genres listed)")
ITEM_NAMES = (*(name for name in KNOWN_NAMES["item"] if name not in TITLES), "id")
# The articles that catalogues put behind the title: English, French, Italian, Spanish, German, Dutch, Danish.
ARTICLES = (
    "The", "A", "An", "L'", "Le", "La", "Les", "Un", "Une", "Il", "Lo", "Gli", "Una", "Uno", "El", "Los",
    "Las", "Der", "Die", "Das", "Ein", "Eine", "De", "Het", "Een", "Den", "Det",
)  # fmt: skip
TRAILING_ARTICLE = re.compile(rf"(a\.k\.a\. )?(.+), ({'|'.join(ARTICLES)})")
# "(1995)", also "(1995) (V)" for a video, and "(2006–2007)" or "(2006-)" for a series.
YEAR = re.compile(r"\s*\((\d{4})(?:[-–]\d{0,4})?\)(?: \(V\))?\s*$")


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie: its id, title without the year, year if known, and genres. ``str`` gives "Title (1995)"."""

    item: Id
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.title if self.year is None else f"{self.title} ({self.year})"


class Movies(Mapping[Id, Movie]):
    """Movies by item id, in the order they were given.

    Parameters
    ----------
    movies : iterable of Movie
        Movies with different ids; a DataError if an id is given twice.
    """

    def __init__(self, movies: Iterable[Movie]) -> None:
        self._by_item: dict[Id, Movie] = {}
        for movie in movies:
            if movie.item in self._by_item:
                raise DataError(f"item {movie.item!r} is given twice; expected every item once")
            self._by_item[movie.item] = movie

    def __getitem__(self, item: Id) -> Movie:
        return self._by_item[item]

    def __iter__(self) -> Iterator[Id]:
        return iter(self._by_item)

    def __len__(self) -> int:
        return len(self._by_item)

    def __repr__(self) -> str:
        return f"Movies({len(self):,} movies)"

    def title(self, item: Id) -> str:
        """The title of an item without the year; the id as text if the item is not known."""
        movie = self._by_item.get(item)
        return str(item) if movie is None else movie.title

    def to_frame(self) -> pl.DataFrame:
        """The movies as a frame with the columns item, title, year (null if unknown) and genres (a list)."""
        movies = list(self._by_item.values())
        columns = {
            "item": pl.Series([movie.item for movie in movies]),
            "title": pl.Series([movie.title for movie in movies], dtype=pl.String),
            "year": pl.Series([movie.year for movie in movies], dtype=pl.Int32),
            "genres": pl.Series([list(movie.genres) for movie in movies], dtype=pl.List(pl.String)),
        }
        return pl.DataFrame(columns)

    def features(self) -> pl.DataFrame:
        """The years and genres in the columns item, year and genres, for the ``item_features`` of a model.

        A movie of unknown year gets the mean of the others' years. That says nothing about the movie, as it
        becomes 0 once the years are scaled to mean 0. A column that is empty for all movies is left out.
        """
        frame = self.to_frame().drop("title").with_columns(pl.col("year").cast(pl.Float64))
        if frame["year"].count() == 0:
            frame = frame.drop("year")
        else:
            frame = frame.with_columns(pl.col("year").fill_null(strategy="mean"))
        return frame if frame["genres"].list.len().sum() else frame.drop("genres")


def read_movies(path: str | os.PathLike[str]) -> Movies:
    """The movies in a file: MovieLens' ``movies.dat``, ``u.item`` or ``movies.csv``, or anything like them.

    Text is UTF-8, or Latin-1 if the file is not valid UTF-8. The year at the end of a title becomes ``year``;
    if the title has none, the year of the release date does. An article behind the title moves to its front
    ("Matrix, The (1999)" is "The Matrix" of 1999), also in alternative titles in parentheses. Ids are
    integers if all of them are, without leading zeros, and strings otherwise, as in `read_ratings`.

    Parameters
    ----------
    path : str or path-like
        Gzipped or not. A file with a header needs a column for the item and one named title; genres
        (separated by ``|``) and year are optional. A file without a header has item, title and genres.

    Raises
    ------
    DataError
        For a line without id or title or with too few fields, an id given twice, or a file of another kind;
        the message has the file and the line.
    """
    file = DataFile(path, table="movies")
    file.settle_encoding()
    rows = list(_rows(file))
    items = distinct_ids(file, "item", ((line, row["item"]) for line, row in rows))
    return Movies(_movie(row, item) for (_, row), item in zip(rows, items, strict=True))


def movie_title(text: str) -> tuple[str, int | None]:
    """The title as people write it, and the year, from a title as MovieLens writes it."""
    found = YEAR.search(text)
    bare = text[: found.start()] if found else text.strip()
    parts = re.split(r"( \([^()]*\))", bare)
    return "".join(map(_article_first, parts)) or text.strip(), int(found[1]) if found else None


def _article_first(part: str) -> str:
    if part.startswith(" (") and part.endswith(")"):
        return f" ({_article_first(part[2:-1])})"
    found = TRAILING_ARTICLE.fullmatch(part)
    if not found:
        return part
    prefix, name, article = found.groups(default="")
    return f"{prefix}{article}{'' if article.endswith(chr(39)) else ' '}{name}"


def _movie(row: dict[str, str], item: Id) -> Movie:
    title, year = movie_title(row["title"])
    if year is None and (found := re.search(r"\b(\d{4})$", row.get("year", ""))):
        year = int(found[1])
    genres = [genre.strip() for genre in row.get("genres", "").split("|")]
    return Movie(item, title, year, tuple(genre for genre in genres if genre not in NO_GENRES))


def _rows(file: DataFile) -> Iterator[tuple[int, dict[str, str]]]:
    """The fields item, title and perhaps genres and year of each movie, with the line's number."""
    separator, names, has_header = _format(file, *first_line(file))
    n_rows = 0
    for line, fields in split_lines(file, separator):
        if has_header:
            has_header = False
            continue
        row = _named(file, line, fields, names, separator)
        n_rows += 1
        yield line, row
    if n_rows == 0:
        raise file.error("there are no movies in the file")


def _format(file: DataFile, line: int, first: str) -> tuple[str, list[str], bool]:
    """The separator, the names of the fields, and whether the first line is a header."""
    for separator in ("::", "\t", ";", ","):
        names = [_role(name) for name in split_line(first, separator)]
        if "item" in names and "title" in names:
            return separator, names, True
    if "::" in first:
        return "::", ["item", "title", "genres"], False
    if first.count("|") == U_ITEM_FIELDS - 1:
        return "|", ["item", "title", "year", "video", "url", *U_ITEM_GENRES], False
    for separator in ("\t", ";", ","):
        if len(split_line(first, separator)) in (2, 3):
            return separator, ["item", "title", "genres"], False
    message = f"expected item::title::genres, or a header with item and title; got {shorten(first)!r}"
    raise file.error(message, line)


def _role(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if plain in ITEM_NAMES:
        return "item"
    return {"name": "title", "genre": "genres", "releasedate": "year", "releaseyear": "year"}.get(
        plain, plain
    )


def _named(file: DataFile, line: int, fields: list[str], names: list[str], separator: str) -> dict[str, str]:
    expected = separator.join(names[:3]) + ("…" if len(names) > 3 else "")
    if len(fields) > len(names) or len(fields) <= max(names.index("item"), names.index("title")):
        raise wrong_number_of_fields(file, line, fields, expected)
    row: dict[str, Any] = {}
    for name, field in zip(names, fields, strict=False):
        row.setdefault(name, field)
    for name in ("item", "title"):
        if not row[name]:
            raise file.error(f"the {name} is missing; expected {expected}", line)
    if names[-1] == U_ITEM_GENRES[-1]:
        row["genres"] = "|".join(name for name in U_ITEM_GENRES[1:] if row.get(name) == "1")
    return row
