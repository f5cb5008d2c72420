"""Reads text files that list movies or people, one per line: encoding, fields and ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from matinee.datasets.fields import Record, is_quoted, split_records, unquoted
from matinee.datasets.files import DataFile
from matinee.datasets.names import shorten
from matinee.datasets.written_ids import narrowest
from matinee.errors import DataError
from matinee.ratings.ids import Id


def first_line(file: DataFile) -> tuple[int, str]:
    """The first line that is not blank, with its number."""
    return next(((number, text) for number, text in file.lines() if text.strip()), (1, ""))


def split_lines(file: DataFile, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is not blank, with the line's number.

    Fields may be quoted, unless "::", a tab or "|" separates them.

    Raises
    ------
    DataError
        If a line cannot be split.
    """
    records = split_records(file, separator, literal=separator == "|")
    if separator == "\t":
        records = _without_quotes_around_columns(list(records))
    for record in records:
        yield record.line, record.fields


def _without_quotes_around_columns(records: list[Record]) -> Iterator[Record]:
    """The records without the quotes in columns where they are around every value, but for the header."""
    quoted: dict[int, bool] = {}
    for record in records[1:]:
        for place, field in enumerate(record.fields):
            if field:
                quoted[place] = quoted.get(place, True) and is_quoted(field)
    for record in records:
        fields = enumerate(record.fields)
        bare = [unquoted(field) if quoted.get(place, True) else field for place, field in fields]
        yield record._replace(fields=bare)


def wrong_number_of_fields(file: DataFile, line: int, fields: list[str], expected: str) -> DataError:
    """The error to raise for a line with too few or too many fields."""
    return file.error(f"{len(fields)} field{'s' * (len(fields) != 1)}; expected {expected}", line)


def distinct_ids(file: DataFile, kind: str, given: Iterable[tuple[int, str]]) -> list[Id]:
    """The ids, which are given with their lines: integers if all are, as in `read_ratings`.

    Raises
    ------
    DataError
        If an id is given twice.
    """
    rows = list(given)
    ids: list[Id] = narrowest(pl.Series([text for _, text in rows], dtype=pl.String)).to_list()
    first_lines: dict[Id, int] = {}
    for (line, _), id in zip(rows, ids, strict=True):
        if id in first_lines:
            raise file.error(f"{kind} {shorten(str(id))} is given again, after line {first_lines[id]}", line)
        first_lines[id] = line
    return ids
