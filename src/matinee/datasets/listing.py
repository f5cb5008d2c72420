"""Reads text files that list movies or people, one per line: encoding, fields and ids."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from matinee.datasets.files import DataFile
from matinee.datasets.layout import shorten
from matinee.errors import DataError
from matinee.ratings.ids import Id


def encoding_of(file: DataFile) -> str:
    """UTF-8, or Latin-1 where the file is not valid UTF-8."""
    try:
        file.content().decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    except OSError as error:
        raise file.error(f"cannot be read ({error})") from error
    return "utf-8"


def first_line(file: DataFile, encoding: str) -> tuple[int, str]:
    """The first line that is not blank, with its number."""
    return next(((number, text) for number, text in file.lines(encoding) if text.strip()), (1, ""))


def split_lines(file: DataFile, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is not blank, with the line's number.

    Fields may be quoted, unless "::" or "|" separates them.

    Raises
    ------
    DataError
        If a line cannot be split.
    """
    lines = file.lines(encoding)
    if separator in ("::", "|"):
        yield from (
            (number, [field.strip() for field in text.split(separator)])
            for number, text in lines
            if text.strip()
        )
        return
    reader = csv.reader((f"{text}\n" for _, text in lines), delimiter=separator)
    try:
        for fields in reader:
            if len(fields) > 1 or "".join(fields).strip():
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        raise file.error(f"cannot be split ({error})", reader.line_num) from error


def wrong_number_of_fields(file: DataFile, line: int, fields: list[str], expected: str) -> DataError:
    """The error to raise for a line with too few or too many fields."""
    return file.error(f"{len(fields)} field{'s' * (len(fields) != 1)}; expected {expected}", line)


def distinct_ids(file: DataFile, kind: str, given: Iterable[tuple[int, str]]) -> list[Id]:
    """The ids, which are given with their lines: integers if all are, without leading zeros.

    Raises
    ------
    DataError
        If an id is given twice.
    """
    first_lines: dict[str, int] = {}
    for line, text in given:
        if text in first_lines:
            raise file.error(f"{kind} {shorten(text)} is given again, after line {first_lines[text]}", line)
        first_lines[text] = line
    numeric = all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text) for text in first_lines)
    return [int(text) for text in first_lines] if numeric else list(first_lines)
