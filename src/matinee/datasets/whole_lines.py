"""The lines of a text file as one column, for formats whose fields no reader of tables knows how to part."""

from __future__ import annotations

import polars as pl

from matinee.datasets.files import DataFile

# The separator of a field of which there is only one: no text holds it.
NO_SEPARATOR = "\x1f"


def whole_lines(file: DataFile) -> pl.Series:
    """Each line as text; one of `matinee.datasets.delimited.UNREADABLE` if they cannot be read."""
    return pl.read_csv(
        file.source(),
        has_header=False,
        separator=NO_SEPARATOR,
        quote_char=None,
        schema={"line": pl.String},
        glob=False,
    )["line"]
