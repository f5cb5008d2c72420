"""Reads the columns of a ratings file whose fields are separated, by the fastest way that loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from matinee.datasets.fields import LITERAL, Record, is_quoted, split_records, unquoted
from matinee.datasets.files import DataFile
from matinee.datasets.integers import has_odd_integers
from matinee.datasets.layout import NUMBERS, Layout, is_number, with_decimal_point
from matinee.datasets.names import shorten
from matinee.datasets.written_ids import narrowest
from matinee.errors import DataError
from matinee.ratings.columns import LARGEST_RATING, LARGEST_WEIGHT

# The unit separator of ASCII takes the place of '::', as polars splits at single bytes only.
UNIT_SEPARATOR = b"\x1f"
# A panic in polars derives from BaseException, but here it only means that polars cannot read the file.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError, ValueError)
IDS = ("user", "item")
LARGEST = {"rating": LARGEST_RATING, "weight": LARGEST_WEIGHT}


class LineEndInIdError(Exception):
    """A quote that opens in an id is closed only on a later line."""


Attempt: TypeAlias = Callable[[], pl.DataFrame]


def read_columns(file: DataFile, layout: Layout) -> list[Any]:
    """The columns user, item, rating, timestamp and weight; None in place of the last two if there are none.

    Raises
    ------
    DataError
        For the first line that does not fit the layout, or whose id or rating cannot be one.
    """
    if layout.comment is not None:
        file.keep(_blank_comments(file, layout))
    found = _first_complete(file, layout)
    if found is None and file.settle_encoding():
        found = _first_complete(file, layout)
    if found is None and (fault := first_fault(file, layout)):
        raise fault
    if found is None and (frame := _complete(_parse_line_by_line(file, layout), layout)) is not None:
        found = frame
    if found is None:
        raise file.error(f"cannot be read as {layout.expected}")
    return found


def first_fault(file: DataFile, layout: Layout) -> DataError | None:
    """The error for the first bad line; slow and careful. None if no line is bad."""
    for record in data_records(file, layout):
        if fault := _fault(record, layout):
            if record.last_line > record.line:
                fault += f", as a quote that opens here is closed in line {record.last_line}"
            return file.error(f"{fault}; expected {layout.expected}", record.line)
    return None


def data_records(file: DataFile, layout: Layout) -> Iterator[Record]:
    """The fields of each line that holds data, in the order of the rows that `read_columns` gives."""
    return split_records(file, layout.separator, after=layout.n_lines_before)


def _first_complete(file: DataFile, layout: Layout) -> list[Any] | None:
    for attempt in _attempts(file, layout):
        try:
            found = _complete(attempt(), layout)
        except LineEndInIdError:
            return None
        except UNREADABLE:
            continue
        if found is not None:
            return found
    return None


def _attempts(file: DataFile, layout: Layout) -> Iterator[Attempt]:
    typed, text = _types(layout), dict.fromkeys(layout.positions, pl.String)
    if layout.separator == "::":
        yield lambda: _without_odd_integers(file, ":", lambda: _parse_colons(file, layout, typed))
        yield lambda: _parse_unit_separated(file, layout, text)
        return
    quote = None if layout.separator in LITERAL else '"'
    parse = partial(_parse, file.source(), layout, layout.separator)
    yield lambda: _without_odd_integers(file, layout.separator, lambda: parse(typed, quote))
    yield lambda: _without_line_ends(parse(text, quote))
    if quote is not None:
        # A quote may be part of an id, but not if others are around whole ids.
        yield lambda: _without_quoted_ids(parse(text, None))


def _types(layout: Layout) -> dict[str, Any]:
    types: dict[str, Any] = {
        role: pl.Int64 if role in layout.integers else pl.String for role in layout.positions
    }
    return types | {role: pl.Float32 for role in NUMBERS if role in types}


def _without_odd_integers(file: DataFile, separator: str, parse: Attempt) -> pl.DataFrame:
    """What ``parse`` gives, unless it may have changed ids such as "0101" on the way to integers."""
    frame = parse()
    has_integer_ids = any(frame[role].dtype == pl.Int64 for role in IDS)
    if has_integer_ids and has_odd_integers(file.source(), separator):
        raise ValueError("a leading zero or a plus")
    return _without_line_ends(frame)


def _without_line_ends(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, unless an id in it holds a line end."""
    for role in IDS:
        if frame[role].dtype == pl.String and frame[role].str.contains("\n", literal=True).any():
            raise LineEndInIdError
    return frame


def _without_quoted_ids(frame: pl.DataFrame) -> pl.DataFrame:
    for role in IDS:
        if frame[role].str.contains('^".*"$').any():
            raise ValueError("quotes around an id")
    return frame


def _parse(
    source: Any, layout: Layout, separator: str, types: dict[str, Any], quote: str | None
) -> pl.DataFrame:
    roles = {place: role for role, place in layout.positions.items()}
    names = [roles.get(place, f"field {place}") for place in range(layout.n_fields)]
    frame = pl.read_csv(
        source,
        has_header=False,
        skip_lines=layout.n_lines_before,
        separator=separator,
        quote_char=quote,
        schema={name: types.get(name, pl.String) for name in names},
        glob=False,
        raise_if_empty=False,
    )
    trailing = names[len(names) - layout.n_trailing :]
    if any(frame[name].null_count() < len(frame) for name in trailing):
        raise ValueError("more fields than there should be")
    return frame.select(list(types))


def _parse_colons(file: DataFile, layout: Layout, types: dict[str, Any]) -> pl.DataFrame:
    """The fields of a ``::`` file, read with the separator ``:``, so that every second one is empty."""
    between = {f"between {place}": pl.Int8 for place in range(1, 2 * layout.n_fields - 1, 2)}
    doubled = {role: 2 * place for role, place in layout.positions.items()}
    between |= {f"between {2 * (layout.n_fields - 1 - place)}": pl.Int8 for place in range(layout.n_trailing)}
    doubled |= {name: int(name.split()[1]) for name in between}
    spread = replace(layout, n_fields=2 * layout.n_fields - 1, positions=doubled, n_trailing=0)
    frame = _parse(file.source(), spread, ":", types | between, None)
    if any(frame[name].null_count() < len(frame) for name in between):
        raise ValueError("a single ':' in a file separated by '::'")
    return frame.drop(list(between))


def _parse_unit_separated(file: DataFile, layout: Layout, types: dict[str, Any]) -> pl.DataFrame:
    content = file.content()
    if UNIT_SEPARATOR in content:
        raise ValueError("a unit separator in the text")
    content = content.replace(b"::", UNIT_SEPARATOR)
    return _parse(content, layout, UNIT_SEPARATOR.decode(), types, None)


def _parse_line_by_line(file: DataFile, layout: Layout) -> pl.DataFrame:
    """The fields as text; slow, for files that polars refuses (the first line may have no timestamp)."""
    columns: dict[str, list[str | None]] = {role: [] for role in layout.positions}
    for record in data_records(file, layout):
        for role, place in layout.positions.items():
            columns[role].append(record.fields[place] if place < len(record.fields) else None)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _complete(frame: pl.DataFrame, layout: Layout) -> list[Any] | None:
    """The columns for `Ratings`, each in its type; None if an id is missing, or a rating is not a number."""
    text = [name for name, kind in frame.schema.items() if kind == pl.String]
    if layout.separator in LITERAL:
        frame = frame.with_columns(_unquoted_if_all_are(frame[name]) for name in text)
    stripped = (pl.col(name).str.strip_chars() for name in text)
    frame = frame.with_columns(pl.when(column != "").then(column) for column in stripped)
    if any(frame[role].null_count() for role in frame.columns):
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    for role in NUMBERS:
        if role in text:
            frame = frame.with_columns(_numbers(frame[role], layout))
    if any(frame[role].null_count() for role in frame.columns if role != "timestamp"):
        return None
    ids = [narrowest(frame.drop_in_place(role)) for role in IDS]
    rating = frame.drop_in_place("rating") if "rating" in frame.columns else np.ones(len(ids[0]), np.float32)
    others = (
        frame.drop_in_place(role) if role in frame.columns else None for role in ("timestamp", "weight")
    )
    return [*ids, rating, *others]


def _unquoted_if_all_are(column: pl.Series) -> pl.Series:
    """The column without quotes if they are around every value, as some programs write tables."""
    bare = column.str.strip_chars()
    if len(column) == 0 or not bare.fill_null('""').str.contains('^"(?s:.*)"$').all():
        return column
    return bare.str.slice(1, bare.str.len_chars() - 2).str.replace_all('""', '"', literal=True)


def _numbers(text: pl.Series, layout: Layout) -> pl.Series:
    if layout.decimal_comma:
        text = text.str.replace("^([+-]?[0-9]+),([0-9]{1,2}|[0-9]{4,})$", "$1.$2")
    return text.cast(pl.Float32, strict=False)


def _blank_comments(file: DataFile, layout: Layout) -> bytes:
    """The content with empty lines in place of comments, so that the other lines keep their numbers."""
    assert layout.comment is not None
    mark = re.escape(layout.comment.encode())

    def blanked(found: re.Match[bytes]) -> bytes:
        return b"" if layout.is_comment(found[0].decode("latin-1").rstrip("\r")) else found[0]

    return re.sub(rb"^%s[^\n]*" % mark, blanked, file.content(), flags=re.MULTILINE)


def _fault(record: Record, layout: Layout) -> str | None:
    """What is wrong with a record; None if nothing is."""
    fields, positions = record.fields, layout.positions
    needed = max(place for role, place in positions.items() if role != "timestamp")
    n_named = layout.n_fields - layout.n_trailing
    if any(fields[n_named:]) or len(fields) <= needed:
        return f"{len(fields)} field{'s' * (len(fields) != 1)}"
    for role in IDS:
        if not fields[positions[role]]:
            return f"the {role} is missing"
        if "\n" in fields[positions[role]]:
            return f"the {role} holds a line end"
    faults = (_number_fault(fields[positions[role]], role, layout) for role in NUMBERS if role in positions)
    return next((fault for fault in faults if fault), None)


def _number_fault(text: str, role: str, layout: Layout) -> str | None:
    if layout.separator in LITERAL and is_quoted(text):
        text = unquoted(text)
    if layout.decimal_comma:
        text = with_decimal_point(text)
    if not text:
        return f"the {role} is missing"
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return f"{role} {text!r} is not a finite number"
    if not is_number(text):
        return f"{role} {shorten(text)!r} is not a number"
    if role == "weight" and float(text) < 0:
        return f"weight {shorten(text)} is negative"
    if abs(float(text)) > LARGEST[role]:
        return f"{role} {shorten(text)} is beyond {LARGEST[role]:g}"
    return None
