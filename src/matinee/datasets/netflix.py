"""The files of the Netflix Prize: ratings by movie, and the titles of the movies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from matinee.datasets.delimited import UNREADABLE
from matinee.datasets.files import DataFile
from matinee.datasets.names import shorten
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_frame
from matinee.datasets.whole_lines import NO_SEPARATOR, whole_lines
from matinee.errors import DataError
from matinee.ratings import Ratings

RATINGS_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*\d+:[ \t]*\r?\n\s*\d+,")
# "1,2003,Dinosaur Planet": a title may hold commas, and stands without quotes.
TITLE_LINE = re.compile(r"(\d+),(\d{4}|NULL),(.+)")
RATING_LINE = re.compile(r"\s*\d+\s*,\s*\d+(?:\.\d+)?\s*(?:,\s*[^,]*)?")
MOVIE_LINE = re.compile(r"\s*\d+\s*:\s*")


def is_netflix(file: DataFile) -> bool:
    """Whether a file begins with the line of a movie and the line of a rating."""
    return RATINGS_HEAD.match(file.head) is not None


def ratings_of_netflix(file: DataFile, reading: Reading) -> Ratings:
    """The ratings in ``combined_data_1.txt``, or in the file of one movie, such as ``mv_0000001.txt``."""
    try:
        lines = whole_lines(file).str.strip_chars()
    except UNREADABLE as error:
        raise _first_fault(file) from error
    is_movie = lines.str.ends_with(":")
    item = lines.str.strip_suffix(":").set(~is_movie, None).cast(pl.Int64, strict=False).forward_fill()
    fields = lines.str.split_exact(",", 2).struct.unnest()
    frame = fields.select(
        user=pl.col("field_0").str.strip_chars().cast(pl.Int64, strict=False),
        item=item,
        rating=pl.col("field_1").str.strip_chars().cast(pl.Float32, strict=False),
        timestamp="field_2",
    ).filter(~is_movie.fill_null(False) & lines.is_not_null())
    needed = ("user", "item", "rating")
    if any(frame[name].null_count() for name in needed):
        raise _first_fault(file)
    return ratings_of_frame(file, frame, Reading(None, None, reading.timestamps, reading.duplicates))


def is_netflix_titles(file: DataFile) -> bool:
    """Whether a file lists movies by number, year and title."""
    lines = file.head.decode("latin-1").splitlines()[:20]
    return len(lines) > 0 and all(TITLE_LINE.fullmatch(line.strip()) for line in lines if line.strip())


def netflix_titles(file: DataFile) -> Iterator[tuple[int, dict[str, str]]]:
    """The fields item, year and title of each movie in ``movie_titles.csv``, with the line's number."""
    file.settle_encoding()
    for number, line in file.lines():
        if not line.strip():
            continue
        found = TITLE_LINE.fullmatch(line.strip())
        if found is None:
            raise file.error(f"{shorten(line)!r}; expected id,year,title", number)
        item, year, title = found.groups()
        yield number, {"item": item, "title": title, "year": "" if year == "NULL" else year}


def _first_fault(file: DataFile) -> DataError:
    """The error for the first line that is of no movie and no rating."""
    for number, line in file.lines():
        is_known = RATING_LINE.fullmatch(line) or MOVIE_LINE.fullmatch(line) or not line.strip()
        if NO_SEPARATOR in line or not is_known:
            fault = f"{shorten(line)!r}; expected user,rating,date, or the number of a movie as in '8:'"
            return file.error(fault, number)
    return file.error("cannot be read as movies '8:' and lines user,rating,date")
