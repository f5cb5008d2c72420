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
    values: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    repeats: NDArray[np.bool_],
    duplicates: Duplicates,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32] | None]:
    """Which ratings stay, their values, and their weights.

    A rating that stays as it is keeps its weight. In a mean each rating counts by its weight. A mean and a
    sum have the mean of the weights.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Sorted by pair; the values of one pair are in the order in which they were given.
    weights : ndarray of float32, shape (n,), or None
        Above 0.
    repeats : ndarray of bool, shape (n,)
        True for a rating of the same pair as the one before it.
    duplicates : {"last", "first", "latest", "mean", "sum"}
        With "latest", the values of one pair are in the order of their times, as `by_time` sorts them.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
        True for the one rating of each pair that stays.
    values : ndarray of float32, shape (n_kept,)
    weights : ndarray of float32, shape (n_kept,), or None

    Raises
    ------
    DataError
        If a sum is beyond the largest rating.
    """
    kept = ~repeats if duplicates == "first" else ~np.append(repeats[1:], False)
    if duplicates in ("mean", "sum"):
        return kept, *_combined(values, weights, repeats, mean=duplicates == "mean")
    return kept, values[kept], None if weights is None else weights[kept]


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


def _combined(
    values: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    repeats: NDArray[np.bool_],
    *,
    mean: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    starts = np.flatnonzero(~repeats)
    counts = np.diff(np.append(starts, len(values)))
    if weights is None:
        totals, weighted = counts, values
    else:
        totals = np.add.reduceat(weights, starts, dtype=np.float64)
        weighted = np.multiply(values, weights, dtype=np.float64) if mean else values
    sums = np.add.reduceat(weighted, starts, dtype=np.float64)
    if mean:
        sums /= totals
    if not (np.abs(sums) <= LARGEST_RATING).all():
        raise DataError(
            f"the ratings of one user and item add up to more than {LARGEST_RATING:g}; "
            'scale the ratings down, or merge with duplicates="last", "first" or "mean"'
        )
    return sums.astype(np.float32), None if weights is None else (totals / counts).astype(np.float32)
