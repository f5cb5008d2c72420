"""Takes frames of any library, and says of what is no frame how to make ratings of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from matinee.errors import DataError

# The errors with which other libraries refuse what is no frame.
REFUSALS = (
    TypeError,
    AttributeError,
    ValueError,
    KeyError,
    ImportError,
    nw.exceptions.NarwhalsError,
    pl.exceptions.PolarsError,
)
# What frames of libraries that narwhals does not know offer; Hugging Face's datasets have the first.
CONVERSIONS = ("to_polars", "to_arrow", "to_arrow_table", "to_pandas")
# A table with so few columns of numbers may be one of ratings whose columns have other names.
FEWEST_PIVOTED = 3


def eager_frame(frame: Any) -> nw.DataFrame[Any]:
    """Any frame, collected if it is lazy; also what has the PyCapsule interface of Arrow.

    Raises
    ------
    DataError
        If it is no frame, with the remedy, or if names of its columns are given twice.
    """
    if isinstance(frame, nw.DataFrame | nw.LazyFrame):
        frame = frame.to_native()
    _check_pandas_columns(frame)
    # What narwhals knows by its metadata alone, as a batch of Arrow's, has no columns to read.
    if hasattr(frame, "__arrow_c_array__"):
        converted = _converted(frame)
        frame = frame if converted is None else converted
    try:
        found: Any = nw.from_native(frame)
    except REFUSALS as error:
        converted = _converted(frame)
        if converted is None:
            # The text of another library would not help.
            given = type(frame).__name__
            message = f"expected a pandas, polars or Arrow frame, got {given}{_remedy(frame)}"
            raise DataError(message) from error
        found = nw.from_native(converted)
    try:
        collected: nw.DataFrame[Any] = found.collect() if isinstance(found, nw.LazyFrame) else found
        _check_unique(list(collected.columns))
    except REFUSALS as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"the frame cannot be collected ({str(error).splitlines()[0][:200]})") from error
    return collected


def is_frame(given: Any) -> bool:
    """Whether something is a frame that `eager_frame` takes; a column, a mapping or an array is none."""
    if isinstance(given, Mapping | list | tuple | Set | np.ndarray):
        return False
    if isinstance(nw.from_native(given, pass_through=True), nw.DataFrame | nw.LazyFrame):
        return True
    # A single column of Arrow offers what a table offers, and has a type besides.
    is_column = hasattr(given, "dtype") or hasattr(given, "type")
    return hasattr(given, "column_names") or (hasattr(given, "__arrow_c_stream__") and not is_column)


def check_frame_names(names: list[str], frame: nw.DataFrame[Any]) -> None:
    """Raise a DataError for the first name that is not a column's; it lists the names that are."""
    for name in names:
        # narwhals takes an integer for the number of a row.
        if not isinstance(name, str):
            raise DataError(f"a column is named {name!r}; expected text, as in frame.rename(columns=str)")
    try:
        check_names(names, list(frame.columns))
    except DataError as error:
        raise DataError(f"{error}{_melting(names, frame)}") from error


def check_names(names: list[str], present: list[str]) -> None:
    """Raise a DataError for the first name that is not present; it lists the names that are."""
    for name in names:
        if name not in present:
            listed = ", ".join(repr(column) for column in present[:20]) or "none"
            more = f" and {len(present) - 20:,} more" if len(present) > 20 else ""
            raise DataError(f"no column {name!r}; the columns are {listed}{more}")


def _check_pandas_columns(frame: Any) -> None:
    if not type(frame).__module__.startswith("pandas") or not hasattr(frame, "columns"):
        return
    names = list(frame.columns)
    if any(isinstance(name, tuple) for name in names):
        raise DataError(
            f"the columns have several levels, as in {names[0]!r}; join their names first: "
            "frame.columns = ['_'.join(map(str, name)) for name in frame.columns]"
        )
    _check_unique(names)


def _check_unique(names: list[Any]) -> None:
    name, count = next(iter(Counter(names).most_common(1)), (None, 0))
    if count > 1:
        raise DataError(f"{count} columns are named {name!r}; rename all but one")


def _converted(frame: Any) -> Any:
    """A frame of a library that narwhals does not know as one that it does; None if there is no way."""
    if type(frame).__name__ == "Series":
        return None
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
        try:
            return pl.DataFrame(frame)
        except REFUSALS:
            pass
    for name in CONVERSIONS:
        try:
            converted = getattr(frame, name)()
            nw.from_native(converted)
        except REFUSALS:
            continue
        return converted
    return None


def _remedy(given: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return "; read a file with matinee.read_ratings(path)"
    if type(given).__name__ == "Series":
        return ", a single column; give the whole frame, or columns to Ratings.from_arrays(…)"
    if hasattr(given, "tocoo"):
        return "; make ratings of a sparse matrix with Ratings.from_csr(…)"
    if isinstance(given, Mapping) and all(hasattr(part, "column_names") for part in given.values()) and given:
        return f"; choose one of its parts, {', '.join(map(repr, given))}"
    if isinstance(given, Mapping):
        return "; make a frame of it first, as in polars.DataFrame(…)"
    if isinstance(given, Iterator | list | tuple):
        return (
            "; give columns to Ratings.from_arrays(users, items, ratings), or make a frame of the rows first"
        )
    if hasattr(given, "shape"):
        return "; give its columns to Ratings.from_arrays(users, items, ratings)"
    return ""


def _melting(wanted: list[str], frame: nw.DataFrame[Any]) -> str:
    """What to do with a frame that seems to have a column for each item."""
    kinds = [frame.schema[name] for name in frame.columns]
    is_pivoted = len(kinds) >= FEWEST_PIVOTED and all(kind.is_numeric() for kind in kinds)
    if not is_pivoted or any(name in frame.columns for name in wanted):
        return ""
    return (
        "; if there is a column for each item, melt it first, in pandas by frame.rename_axis('user')"
        ".reset_index().melt('user', var_name='item', value_name='rating').dropna()"
    )
