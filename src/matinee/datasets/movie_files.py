"""Reads movies from the files of MovieLens, Netflix, IMDb and others, and from files like them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import polars as pl

from matinee.datasets.columnar import frame_of_arrow, frame_of_parquet
from matinee.datasets.fields import split_line
from matinee.datasets.files import DataFile
from matinee.datasets.json_files import frame_of_json, is_json
from matinee.datasets.listing import distinct_ids, first_line, split_lines, wrong_number_of_fields
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.names import KNOWN_NAMES, TITLES, listed, plain_name, shorten
from matinee.datasets.netflix import is_netflix_titles, netflix_titles
from matinee.datasets.titles import movie_title
from matinee.ratings.ids import Id

# The genre flags of u.item, in order; the first, "unknown", means that there is no genre.
U_ITEM_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
# Item, title, release date, video release date, URL; then the flags.
U_ITEM_FIELDS = 5 + len(U_ITEM_GENRES)
NO_GENRES = ("", "(no genres listed)", "\\N")
# The names of the columns, in letters and digits only; the least ambiguous come first.
NAMES = {
    "item": (*(name for name in KNOWN_NAMES["item"] if name not in TITLES), "id", "imdbid", "tmdbid"),
    "title": ("title", "movietitle", "primarytitle", "name", "moviename", "booktitle", "originaltitle"),
    "year": (
        "year", "releaseyear", "startyear", "yearofpublication", "originalpublicationyear", "releasedate",
    ),
    "genres": ("genres", "genre", "class", "categories"),
}  # fmt: skip
SEPARATORS = ("::", "\t", ";", ",")
SAMPLE_LINES = 50
A_YEAR = re.compile(r"(?:18|19|20)\d\d|NULL|")

Row = dict[str, str]
Rows = Iterator[tuple[int, Row]]


class MovieFormat(NamedTuple):
    """A format of lists of movies.

    Attributes
    ----------
    is_of : callable
        Whether a file is of this format.
    rows : callable
        The fields item, title and perhaps genres and year of each movie, with the number of its line or row.
    """

    is_of: Callable[[DataFile], bool]
    rows: Callable[[DataFile], Rows]


def read_movies(
    path: str | os.PathLike[str], *, encoding: str | None = None, max_unpacked: int | None = None
) -> Movies:
    """The movies in a file: those of MovieLens, Netflix' ``movie_titles.csv``, or anything like them.

    The file is text with a header, or MovieLens' ``movies.dat`` or ``u.item``, or JSON, Parquet or Arrow, and
    may be packed as for `read_ratings`. Text is UTF-8, or else UTF-16 or Latin-1. The year at the end of a
    title becomes ``year``; if the title has none, the year of the release date does. An article behind the
    title moves to its front ("Matrix, The (1999)" is "The Matrix" of 1999), also in alternative titles in
    parentheses. Ids are integers if all of them are, without leading zeros, and strings otherwise, as in
    `read_ratings`.

    Parameters
    ----------
    path : str or path-like
        A file with a header needs a column for the item and one for the title; genres (separated by ``|`` or
        commas) and year, or the date of the release, are optional. A file without a header has item, title
        and genres, or item, title and year in any order.
    encoding : str, optional
        The encoding of the text, in place of the one found.
    max_unpacked : int, optional
        The most bytes that a packed file may unpack to, as in `read_ratings`.

    Raises
    ------
    DataError
        For a line without id or title or with too few fields, an id given twice, or a file of another kind;
        the message has the file and the line.
    """
    file = DataFile(path, encoding=encoding, max_unpacked=max_unpacked, table="movies")
    rows = list(next(form for form in MOVIE_FORMATS if form.is_of(file)).rows(file))
    if not rows:
        raise file.error("there are no movies in the file")
    items = distinct_ids(file, "item", ((line, row["item"]) for line, row in rows))
    mark = _genre_separator(row.get("genres", "") for _, row in rows)
    return Movies(_movie(row, item, mark) for (_, row), item in zip(rows, items, strict=True))


def _movie(row: Row, item: Id, genre_separator: str) -> Movie:
    title, year = movie_title(row["title"])
    if year is None and (found := re.search(r"^(\d{4})\b|\b(\d{4})$", row.get("year", ""))):
        year = int(found[1] or found[2])
    genres = [genre.strip() for genre in row.get("genres", "").split(genre_separator)]
    return Movie(item, title, year, tuple(genre for genre in genres if genre not in NO_GENRES))


def _genre_separator(genres: Iterable[str]) -> str:
    """A bar, unless no list of genres has one, and some have commas."""
    counts = Counter(mark for text in genres for mark in "|," if mark in text)
    return "," if counts[","] and not counts["|"] else "|"


def _rows_of_frame(file: DataFile, frame: pl.DataFrame) -> Rows:
    places = _places(frame.columns)
    for needed in ("item", "title"):
        if needed not in places:
            raise file.error(
                f"found no {needed} column among {listed(frame.columns)}; rename one to {needed!r}"
            )
    for number, values in enumerate(frame.iter_rows()):
        row = {role: _as_text(values[place]) for role, place in places.items()}
        for needed in ("item", "title"):
            if not row[needed]:
                raise file.error(f"row {number}: the {needed} is missing")
        yield number, row


def _as_text(value: Any) -> str:
    """A value of a frame as it would stand in a table; lists, and lists of objects with a name, with bars."""
    if value is None:
        return ""
    if isinstance(value, list):
        named = (each.get("name") if isinstance(each, dict) else each for each in value)
        return "|".join(str(name) for name in named if name is not None)
    return str(value).strip()


def _rows_of_table(file: DataFile) -> Rows:
    """The rows of a text whose fields are separated."""
    file.settle_encoding()
    separator, names, has_header = _layout(file, *first_line(file))
    by_blanks = has_header and "item" in names and _is_recbole(file)
    for line, fields in split_lines(file, separator):
        if has_header:
            has_header = False
            continue
        row = _named(file, line, fields, names, separator)
        if by_blanks:
            row["genres"] = row.get("genres", "").replace(" ", "|")
        elif row.get("genres", "").startswith(("[{", "[]")):
            row["genres"] = _names_in_json(row["genres"])
        yield line, row


def _is_recbole(file: DataFile) -> bool:
    return ":token_seq" in first_line(file)[1]


def _names_in_json(text: str) -> str:
    """The names in a list of objects, as TMDB's tables hold them; the text as it is if it is no such list."""
    try:
        return _as_text(json.loads(text))
    except ValueError:
        return text


def _layout(file: DataFile, line: int, first: str) -> tuple[str, list[str], bool]:
    """The separator, the names of the fields, and whether the first line is a header."""
    for separator in SEPARATORS:
        fields = split_line(first, separator)
        places = _places(fields)
        if "item" in places and "title" in places:
            roles = {place: role for role, place in places.items()}
            return separator, [roles.get(place, plain_name(name)) for place, name in enumerate(fields)], True
    if "::" in first:
        return "::", ["item", "title", "genres"], False
    if first.count("|") == U_ITEM_FIELDS - 1:
        return "|", ["item", "title", "year", "video", "url", *U_ITEM_GENRES], False
    for separator in SEPARATORS[1:]:
        if len(split_line(first, separator)) in (2, 3):
            return separator, _headerless_names(file, separator), False
    message = f"expected item::title::genres, or a header with item and title; got {shorten(first)!r}"
    raise file.error(message, line)


def _headerless_names(file: DataFile, separator: str) -> list[str]:
    """Item, title and genres, unless the second or third field of every line is a year."""
    lines = islice((text for _, text in file.lines() if text.strip()), SAMPLE_LINES)
    rows = [fields for fields in (split_line(text, separator) for text in lines) if len(fields) == 3]
    for place, names in ((1, ["item", "year", "title"]), (2, ["item", "title", "year"])):
        values = [fields[place] for fields in rows]
        if any(values) and all(A_YEAR.fullmatch(value) for value in values):
            return names
    return ["item", "title", "genres"]


def _places(names: list[str]) -> dict[str, int]:
    """The place of the column of each role, by the usual names."""
    plain = [plain_name(name) for name in names]
    found = {
        role: next((plain.index(name) for name in known if name in plain), None)
        for role, known in NAMES.items()
    }
    return {role: place for role, place in found.items() if place is not None}


def _named(file: DataFile, line: int, fields: list[str], names: list[str], separator: str) -> Row:
    expected = separator.join(names[:3]) + ("…" if len(names) > 3 else "")
    if len(fields) > len(names) or len(fields) <= max(names.index("item"), names.index("title")):
        raise wrong_number_of_fields(file, line, fields, expected)
    row: dict[str, Any] = {}
    for name, field in zip(names, fields, strict=False):
        row.setdefault(name, field)
    for name in ("item", "title"):
        if not row[name]:
            raise file.error(f"the {name} is missing; expected {expected}", line)
    for name in ("item", "title", "genres"):
        if "\n" in row.get(name, ""):
            raise file.error(f"the {name} holds a line end, as a quote that opens here is closed later", line)
    if names[-1] == U_ITEM_GENRES[-1]:
        row["genres"] = "|".join(name for name in U_ITEM_GENRES[1:] if row.get(name) == "1")
    return row


# The first that recognises a file reads it; any text may be a table.
MOVIE_FORMATS = (
    MovieFormat(lambda file: file.is_parquet, lambda file: _rows_of_frame(file, frame_of_parquet(file))),
    MovieFormat(lambda file: file.is_arrow, lambda file: _rows_of_frame(file, frame_of_arrow(file))),
    MovieFormat(is_json, lambda file: _rows_of_frame(file, frame_of_json(file))),
    MovieFormat(is_netflix_titles, netflix_titles),
    MovieFormat(lambda file: True, _rows_of_table),
)
