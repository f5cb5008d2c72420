"""Contexts of ratings: when, on what or where somebody rated, in any number of columns of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.errors import DataError, ModelFileError
from matinee.ratings.columns import polars_series
from matinee.ratings.times import UNKNOWN_TIME, Timestamps

ContextCodes: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

# The value of a context that a rating lacks: a category like any other.
MISSING = ""
# Every combination of values has a number of its own, which must fit in 64 bits.
MOST_COMBINATIONS = 2**62
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
# The columns that a frame of ratings has besides those of the contexts.
COLUMNS_OF_RATINGS = {"user", "item", "rating", "timestamp", "weight"}
# The contexts that follow from timestamps, in UTC.
OF_TIMES = ("day", "weekday", "hour", "month")


@dataclass(frozen=True)
class Contexts:
    """The columns of contexts that ratings have, and the values of each.

    The context of a rating is one number, its code, which holds a digit for each column: 1 for its first
    value, 2 for its second, and 0 for one that is not known. So the code 0 says nothing at all.

    Attributes
    ----------
    names : tuple of str
        The columns.
    values : tuple of tuple of str
        The values of each column as text, sorted; ``""`` stands for missing ones.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @classmethod
    def encode(cls, columns: Mapping[str, Any]) -> tuple[Contexts, ContextCodes]:
        """The contexts in columns of any type, and the code of each row.

        Raises
        ------
        DataError
            If the columns have more combinations than can be numbered.
        """
        texts = {name: _texts(column, name) for name, column in columns.items()}
        values = tuple(tuple(sorted(set(text.unique().to_list()))) for text in texts.values())
        contexts = cls(tuple(texts), values)
        if contexts.n_codes > MOST_COMBINATIONS:
            raise DataError(
                f"the contexts {', '.join(contexts.names)} have {contexts.n_codes:.2g} combinations; "
                f"expected at most {MOST_COMBINATIONS:.2g}: take fewer columns, or larger bins"
            )
        return contexts, contexts._codes(texts)

    @classmethod
    def from_dict(cls, columns: Any) -> Contexts:
        """The contexts that `to_dict` made plain.

        Raises
        ------
        ModelFileError
            If it was not `to_dict` that made this.
        """
        is_plain = isinstance(columns, dict) and all(
            isinstance(name, str)
            and isinstance(values, list)
            and all(isinstance(value, str) for value in values)
            and values == sorted(set(values))
            for name, values in columns.items()
        )
        contexts = cls(tuple(columns), tuple(map(tuple, columns.values()))) if is_plain else None
        if contexts is None or not contexts.names or contexts.n_codes > MOST_COMBINATIONS:
            raise ModelFileError("its contexts are none")
        return contexts

    def to_dict(self) -> dict[str, list[str]]:
        """The values of each column, ready for JSON."""
        return dict(zip(self.names, map(list, self.values), strict=True))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of digits of each column: that of its values, and one for an unknown value."""
        return tuple(len(values) + 1 for values in self.values)

    @property
    def n_values(self) -> int:
        """The number of values of all columns together."""
        return sum(map(len, self.values))

    @property
    def n_codes(self) -> int:
        """The number of codes that there may be."""
        n = 1
        for size in self.sizes:
            n *= size
        return n

    def digits(self, codes: ContextCodes) -> list[NDArray[np.int64]]:
        """The digits of codes, an array for each column."""
        return digits_of(codes, self.sizes)

    def code(self, context: Mapping[str, Any]) -> int:
        """The code of one context, such as ``{"weekday": "Saturday"}``; what is not known counts as unknown.

        Raises
        ------
        DataError
            If it is no mapping, or names a column that there is not.
        """
        self._check_names(context)
        return int(self.codes({name: [value] for name, value in context.items()}, 1)[0])

    def codes(self, columns: Mapping[str, Any], n: int) -> ContextCodes:
        """The codes of n contexts, given by columns of n values or by single values.

        Raises
        ------
        DataError
            If a column is of another length or is not one of the contexts.
        """
        self._check_names(columns)
        texts = {}
        for name, column in columns.items():
            given = column if hasattr(column, "__len__") and not isinstance(column, str) else [column] * n
            if len(given) != n:
                raise DataError(
                    f"the context {name!r} has {len(given)} values; expected {n}, or a single one"
                )
            texts[name] = _texts(given, name)
        return self._codes(texts) if texts else np.zeros(n, dtype=np.int64)

    def recoded(self, codes: ContextCodes, given: Contexts) -> ContextCodes:
        """Codes of other contexts in those of this one; a column or a value that it lacks is unknown."""
        if given == self:
            return codes
        found, place = np.zeros(len(codes), dtype=np.int64), 1
        digits = dict(zip(given.names, given.digits(codes), strict=True))
        values = dict(zip(given.names, given.values, strict=True))
        for name, own, size in zip(self.names, self.values, self.sizes, strict=True):
            if name in digits:
                digit_of = {value: digit for digit, value in enumerate(own, start=1)}
                new = np.array([0, *(digit_of.get(value, 0) for value in values[name])], dtype=np.int64)
                found += place * new[digits[name]]
            place *= size
        return found

    def in_use(self, codes: ContextCodes) -> Contexts:
        """The same columns with only the values that some of the codes have."""
        kept = []
        for values, digits in zip(self.values, self.digits(codes), strict=True):
            used = np.unique(digits)
            kept.append(tuple(values[digit - 1] for digit in used.tolist() if digit))
        return Contexts(self.names, tuple(kept))

    def columns(self, codes: ContextCodes) -> dict[str, pl.Series]:
        """The values of codes as text, a column for each context; null where missing or unknown."""
        found = {}
        for name, values, digits in zip(self.names, self.values, self.digits(codes), strict=True):
            texts = pl.Series([None, *(value or None for value in values)], dtype=pl.String)
            found[name] = texts.gather(digits)
        return found

    def _codes(self, texts: Mapping[str, pl.Series]) -> ContextCodes:
        found, place = np.zeros(len(next(iter(texts.values()))), dtype=np.int64), 1
        for name, values, size in zip(self.names, self.values, self.sizes, strict=True):
            if name in texts:
                known = pl.Series(values, dtype=pl.String)
                digits = texts[name].replace_strict(
                    known, np.arange(1, size, dtype=np.int64), default=0, return_dtype=pl.Int64
                )
                found += place * digits.to_numpy()
            place *= size
        return found

    def _check_names(self, context: Any) -> None:
        if not isinstance(context, Mapping):
            raise DataError(f"context={context!r}; expected a mapping such as {{{self.names[0]!r}: value}}")
        for name in context:
            if name not in self.names:
                known = ", ".join(map(repr, self.names))
                raise DataError(f"there is no context {name!r}; expected one of {known}")


def digits_of(codes: ContextCodes, sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """The digits of codes, an array for each column, of so many digits each."""
    found, left = [], codes
    for size in sizes:
        found.append(left % size)
        left = left // size
    return found


def context_columns(names: Any, taken: Mapping[str, Any], times: Timestamps | None) -> dict[str, Any]:
    """The columns of contexts by name: those of a frame, or else bins of the times of its ratings.

    Parameters
    ----------
    names : sequence of str
    taken : mapping of str to column
        The columns that a frame has.
    times : ndarray of int64 or None

    Raises
    ------
    DataError
        If a name is given twice, or belongs to neither, or there are no times.
    """
    found: dict[str, Any] = {}
    for name in check_context_names(names):
        if name in taken:
            found[name] = taken[name]
            continue
        if name not in OF_TIMES:
            derived = ", ".join(map(repr, OF_TIMES))
            raise DataError(f"there is no column {name!r} for a context, and it is none of {derived}")
        if times is None:
            raise DataError(f"the context {name!r} follows from timestamps, and there are none")
        found[name] = _bins(name, times)
    return found


def check_context_names(names: Any) -> list[str]:
    """The names of contexts; raises a DataError unless they are a list of different names."""
    is_list = isinstance(names, Sequence) and not isinstance(names, str)
    if not is_list or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError(f"contexts={names!r}; expected a list of different names of columns")
    for name in set(names) & COLUMNS_OF_RATINGS:
        raise DataError(f"a context cannot be called {name!r}, as a column of every frame of ratings is")
    return list(names)


def _bins(name: str, times: Timestamps) -> pl.Series:
    """The day, the weekday, the hour or the month of each time, in UTC; null where it is not known."""
    seconds = pl.Series(times)
    moments = pl.from_epoch(seconds.set(seconds == UNKNOWN_TIME, None), time_unit="s")
    if name == "day":
        return moments.dt.date()
    if name == "hour":
        return moments.dt.hour()
    numbers, words = (moments.dt.weekday(), WEEKDAYS) if name == "weekday" else (moments.dt.month(), MONTHS)
    return pl.Series(words).gather(numbers.cast(pl.Int64) - 1)


def _texts(column: Any, name: str) -> pl.Series:
    """The values of a column as text; ``""`` where they are missing."""
    try:
        series = column if isinstance(column, pl.Series) else polars_series(column, f"context {name}")
        if series.dtype.is_float():
            series = series.fill_nan(None)
        elif series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        distinct = series.unique()
        texts = [_text(value) for value in distinct.to_list()]
    except pl.exceptions.PolarsError as error:
        raise DataError(f"the context {name!r} holds values of mixed types ({error})") from error
    return series.replace_strict(distinct, pl.Series(texts, dtype=pl.String), return_dtype=pl.String)


def _text(value: Any) -> str:
    if value is None:
        return MISSING
    # pandas turns integers into floats where one of them is missing.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
