"""The times of ratings as Unix seconds: from numbers in any usual unit, dates, or text that holds either."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from matinee.errors import DataError
from matinee.ratings.columns import MISSING_MARKS, polars_series

Timestamps: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

# The time of a rating whose time is not known: it sorts before all known times.
UNKNOWN_TIME = int(np.iinfo(np.int64).min)
# How many make a second, and the sizes of the numbers that are taken for it: 1e11 seconds are in the year
# 5138, and 1e11 milliseconds in 1973, before anybody rated anything on a computer.
UNITS = (
    ("seconds", 1, 1e11),
    ("milliseconds", 1_000, 1e14),
    ("microseconds", 1_000_000, 1e17),
    ("nanoseconds", 1_000_000_000, np.inf),
)
# Numbers that are dates, as long as each of them is one: as seconds they would all be in August 1970, or as
# milliseconds in the 26th century.
COMPACT_DATES = (
    ("yyyymmdd", "%Y%m%d", 18_000_101, 21_001_231),
    ("yyyymmddhhmmss", "%Y%m%d%H%M%S", 18_000_101_000_000, 21_001_231_235_959),
)
# Tried in this order, each on what the ones before it did not read. "%.f" is a fraction of a second, if any.
DATES = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%m %d, %Y",  # Amazon's reviewTime
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d %b %Y, %H:%M",  # Last.fm
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
ZONED_DATES = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z", "%a %b %d %H:%M:%S %z %Y")
# A day and a month, of which only the column as a whole says which comes first.
DAY_AND_MONTH = r"^(\d{1,2})[/-](\d{1,2})[/-]\d{4}(?: |$)"
CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")


class Times(NamedTuple):
    """The times of ratings, and how they were read.

    Attributes
    ----------
    seconds : ndarray of int64, shape (n,), or None
        Unix seconds, with `UNKNOWN_TIME` where missing; None if all are missing.
    note : str or None
        What was taken for granted, if it is not what everybody would expect.
    """

    seconds: Timestamps | None
    note: str | None


def times_of(column: Any) -> Times:
    """The times in a column of numbers, of dates and times (in UTC if no zone is given), or of text.

    Raises
    ------
    DataError
        For a column of another type, or text that holds neither a number nor a date; the message has the row.
    """
    series = polars_series(column, "timestamp")
    note = None
    if series.dtype == pl.String or series.dtype == pl.Categorical:
        series, note = _from_text(series.cast(pl.String))
    elif series.dtype.is_temporal() and series.dtype not in (pl.Time, pl.Duration):
        series = series.cast(pl.Datetime("us")) if series.dtype == pl.Date else series
        series = series.dt.epoch("s")
    elif series.dtype.is_numeric() or series.dtype == pl.Null:
        series, note = _from_numbers(series)
    else:
        raise DataError(f"timestamps are of type {series.dtype}; expected seconds or dates")
    seconds = series.cast(pl.Int64, strict=False)
    if seconds.null_count() == len(seconds):
        return Times(None, None)
    return Times(seconds.fill_null(UNKNOWN_TIME).to_numpy(), note)


def _from_numbers(numbers: pl.Series) -> tuple[pl.Series, str | None]:
    """Unix seconds from numbers, whose size says what they are; null where they are missing."""
    if numbers.dtype.is_float():
        numbers = numbers.set(~numbers.is_finite(), None)
    for name, form, first, last in COMPACT_DATES:
        if (dates := _compact_dates(numbers, form, first, last)) is not None:
            return dates, f"timestamps are read as dates, {name}"
    unit, per_second = _unit(numbers)
    if per_second == 1:
        return numbers.floor() if numbers.dtype.is_float() else numbers, None
    return numbers // per_second, f"timestamps are read as {unit}"


def _compact_dates(numbers: pl.Series, form: str, first: int, last: int) -> pl.Series | None:
    """Unix seconds, if every number is a date between these; None otherwise."""
    low, high = numbers.min(), numbers.max()
    if low is None or high is None or not first <= low <= high <= last:  # type: ignore[operator]
        return None
    dates = numbers.cast(pl.Int64).cast(pl.String).str.to_datetime(form, strict=False)
    return dates.dt.epoch("s") if dates.null_count() == numbers.null_count() else None


def _unit(numbers: pl.Series) -> tuple[str, int]:
    low, high = numbers.min(), numbers.max()
    name, per_second, most = UNITS[0]
    if low is None or high is None or -most < low <= high < most:  # type: ignore[operator]
        return name, per_second
    # The median, as a few numbers may stand for a time that is not known.
    known = np.abs(numbers.drop_nulls().cast(pl.Float64).to_numpy())
    size = float(np.median(known))
    return next((name, per_second) for name, per_second, most in UNITS if size < most)


def _from_text(text: pl.Series) -> tuple[pl.Series, str | None]:
    """Unix seconds from text that holds numbers or dates; null where missing."""
    text = text.str.strip_chars()
    text = text.set(text.is_in(MISSING_MARKS), None)
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() > text.null_count():
        numbers = text.cast(pl.Float64, strict=False)
    seconds, note = _from_numbers(numbers)
    if seconds.null_count() == text.null_count():
        return seconds, note
    dates, order = _from_dates(text.set(seconds.is_not_null(), None))
    parsed = seconds.cast(pl.Int64, strict=False).fill_null(dates)
    wrong = parsed.is_null() & text.is_not_null()
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"row {row}: timestamp {text[row][:40]!r} is neither a number of seconds nor a date such as "
            "2015-01-31"
        )
    return parsed, order or note


def _from_dates(text: pl.Series) -> tuple[pl.Series, str | None]:
    """Unix seconds as Int64 for the texts that are dates or times; null for the others."""
    text = text.str.replace(r"(\d)T(\d)", "$1 $2").str.replace(r"(?:Z| ?UTC| ?GMT)$", "+00:00")
    seconds = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    for form in ZONED_DATES:
        seconds = _filled(seconds, text, form, time_zone="UTC")
    for form in DATES:
        seconds = _filled(seconds, text, form)
    left = text.set(seconds.is_not_null(), None)
    first, second = (left.str.extract(DAY_AND_MONTH, group).cast(pl.Int64, strict=False) for group in (1, 2))
    if first.null_count() == len(first):
        return seconds, None
    is_day_first = bool((first > 12).any())
    known = is_day_first or bool((second > 12).any())
    order = "%d/%m/%Y" if is_day_first else "%m/%d/%Y"
    slashed = left.str.replace_all("-", "/", literal=True)
    for clock in CLOCKS:
        seconds = _filled(seconds, slashed, order + clock)
    in_words = "day/month/year" if is_day_first else "month/day/year"
    return (
        seconds,
        None if known else f"dates are read as {in_words}; no day above 12 says which is first",
    )


def _filled(seconds: pl.Series, text: pl.Series, form: str, **options: Any) -> pl.Series:
    """The seconds, with those of the texts in this form where they are null."""
    if seconds.null_count() == text.null_count():
        return seconds
    return seconds.fill_null(text.str.to_datetime(form, strict=False, **options).dt.epoch("s"))


def known_times(
    timestamps: Timestamps | None, n_ratings: int, *, needed_by: str, otherwise: str
) -> Timestamps:
    """The times of ratings, where all are known.

    Parameters
    ----------
    timestamps : ndarray of int64, shape (n_ratings,), or None
        None if no time is known.
    n_ratings : int
    needed_by, otherwise : str
        What needs the times, and what to do if they are to be had nowhere; both for the message.

    Raises
    ------
    DataError
        If a rating has no timestamp.
    """
    n_unknown = n_ratings if timestamps is None else int((timestamps == UNKNOWN_TIME).sum())
    if timestamps is None or n_unknown:
        raise DataError(
            f"{n_unknown:,} of {n_ratings:,} ratings have no timestamp, and {needed_by} needs them all; "
            f"name the column with timestamp=… when reading, or {otherwise}"
        )
    return timestamps
