"""Reads ratings from text files with any usual separator or from Parquet files, gzipped or not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from matinee.datasets.files import DataFile
from matinee.datasets.layout import Columns, Layout, find_layout, is_number, match_names, records, shorten
from matinee.errors import DataError
from matinee.ratings import Duplicates, Ratings
from matinee.ratings.columns import LARGEST_RATING

# The unit separator of ASCII takes the place of '::', as polars splits at single bytes only.
UNIT_SEPARATOR = b"\x1f"
# A panic in polars derives from BaseException, but here it only means that polars cannot read the file.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError, ValueError)


def read_ratings(
    path: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    separator: str | None = None,
    timestamps: bool = True,
    duplicates: Duplicates = "last",
) -> Ratings:
    """The ratings in a file: MovieLens' ``.dat``, ``.csv`` and ``u.data``, or files like them.

    The format is recognised from the content, not from the name. It is text separated by ``::``, tabs,
    semicolons, commas, bars or single spaces, or it is Parquet; each may be gzipped. Text may have a header.
    Without one the fields are user, item, rating and perhaps timestamp, in this order.

    The ids of a column are integers if all of them are, without leading zeros, and strings otherwise.
    Timestamps are Unix seconds or ISO dates; "N/A" and an empty field are unknown times. Lines without any
    value are skipped.

    Parameters
    ----------
    path : str or path-like
    columns : dict, optional
        Maps "user", "item", "rating" and "timestamp" to the name of the column, or to its place counted from
        0. Columns that are not given are found by their names (userId, movie_id, stars, …).
        With ``{"rating": None}`` each line says only that the item was seen, and counts 1.
    separator : str, optional
        The separator, in place of the one found.
    timestamps : bool
        Whether to keep the timestamps, which are half of the memory.
    duplicates : {"last", "first", "mean", "sum", "error"}
        How to merge several ratings of one item by one user.

    Raises
    ------
    DataError
        For a rating that is missing, not a number, infinite, or NaN; a missing id; too many or too few
        fields; bytes that are not UTF-8. The message has the file, and the line or row of the first bad
        value.
    """
    file = DataFile(path)
    if file.is_parquet:
        return _read_parquet(file, columns, timestamps, duplicates)
    layout = find_layout(file, columns, separator)
    if not timestamps:
        kept = {role: place for role, place in layout.positions.items() if role != "timestamp"}
        layout = replace(layout, positions=kept)
    table = _first_complete(file, layout)
    try:
        return Ratings.from_columns(table, duplicates=duplicates)
    except DataError as error:
        raise _with_line(file, layout, error) from error


def _read_parquet(
    file: DataFile, columns: Columns | None, timestamps: bool, duplicates: Duplicates
) -> Ratings:
    try:
        names = pl.scan_parquet(file.source(), glob=False).collect_schema().names()
        chosen = {role: names[place] for role, place in match_names(names, columns).items()}
        if not timestamps:
            chosen.pop("timestamp", None)
        frame = pl.read_parquet(file.source(), columns=list(dict.fromkeys(chosen.values())), glob=False)
        chosen.setdefault("rating", None)  # type: ignore[arg-type]
        return Ratings.from_frame(frame, duplicates=duplicates, **chosen)
    except DataError as error:
        joint = ", " if str(error).startswith("row ") else ": "
        raise DataError(f"{file.name}{joint}{error}") from error
    except UNREADABLE as error:
        raise file.error(f"the Parquet file is damaged ({shorten(str(error))})") from error


def _first_complete(file: DataFile, layout: Layout) -> list[Any]:
    """The columns user, item, rating and timestamp, by the fastest way that reads all of them."""
    for attempt in _attempts(file, layout):
        try:
            table = _complete(attempt())
        except UNREADABLE:
            continue
        if table is not None:
            return table
    if fault := _first_fault(file, layout):
        raise fault
    table = _complete(_parse_line_by_line(file, layout))
    if table is None:
        raise file.error(f"cannot be read as {layout.expected}")
    return table


def _attempts(file: DataFile, layout: Layout) -> Iterator[Callable[[], pl.DataFrame]]:
    if layout.separator == "::":
        yield lambda: _parse_colons(file, layout)
        yield lambda: _parse_unit_separated(file, layout)
        return
    typed, text = _types(layout), dict.fromkeys(layout.positions, pl.String)
    yield lambda: _parse(file.source(), layout, layout.separator, typed, '"')
    yield lambda: _parse(file.source(), layout, layout.separator, text, '"')
    # A quote may be part of an id.
    yield lambda: _parse(file.source(), layout, layout.separator, text, None)


def _types(layout: Layout) -> dict[str, Any]:
    types: dict[str, Any] = {
        role: pl.Int64 if role in layout.integers else pl.String for role in layout.positions
    }
    return types | {"rating": pl.Float32} if "rating" in types else types


def _parse(
    source: Any, layout: Layout, separator: str, types: dict[str, Any], quote: str | None
) -> pl.DataFrame:
    roles = {place: role for role, place in layout.positions.items()}
    names = [roles.get(place, f"field {place}") for place in range(layout.n_fields)]
    return pl.read_csv(
        source,
        has_header=False,
        skip_lines=layout.n_lines_before,
        separator=separator,
        quote_char=quote,
        schema={name: types.get(name, pl.String) for name in names},
        glob=False,
        raise_if_empty=False,
    ).select(list(types))


def _parse_colons(file: DataFile, layout: Layout) -> pl.DataFrame:
    """The fields of a ``::`` file, read with the separator ``:``, so that every second one is empty."""
    types = _types(layout)
    between = {f"between {place}": pl.Int8 for place in range(1, 2 * layout.n_fields - 1, 2)}
    doubled = {role: 2 * place for role, place in layout.positions.items()}
    doubled |= {name: int(name.split()[1]) for name in between}
    spread = replace(layout, n_fields=2 * layout.n_fields - 1, positions=doubled)
    frame = _parse(file.source(), spread, ":", types | between, None)
    if any(frame[name].null_count() < len(frame) for name in between):
        raise ValueError("a single ':' in a file separated by '::'")
    return frame.drop(list(between))


def _parse_unit_separated(file: DataFile, layout: Layout) -> pl.DataFrame:
    content = file.content()
    if UNIT_SEPARATOR in content:
        raise ValueError("a unit separator in the text")
    content = content.replace(b"::", UNIT_SEPARATOR)
    text = dict.fromkeys(layout.positions, pl.String)
    return _parse(content, layout, UNIT_SEPARATOR.decode(), text, None)


def _parse_line_by_line(file: DataFile, layout: Layout) -> pl.DataFrame:
    """The fields as text; slow, for files that polars refuses (the first line may have no timestamp)."""
    columns: dict[str, list[str | None]] = {role: [] for role in layout.positions}
    for _, fields in records(file, layout):
        for role, place in layout.positions.items():
            columns[role].append(fields[place] if place < len(fields) else None)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _complete(frame: pl.DataFrame) -> list[Any] | None:
    """The columns for `Ratings`, each in its type; None if an id is missing, or a rating is not a number."""
    text = [name for name, kind in frame.schema.items() if kind == pl.String]
    stripped = (pl.col(name).str.strip_chars() for name in text)
    frame = frame.with_columns(pl.when(column != "").then(column) for column in stripped)
    if any(frame[role].null_count() for role in frame.columns):
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    if "rating" in text:
        frame = frame.with_columns(pl.col("rating").cast(pl.Float32, strict=False))
    if any(frame[role].null_count() for role in frame.columns if role != "timestamp"):
        return None
    ids = [_narrowest(frame.drop_in_place(role)) for role in ("user", "item")]
    rating = frame.drop_in_place("rating") if "rating" in frame.columns else np.ones(len(ids[0]), np.float32)
    return [*ids, rating, frame.drop_in_place("timestamp") if "timestamp" in frame.columns else None]


def _narrowest(ids: pl.Series) -> pl.Series:
    """The ids as integers if every id is written exactly as its integer."""
    if ids.dtype != pl.String:
        return ids
    for kind in (pl.Int64, pl.UInt64):
        numbers = ids.cast(kind, strict=False)
        if numbers.null_count() == 0 and (numbers.cast(pl.String) == ids).all():
            return numbers
    return ids


def _first_fault(file: DataFile, layout: Layout) -> DataError | None:
    """The error for the first bad line; slow and careful. None if no line is bad."""
    needed = max(place for role, place in layout.positions.items() if role != "timestamp")
    for line, fields in records(file, layout):
        fault = None
        if len(fields) > layout.n_fields or len(fields) <= needed:
            fault = f"{len(fields)} field{'s' * (len(fields) != 1)}"
        elif gaps := [role for role in ("user", "item") if not fields[layout.positions[role]]]:
            fault = f"the {gaps[0]} is missing"
        elif "rating" in layout.positions:
            fault = _rating_fault(fields[layout.positions["rating"]])
        if fault:
            return file.error(f"{fault}; expected {layout.expected}", line)
    return None


def _rating_fault(text: str) -> str | None:
    if not text:
        return "the rating is missing"
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return f"rating {text!r} is not a finite number"
    if not is_number(text):
        return f"rating {shorten(text)!r} is not a number"
    if abs(float(text)) > LARGEST_RATING:
        return f"rating {shorten(text)} is beyond {LARGEST_RATING:g}"
    return None


def _with_line(file: DataFile, layout: Layout, error: DataError) -> DataError:
    """The error with the name of the file, and with lines of the file in place of rows."""
    fault = _first_fault(file, layout)
    if fault:
        return fault
    message = str(error)
    if message.startswith("there are no ratings"):
        return file.error("there are no ratings below the header" if layout.has_header else message)
    wanted = {int(row) for row in re.findall(r"(?:^|, in )row (\d+)", message)}
    if not wanted:
        return file.error(message)
    lines = {row: line for row, (line, _) in enumerate(records(file, layout)) if row in wanted}
    message = re.sub(r"(^|, in )row (\d+)", lambda m: f"{m[1]}line {lines.get(int(m[2]), '?')}", message)
    return DataError(f"{file.name}, {message}")
