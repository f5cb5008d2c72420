"""Ratings from a text table, and from a frame that a file holds."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from matinee.datasets.delimited import data_records, first_fault, read_columns
from matinee.datasets.files import DataFile
from matinee.datasets.layout import Layout, find_layout
from matinee.datasets.names import ColumnsNeededError, match_names
from matinee.datasets.reading import Reading
from matinee.errors import DataError
from matinee.ratings import Ratings


def ratings_of_table(file: DataFile, reading: Reading) -> Ratings:
    """The ratings in text whose fields are separated."""
    layout = find_layout(file, reading.columns, reading.separator)
    if not reading.timestamps:
        layout = layout.without_timestamps()
    columns = read_columns(file, layout)
    try:
        return Ratings.from_columns(columns, duplicates=reading.duplicates)
    except DataError as error:
        raise _with_line(file, layout, error) from error


def ratings_of_frame(file: DataFile, frame: pl.DataFrame, reading: Reading) -> Ratings:
    """The ratings in a frame that was read from a file; errors name the file and the row."""
    try:
        names = frame.columns
        chosen: dict[str, Any] = {
            role: names[place] for role, place in match_names(names, reading.columns).items()
        }
        if not reading.timestamps:
            chosen.pop("timestamp", None)
        chosen.setdefault("rating", None)
        return Ratings.from_frame(frame, duplicates=reading.duplicates, **chosen)
    except ColumnsNeededError as error:
        raise error.at(file.name) from error
    except DataError as error:
        joint = ", " if str(error).startswith("row ") else ": "
        raise DataError(f"{file.name}{joint}{error}") from error


def _with_line(file: DataFile, layout: Layout, error: DataError) -> DataError:
    """The error with the name of the file, and with lines of the file in place of rows."""
    fault = first_fault(file, layout)
    if fault:
        return fault
    message = str(error)
    if message.startswith("there are no ratings"):
        return file.error("there are no ratings below the header" if layout.has_header else message)
    wanted = {int(row) for row in re.findall(r"(?:^|, in )row (\d+)", message)}
    if not wanted:
        return file.error(message)
    lines = {row: record.line for row, record in enumerate(data_records(file, layout)) if row in wanted}
    message = re.sub(r"(^|, in )row (\d+)", lambda m: f"{m[1]}line {lines.get(int(m[2]), '?')}", message)
    return DataError(f"{file.name}, {message}")
