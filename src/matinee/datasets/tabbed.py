"""Lines whose fields are separated by tabs, without quotes or a header, as text."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from matinee.datasets.delimited import UNREADABLE
from matinee.datasets.files import DataFile
from matinee.datasets.names import shorten
from matinee.datasets.whole_lines import NO_SEPARATOR, whole_lines
from matinee.errors import DataError


def tabbed_lines(file: DataFile, names: tuple[str, ...]) -> pl.DataFrame:
    """The fields of each line that is not blank, as columns of text with these names.

    Raises
    ------
    DataError
        For the first line with another number of fields.
    """
    file.settle_encoding()
    try:
        lines = whole_lines(file)
    except UNREADABLE as error:
        raise first_fault(file, names, lambda fields: NO_SEPARATOR not in "".join(fields)) from error
    lines = lines.filter(lines.str.strip_chars().fill_null("") != "")
    if (lines.str.count_matches("\t", literal=True) != len(names) - 1).any():
        raise first_fault(file, names, lambda fields: len(fields) == len(names))
    fields = lines.str.split_exact("\t", len(names) - 1).struct.unnest()
    return fields.rename(dict(zip(fields.columns, names, strict=True)))


def first_fault(file: DataFile, names: tuple[str, ...], is_right: Callable[[list[str]], object]) -> DataError:
    """The error for the first line whose fields are not right."""
    expected = f"expected {', '.join(names[:-1])} and {names[-1]}, separated by tabs"
    for number, line in file.lines():
        if line.strip() and not is_right(line.split("\t")):
            return file.error(f"{shorten(line)!r}; {expected}", number)
    return file.error(f"cannot be read; {expected}")
