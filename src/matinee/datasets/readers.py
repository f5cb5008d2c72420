"""Reads ratings from a file of any format that `formats` knows."""

from __future__ import annotations

import os

from matinee.datasets.files import DataFile
from matinee.datasets.formats import format_of
from matinee.datasets.names import Columns
from matinee.datasets.reading import Reading
from matinee.ratings import Duplicates, Ratings
from matinee.ratings.duplicates import check_duplicates


def read_ratings(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    columns: Columns | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    timestamps: bool = True,
    duplicates: Duplicates = "last",
    max_unpacked: int | None = None,
) -> Ratings:
    """The ratings in a file, as MovieLens, Netflix, Amazon and others publish them, or like those.

    The format is recognised from the content, not from the name:

    ==================== ===================================================================================
    format               content
    ==================== ===================================================================================
    "table"              Text separated by ``::``, tabs, semicolons, commas, bars or single spaces: the files
                         of MovieLens, Amazon, RecBole, Book-Crossing, Last.fm and most others. It may have a
                         header, a line ``sep=;``, and comment lines. Without a header the fields are user,
                         item, rating and perhaps timestamp, in this order.
    "json"               JSON, one object on each line, or a list of objects.
    "parquet", "arrow"   Parquet, and Arrow IPC or Feather.
    "netflix"            The Netflix Prize: a line ``8:`` for a movie, then ``user,rating,date``.
    "steam"              Reviews of Steam, as McAuley's group publishes them: a dictionary of Python on each
                         line. A review counts 1; ``columns={"rating": "hours"}`` takes the hours played.
    "lastfm-360k"        Last.fm 360K: listener, id and name of the artist, plays. Items are the names.
    "mind"               MIND's ``behaviors.tsv``: a click counts 1. What was not clicked is left out.
    "matrix-market"      MatrixMarket coordinates, of users × items; ids are the numbers in the file, from 1.
    "letterboxd",        The ratings that a person exports there; the user is "me". `read_export` matches them
    "imdb", "goodreads"  to the movies of a model.
    ==================== ===================================================================================

    Each may be packed by gzip, bzip2, xz or Zstandard, or be the only table in a zip archive, or the one
    called ratings. Text is UTF-8, else UTF-16, else Latin-1, of which a note in ``notes`` says so.

    The ids of a column are integers if all of them are, without leading zeros, and strings otherwise; 5.0 is
    the integer 5. Timestamps are numbers or dates: the size of the numbers says whether they are seconds,
    milliseconds, microseconds, nanoseconds or dates such as 20150131, and a note says which was taken if not
    seconds. "N/A" and an empty field are unknown times. Lines without any value are skipped. Between ``::``
    and tabs a quote is a part of the text, unless quotes are around every value of a column.

    Parameters
    ----------
    path : str or path-like
    format : str, optional
        One of the formats above, in place of the one recognised.
    columns : dict, optional
        Maps "user", "item", "rating", "timestamp" and "weight" to the name of the column, or to its place
        counted from 0. Columns that are not given are found by their names (userId, movie_id, stars, …), or
        in a file without header by their order. With ``{"rating": None}`` each line says only that the item
        was seen, and counts 1. A column called weight holds the ratings if no other does. Otherwise it holds
        weights, as in `Ratings.from_frame`, unless ``{"weight": None}`` says that it is neither.
    separator : str, optional
        The separator, in place of the one found.
    encoding : str, optional
        The encoding of the text, in place of the one found.
    timestamps : bool
        Whether to keep the timestamps, which are half of the memory.
    duplicates : {"last", "first", "latest", "mean", "sum", "error"}
        How to merge several ratings of one item by one user. First and last are by the order of the lines,
        and latest is by their times.
    max_unpacked : int, optional
        The most bytes that a packed file may unpack to. By default it is 50 times the packed size, and at
        least 64 MB.

    Raises
    ------
    DataError
        For a rating that is missing, not a number, infinite, NaN, or beyond 1e15; a weight that is not a
        number from 0 to 1e9; a missing id, or one that holds a line end; too many or too few fields; a file
        of a format that cannot be read. The message has the file, and the line or row of the first bad value.
    """
    check_duplicates(duplicates)
    file = DataFile(path, encoding=encoding, max_unpacked=max_unpacked)
    reading = Reading(columns, separator, timestamps, duplicates)
    ratings = format_of(file, format).read(file, reading)
    ratings.notes = (*file.notes, *ratings.notes)
    return ratings
