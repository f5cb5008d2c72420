"""The formats of ratings: how each is called, recognised and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matinee.datasets.columnar import ratings_of_arrow, ratings_of_parquet
from matinee.datasets.files import DataFile
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_table
from matinee.errors import DataError
from matinee.ratings import Ratings


class Format(NamedTuple):
    """A format of ratings.

    Attributes
    ----------
    name : str
    is_of : callable
        Whether a file is of this format, by its first bytes.
    read : callable
        The ratings in a file of this format.
    """

    name: str
    is_of: Callable[[DataFile], bool]
    read: Callable[[DataFile, Reading], Ratings]


# The first that recognises a file reads it; any text may be a table.
FORMATS = (
    Format("parquet", lambda file: file.is_parquet, ratings_of_parquet),
    Format("arrow", lambda file: file.is_arrow, ratings_of_arrow),
    Format("table", lambda file: True, ratings_of_table),
)


def format_of(file: DataFile, name: str | None) -> Format:
    """The format with this name, or the one that recognises the file.

    Raises
    ------
    DataError
        If there is no format of this name.
    """
    found = next(
        (each for each in FORMATS if (each.is_of(file) if name is None else each.name == name)), None
    )
    if found is None:
        listed = ", ".join(repr(each.name) for each in FORMATS)
        raise DataError(f"format={name!r}; expected one of {listed}")
    return found
