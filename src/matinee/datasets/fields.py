"""Splits lines into fields, with the quotes that mean something where they stand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

from matinee.datasets.files import DataFile

# Between these separators a quote is a part of the text.
LITERAL = ("::", "\t")


class Record(NamedTuple):
    """The fields of a line, or of several lines if a quoted field holds line ends.

    Attributes
    ----------
    line, last_line : int
        The numbers of its first and its last line, from 1.
    fields : list of str
        Without the blanks around them.
    """

    line: int
    last_line: int
    fields: list[str]


def split_line(line: str, separator: str) -> list[str]:
    """The fields of one line, without the quotes and blanks around them."""
    if separator in LITERAL:
        return [unquoted(field.strip()) for field in line.split(separator)]
    try:
        fields = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        fields = line.split(separator)
    return [field.strip() for field in fields]


def split_records(
    file: DataFile, separator: str, *, after: int = 0, literal: bool = False
) -> Iterator[Record]:
    """The fields of each line that holds data; slow, but it handles every oddity.

    Parameters
    ----------
    file : DataFile
    separator : str
    after : int
        The number of lines to skip.
    literal : bool
        Whether quotes are a part of the text although the separator is not one of `LITERAL`.

    Raises
    ------
    DataError
        For a line that is not text, or a field of more than 131,072 characters.
    """
    lines = ((number, line) for number, line in file.lines() if number > after)
    if literal or separator in LITERAL:
        for number, line in lines:
            if line.strip(f"{separator} \t"):
                yield Record(number, number, [field.strip() for field in line.split(separator)])
        return
    reader = csv.reader((f"{line}\n" for _, line in lines), delimiter=separator)
    while True:
        first = after + reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise file.error(f"cannot be split ({error})", first) from error
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield Record(first, after + reader.line_num, [field.strip() for field in fields])


def unquoted(text: str) -> str:
    """The text without the quotes around it, if it has both, and with one quote for two inside."""
    return text[1:-1].replace('""', '"') if is_quoted(text) else text


def is_quoted(text: str) -> bool:
    """Whether the text has a quote at its beginning and at its end."""
    return len(text) >= 2 and text[0] == text[-1] == '"'
