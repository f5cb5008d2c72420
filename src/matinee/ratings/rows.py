"""Compressed sparse rows: the one form in which ratings reach the kernels."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matinee import _kernels
from matinee.ratings.columns import Values
from matinee.ratings.contexts import ContextCodes
from matinee.ratings.ids import Codes

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Rows(NamedTuple):
    """Compressed sparse rows; the columns ascend in each row.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
        Row ``r`` holds ``columns[indptr[r]:indptr[r + 1]]``.
    columns : ndarray of int32, shape (n_ratings,)
    values : ndarray of float32, shape (n_ratings,)
    weights : ndarray of float32, shape (n_ratings,), or None
        How much each entry counts, from 0; None if all count 1.
    contexts : ndarray of int64, shape (n_ratings,), or None
        The code of each entry's context, whose digits a `Contexts` explains; None if there are none.
    """

    indptr: Array
    columns: Codes
    values: Values
    weights: Values | None = None
    contexts: ContextCodes | None = None

    @classmethod
    def empty(cls, n_rows: int) -> Rows:
        """So many rows without an entry."""
        return cls(np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @property
    def n_rows(self) -> int:
        """The number of rows, with or without entries."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of entries in each row; int64, shape (n_rows,)."""
        return np.diff(self.indptr)

    @property
    def totals(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """The sum of the weights in each row, which without weights is the number of entries."""
        return self.counts if self.weights is None else self._sums(self.weights)

    @property
    def total(self) -> float:
        """The sum of all weights, which without weights is the number of entries."""
        return float(len(self.values) if self.weights is None else self.weights.sum(dtype=np.float64))

    def totals_of(self, mask: NDArray[np.bool_]) -> NDArray[np.int64] | NDArray[np.float64]:
        """The sum of the weights in each row for which the mask is true."""
        return self.counts_of(mask) if self.weights is None else self._sums(self.weights * mask)

    @property
    def mean(self) -> float:
        """The mean of all values, each as often as its weight says."""
        if self.weights is None:
            return float(self.values.mean(dtype=np.float64))
        return float(np.average(self.values, weights=self.weights.astype(np.float64)))

    @property
    def variance(self) -> float:
        """The variance of all values, each as often as its weight says."""
        if self.weights is None:
            return float(self.values.var(dtype=np.float64))
        squares = np.square(self.values.astype(np.float64) - self.mean)
        return float(np.average(squares, weights=self.weights.astype(np.float64)))

    def pick(self, chosen: ArrayLike) -> Rows:
        """The rows at some positions, in the order of the positions.

        Parameters
        ----------
        chosen : array of int, shape (n_chosen,)
            Positions of rows, in any order and any number of times; −1 stands for an empty row.

        Returns
        -------
        Rows
            With ``n_chosen`` rows, in arrays of its own.

        Raises
        ------
        IndexError
            For a position of ``n_rows`` or more.
        """
        positions = np.asarray(chosen, dtype=np.int64)
        begins = self.indptr[positions]
        lengths = np.where(positions < 0, 0, self.indptr[positions + 1] - begins)
        indptr = np.zeros(len(positions) + 1, dtype=np.int64)
        np.cumsum(lengths, out=indptr[1:])
        places = np.repeat(begins - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Rows(indptr, self.columns[places], self.values[places], *self._beside(places))

    def spread(self, positions: NDArray[np.int64], n_rows: int) -> Rows:
        """The same rows among more.

        Parameters
        ----------
        positions : ndarray of int64, shape (n_rows of these,)
            Where each row goes, ascending; the other rows are empty.
        n_rows : int
            The number of rows of the result.
        """
        counts = np.zeros(n_rows, dtype=np.int64)
        counts[positions] = self.counts
        indptr = np.zeros(n_rows + 1, dtype=np.int64)
        np.cumsum(counts, out=indptr[1:])
        return Rows(indptr, self.columns, self.values, self.weights, self.contexts)

    def renamed(self, new_columns: NDArray[np.int64]) -> Rows:
        """The same entries, each column in its new place; ``new_columns`` ascends, shape (n_columns,)."""
        return self._replace(columns=new_columns.astype(np.int32)[self.columns])

    def merged(self, later: Rows, new_columns: NDArray[np.int64], *, n_threads: int = 1) -> Rows:
        """The entries of both, of as many rows; where both have one, that of ``later``.

        If one has weights, the entries of the other count 1.

        Parameters
        ----------
        later : Rows
            The columns of every row ascend, as they do in these rows.
        new_columns : ndarray of int64, shape (n_columns,)
            The column of the result that each column of these rows becomes, ascending.
        """
        renamed = new_columns.astype(np.int32)
        indptr, columns, values = _kernels.merge_rows(*self[:3], renamed, *later[:3], n_threads)
        weights = None
        if self.weights is not None or later.weights is not None:
            both = (*self._weights_as_values, renamed, *later._weights_as_values)
            _, _, weights = _kernels.merge_rows(*both, n_threads)
        n = indptr[-1]
        merged = Rows(indptr, columns[:n], values[:n], None if weights is None else weights[:n])
        if self.contexts is None and later.contexts is None:
            return merged
        return merged._replace(contexts=merged._contexts_of(self.renamed(new_columns), later))

    def transposed(self, n_columns: int, *, n_threads: int = 1) -> Rows:
        """The same entries by column: a row for each of ``n_columns`` columns."""
        transposed = _kernels.transpose_rows(*self[:3], n_columns, n_threads)
        weights = contexts = None
        if self.weights is not None:
            _, _, weights = _kernels.transpose_rows(*self._weights_as_values, n_columns, n_threads)
        if self.contexts is not None:
            rows = np.repeat(np.arange(self.n_rows, dtype=np.int32), self.counts)
            contexts = self.contexts[_kernels.sort_order(self.columns, rows, n_columns, self.n_rows)]
        return Rows(*transposed, weights, contexts)

    def keep(self, mask: NDArray[np.bool_]) -> Rows:
        """Some of the entries; every row stays, even if it becomes empty.

        Parameters
        ----------
        mask : ndarray of bool, shape (n_ratings,)
            True for each entry to keep.

        Returns
        -------
        Rows
            With ``n_rows`` rows, in arrays of its own.

        Raises
        ------
        IndexError
            For a mask of another length.
        """
        return Rows(self._kept_before(mask), self.columns[mask], self.values[mask], *self._beside(mask))

    def counts_of(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The number of entries of each row for which the mask is true; int64, shape (n_rows,)."""
        return self.counts if mask.all() else np.diff(self._kept_before(mask))

    def _kept_before(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many entries that the mask keeps lie before each row, and all at the end."""
        kept = np.zeros(len(mask) + 1, dtype=np.int64)
        np.cumsum(mask, out=kept[1:])
        before: NDArray[np.int64] = kept[self.indptr]
        return before

    def _sums(self, numbers: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of each row of these numbers, one for each entry."""
        before = np.concatenate([[0.0], np.cumsum(numbers, dtype=np.float64)])
        return np.diff(before[self.indptr])

    def _beside(self, places: Array) -> tuple[Values | None, ContextCodes | None]:
        """The weights and the contexts at some places."""
        return (
            None if self.weights is None else self.weights[places],
            None if self.contexts is None else self.contexts[places],
        )

    def _contexts_of(self, *parts: Rows) -> ContextCodes:
        """The context of each entry in the last of the parts that has the entry; 0 where it has none."""
        found = np.zeros(len(self.columns), dtype=np.int64)
        width = int(self.columns.max(initial=0)) + 1
        keys = _keys(self, width)
        for part in parts:
            places = np.searchsorted(keys, _keys(part, width))
            found[places] = 0 if part.contexts is None else part.contexts
        return found

    @property
    def _weights_as_values(self) -> tuple[Array, Codes, Values]:
        weights = np.ones_like(self.values) if self.weights is None else self.weights
        return self.indptr, self.columns, weights


def same_rows(one: Rows, other: Rows) -> bool:
    """Whether both have the same entries with the same weights and codes of contexts."""
    return all(map(_same, one, other))


def _keys(rows: Rows, width: int) -> NDArray[np.int64]:
    """A number for each entry, ascending: its row times the width, and its column."""
    found: NDArray[np.int64] = np.repeat(np.arange(rows.n_rows, dtype=np.int64), rows.counts) * width
    return found + rows.columns


def _same(one: Array | None, other: Array | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)
