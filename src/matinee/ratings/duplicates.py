"""Merges several ratings of one item by one user into one."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.ratings.columns import LARGEST_RATING

Duplicates: TypeAlias = Literal["last", "first", "latest", "mean", "sum", "error"]


def check_duplicates(duplicates: Any) -> None:
    """Raise a DataError if ``duplicates`` is not one of the ways to merge."""
    if duplicates not in get_args(Duplicates):
        expected = ", ".join(map(repr, get_args(Duplicates)))
        raise DataError(f"duplicates={duplicates!r}; expected one of {expected}")


def merge(
    values: NDArray[np.float32], repeats: NDArray[np.bool_], duplicates: Duplicates
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which ratings stay, and their values.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Sorted by pair; the values of one pair are in the order in which they were given.
    repeats : ndarray of bool, shape (n,)
        True for a rating of the same pair as the one before it.
    duplicates : {"last", "first", "latest", "mean", "sum"}
        With "latest", the values of one pair are in the order of their times, as `by_time` sorts them.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
        True for the one rating of each pair that stays.
    values : ndarray of float32, shape (n_kept,)

    Raises
    ------
    DataError
        If a sum is beyond the largest rating.
    """
    kept = ~repeats if duplicates == "first" else ~np.append(repeats[1:], False)
    if duplicates in ("mean", "sum"):
        return kept, _combined(values, repeats, mean=duplicates == "mean")
    return kept, values[kept]


def by_time(times: NDArray[np.int64] | None, repeats: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The order in which the ratings of each pair are sorted by time; those of equal times keep theirs.

    Raises
    ------
    DataError
        If there are no times.
    """
    if times is None:
        raise DataError(
            'duplicates="latest" needs timestamps, and there are none; expected "last" or another'
        )
    return np.lexsort((times, np.cumsum(~repeats)))


def _combined(values: NDArray[np.float32], repeats: NDArray[np.bool_], *, mean: bool) -> NDArray[np.float32]:
    starts = np.flatnonzero(~repeats)
    sums = np.add.reduceat(values, starts, dtype=np.float64)
    if mean:
        sums /= np.diff(np.append(starts, len(values)))
    if not (np.abs(sums) <= LARGEST_RATING).all():
        raise DataError(
            f"the ratings of one user and item add up to more than {LARGEST_RATING:g}; "
            'scale the ratings down, or merge with duplicates="last", "first" or "mean"'
        )
    return sums.astype(np.float32)
