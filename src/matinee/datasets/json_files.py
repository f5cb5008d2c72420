"""Frames from JSON: one object on each line, or a list of objects."""

from __future__ import annotations

import json

import polars as pl

from matinee.datasets.encodings import UTF8_MARK
from matinee.datasets.files import DataFile
from matinee.datasets.names import checked_columns, match_names, shorten
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_frame
from matinee.errors import DataError
from matinee.ratings import Ratings

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeError, ValueError)
EXPECTED = "expected one object on each line, or a list of objects"


def is_json(file: DataFile) -> bool:
    """Whether a text begins like JSON."""
    head = file.head.removeprefix(UTF8_MARK).lstrip()
    return head.startswith(b"{") or (head.startswith(b"[") and head[1:].lstrip().startswith((b"{", b"]")))


def ratings_of_json(file: DataFile, reading: Reading) -> Ratings:
    """The ratings in JSON, one in each object."""
    frame = _needed_columns(file, reading)
    return ratings_of_frame(file, frame_of_json(file) if frame is None else frame, reading)


def _needed_columns(file: DataFile, reading: Reading) -> pl.DataFrame | None:
    """The columns of ratings in lines of JSON, without the texts of reviews, which may fill the memory.

    None for what has to be read whole: a list, columns that are named by their number, or a fault to explain.
    """
    if not file.head.startswith(b"{"):
        return None
    try:
        if any(isinstance(place, int) for place in checked_columns(reading.columns).values()):
            return None
        lines = pl.scan_ndjson(file.source(), infer_schema_length=None)
        names = lines.collect_schema().names()
        places = sorted(match_names(names, reading.columns).values())
        frame = lines.select(names[place] for place in places).collect()
    except (*UNREADABLE, DataError):
        return None
    return frame if frame.height else None


def frame_of_json(file: DataFile) -> pl.DataFrame:
    """The objects of a JSON file as rows; all of them decide the types of the columns.

    Raises
    ------
    DataError
        If the file is anything else; the message has the line.
    """
    content = file.content().removeprefix(UTF8_MARK).lstrip()
    is_list = content.startswith(b"[")
    try:
        if is_list:
            frame = pl.read_json(content, infer_schema_length=None)
        else:
            frame = pl.read_ndjson(content, infer_schema_length=None)
    except UNREADABLE as error:
        raise _fault(file, is_list) or file.error(f"{EXPECTED} ({shorten(str(error))})") from error
    if frame.height == 0:
        raise file.error(f"there are no objects; {EXPECTED}")
    return frame


def _fault(file: DataFile, is_list: bool) -> DataError | None:
    if is_list:
        try:
            json.loads(file.content())
        except ValueError as error:
            return file.error(f"is not JSON ({error})")
        return None
    for number, line in file.lines():
        try:
            found = json.loads(line) if line.strip() else {}
        except ValueError as error:
            return file.error(f"is not JSON ({error}); {EXPECTED}", number)
        if not isinstance(found, dict):
            return file.error(f"holds a {type(found).__name__}; {EXPECTED}", number)
    return None
