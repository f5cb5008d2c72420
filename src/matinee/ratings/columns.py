"""The columns of a ratings table: takes them from any frame, checks and converts them for `Ratings`."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import polars as pl

from matinee.errors import DataError
from matinee.ratings.frames import check_frame_names, eager_frame
from matinee.ratings.masked import unmasked

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

# With larger ratings a sum of squares overflows single precision: errors become infinite, and no item can be
# recommended.
LARGEST_RATING = 1e15
# With larger weights, the sums that the kernels compute in single precision may overflow.
LARGEST_WEIGHT = 1e9
MISSING_MARKS = ("", "N/A", "NA", "n/a", "NaN", "nan", "NULL", "null", "None", "\\N")


def frame_columns(frame: Any, names: list[str]) -> list[Any]:
    """The columns of a pandas, polars or Arrow frame by name; polars and Arrow ones as polars series.

    Raises
    ------
    DataError
        If ``frame`` is no frame, or lacks a column; the message then lists the columns that it has.
    """
    native = eager_frame(frame)
    check_frame_names(names, native)
    found = [native[name].to_native() for name in names]
    return [pl.Series(pl.from_arrow(column)) if _is_arrow(column) else column for column in found]


def whole_frame(frame: Any) -> pl.DataFrame:
    """Any pandas, polars or Arrow frame as a polars frame, with null for what pandas calls missing.

    Raises
    ------
    DataError
        If it is no frame, has two columns of the same name, a column whose name is not text, or a column
        with values of mixed types.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    names = list(eager_frame(frame).columns)
    for name in names:
        # narwhals takes an integer for the number of a row.
        if not isinstance(name, str):
            raise DataError(f"a column is named {name!r}; expected text, as in frame.rename(columns=str)")
    columns = zip(names, frame_columns(frame, names), strict=True)
    return pl.DataFrame([_named_series(name, column) for name, column in columns])


def rating_values(column: Any) -> Values:
    """The ratings as float32, shape (n,); a DataError with the row of one that is no number within bounds."""
    values = _numbers(column, "rating")
    converted = _single(values)
    # The largest and the smallest of any values with a NaN among them are NaN, which is within no bounds.
    if len(values) and not -LARGEST_RATING <= converted.min() <= converted.max() <= LARGEST_RATING:
        row = int((np.abs(converted) <= LARGEST_RATING).argmin())
        why = _why_unusable(values[row], "rating", LARGEST_RATING)
        raise DataError(f"row {row}: {why}; expected a finite number")
    return converted


def weight_values(column: Any) -> Values:
    """The weights as float32, shape (n,); a DataError with the row of one that is no number from 0 to 1e9."""
    values = _numbers(column, "weight")
    converted = _single(values)
    if len(values) and not 0 <= converted.min() <= converted.max() <= LARGEST_WEIGHT:
        row = int(((converted >= 0) & (converted <= LARGEST_WEIGHT)).argmin())
        why = _why_unusable(values[row], "weight", LARGEST_WEIGHT)
        raise DataError(f"row {row}: {why}; expected a finite number of at least 0")
    return converted


def polars_series(column: Any, name: str) -> pl.Series:
    """Any column as a polars series; a pandas column by its values, as pyarrow may not be installed."""
    if isinstance(column, pl.Series):
        return column
    if _is_arrow(column):
        return pl.Series(pl.from_arrow(column))
    column = unmasked(column)
    if hasattr(column, "to_numpy"):
        column = _pandas_values(column)
    if isinstance(column, np.matrix):
        # Whose columns are matrices, and so are theirs, for ever.
        column = np.asarray(column)
    if isinstance(column, np.ndarray) and column.dtype == object:
        column = column.tolist()
    if not isinstance(column, np.ndarray):
        column = [None if _is_missing(value) else value for value in column]
    try:
        # Not strict: a list of integers and floats becomes floats, and a list with text in it becomes text.
        return pl.Series(column, strict=False)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise DataError(f"the {name}s are of mixed types ({error}); expected numbers") from error


def _is_arrow(column: Any) -> bool:
    return type(column).__module__.startswith("pyarrow")


def _single(values: np.ndarray[Any, np.dtype[Any]]) -> Values:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32, copy=False)


def _numbers(column: Any, name: str) -> np.ndarray[Any, np.dtype[Any]]:
    column = unmasked(column)
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf" and column.ndim == 1:
        return column
    series = polars_series(column, name)
    if series.dtype == pl.String or series.dtype == pl.Categorical:
        raise _text_number(series.cast(pl.String), name)
    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"{name}s are of type {series.dtype}; expected numbers")
    if series.null_count():
        # A missing rating becomes NaN, so that it is refused later like any NaN, with its row.
        return series.cast(pl.Float64).to_numpy()
    return series.cast(pl.Float64).to_numpy() if series.dtype.is_decimal() else series.to_numpy()


def _named_series(name: str, column: Any) -> pl.Series:
    """Any column as a polars series of the type of its values; strict, as ids must not become text."""
    if isinstance(column, pl.Series):
        return column.alias(name)
    values = _pandas_values(column)
    dtype = None
    if values.dtype == object:
        values = list(map(_plain, values))
        # polars would give all numbers the type of the first.
        dtype = pl.Float64 if {int, float} <= set(map(type, values)) else None
    try:
        return pl.Series(name, values, dtype=dtype)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"column {name!r} holds values of mixed types ({reason})") from error


def _plain(value: Any) -> Any:
    """The value; None for what is missing, and a list for an array, as pandas reads lists from Parquet."""
    if isinstance(value, list | tuple | np.ndarray):
        return [None if _is_missing(each) else each for each in value]
    return None if _is_missing(value) else value


def _pandas_values(column: Any) -> Any:
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy()


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _text_number(text: pl.Series, name: str) -> DataError:
    numbers = text.cast(pl.Float64, strict=False)
    row = int(numbers.is_null().arg_max() or 0)
    if numbers.null_count() == 0:
        return DataError(f"the {name}s are numbers written as text; convert the column to numbers first")
    return DataError(f"row {row}: {name} {text[row]!r} is not a number; expected a number")


def _why_unusable(value: Any, name: str, most: float) -> str:
    if np.isnan(value):
        return f"the {name} is missing or not a number (NaN)"
    if np.isinf(value):
        return f"the {name} is infinite"
    if name == "weight" and value < 0:
        return f"the weight {value:g} is negative"
    return f"the {name} {value:g} is beyond {most:g}"
