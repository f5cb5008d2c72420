"""`Ratings`, the table of users × items that every other part takes, compressed by user and by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee import _kernels
from matinee.errors import DataError
from matinee.ratings.columns import Values, frame_columns, rating_values
from matinee.ratings.contexts import ContextCodes, Contexts, check_context_names, context_columns
from matinee.ratings.description import Description, describe
from matinee.ratings.duplicates import Duplicates, by_time, check_duplicates, merge
from matinee.ratings.encoding import (
    are_sorted,
    axis_index,
    check_lengths,
    counted,
    duplicate_error,
    encode_with,
    repeats_of,
)
from matinee.ratings.frames import eager_frame
from matinee.ratings.ids import Codes, IdArray, IdIndex
from matinee.ratings.rows import Rows, same_rows
from matinee.ratings.times import UNKNOWN_TIME, Timestamps, times_of

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

__all__ = ["UNKNOWN_TIME", "Duplicates", "Ratings", "Rows"]


class Ratings:
    """A table of ratings, sorted by user and then by item: who rated what, how, and perhaps when.

    `read_ratings`, `from_frame`, `from_arrays` and `from_csr` make it. It is not changed afterwards.

    Parameters
    ----------
    user_index, item_index : IdIndex
        The ids of all users and items, with or without ratings. Row ``r`` of ``by_user`` holds the ratings
        of ``user_index.ids[r]``.
    by_user : Rows
    timestamps : ndarray of int64, shape (n_ratings,), optional
        Unix seconds, in the order of ``by_user``; `UNKNOWN_TIME`, the smallest int64, where not known.
    n_duplicates : int
        The number of ratings that were merged into another of the same (user, item) pair.
    notes : tuple of str
        What was taken for granted when the ratings were read, such as the unit of the timestamps.
    contexts : Contexts, optional
        What the codes in ``by_user.contexts`` stand for; None if ratings have no contexts.
    """

    def __init__(
        self,
        user_index: IdIndex,
        item_index: IdIndex,
        by_user: Rows,
        *,
        timestamps: Timestamps | None = None,
        n_duplicates: int = 0,
        notes: tuple[str, ...] = (),
        contexts: Contexts | None = None,
    ) -> None:
        self.user_index = user_index
        self.item_index = item_index
        self.by_user = _read_only(by_user)
        self.timestamps = timestamps
        self.n_duplicates = n_duplicates
        self.notes = notes
        self.contexts = contexts

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = "rating",
        timestamp: str | None = None,
        weight: str | None = None,
        contexts: Sequence[str] = (),
        duplicates: Duplicates = "last",
    ) -> Ratings:
        """The ratings in a pandas, polars (lazy too) or Arrow frame, one per row.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table
            Or any other with the PyCapsule interface of Arrow, or a dataset of Hugging Face.
        user, item, rating, timestamp, weight : str
            The names of the columns. With ``rating=None`` a row says only that the pair was seen, and counts
            1. Timestamps are numbers or dates, as in `read_ratings`. A rating of weight w counts as w equal
            ratings; w is any number from 0, which counts as no rating at all, to 1e9.
        contexts : sequence of str
            The columns that say in which context somebody rated, such as a device or a country; each value is
            a category, and so is a missing one. If there is no such column, "day", "weekday", "hour" and
            "month" are those of the timestamps, in UTC.
        duplicates : {"last", "first", "latest", "mean", "sum", "error"}
            How to merge several ratings of one item by one user. First and last are by the order of the
            rows, and latest is by their times. Such a rating keeps its weight. In a mean ratings count by
            their weights; a mean or a sum has the mean of the weights.

        Raises
        ------
        DataError
            For a missing column, a frame without rows, or a bad value; the message has its 0-based row.
        """
        table = eager_frame(frame)
        wanted = check_context_names(contexts)
        names = [name for name in (user, item, rating, timestamp, weight) if name is not None]
        names += [name for name in wanted if name in table.columns and name not in names]
        columns = dict(zip(names, frame_columns(table, names), strict=True))
        values = np.ones(len(columns[user]), dtype=np.float32) if rating is None else columns[rating]
        times, weights = (None if name is None else columns[name] for name in (timestamp, weight))
        return cls.from_columns(
            [columns[user], columns[item], values, times, weights],
            duplicates=duplicates,
            contexts={name: columns.get(name) for name in wanted},
        )

    @classmethod
    def from_arrays(
        cls,
        users: Any,
        items: Any,
        values: Any,
        *,
        timestamps: Any = None,
        weights: Any = None,
        contexts: Mapping[str, Any] | None = None,
        registered_users: Any = None,
        registered_items: Any = None,
        duplicates: Duplicates = "last",
    ) -> Ratings:
        """The ratings in arrays of equal length: ``users[i]`` gave ``items[i]`` the rating ``values[i]``.

        Parameters
        ----------
        users, items : list, ndarray or column of ids, shape (n,)
        values : list, ndarray or column of numbers, shape (n,)
        timestamps : list, ndarray or column, shape (n,), optional
            Numbers or dates, as in `read_ratings`.
        weights : list, ndarray or column of numbers, shape (n,), optional
            How much each rating counts, as in `from_frame`.
        contexts : mapping of str to column, optional
            The contexts by name; a name with None is that of a bin of the timestamps, as in `from_frame`.
        registered_users, registered_items : list, ndarray or column of ids, optional
            Ids that exist, with or without ratings. They get a row, in addition to the ids that occur.
        duplicates : {"last", "first", "latest", "mean", "sum", "error"}

        Raises
        ------
        DataError
            For lengths that differ, no ratings, or a bad value; the message has its 0-based row.
        """
        registered = (registered_users, registered_items)
        columns = [users, items, values, timestamps, weights]
        return cls.from_columns(columns, registered, duplicates, contexts)

    @classmethod
    def from_columns(
        cls,
        columns: list[Any],
        registered: tuple[Any, Any] = (None, None),
        duplicates: Duplicates = "last",
        contexts: Mapping[str, Any] | None = None,
    ) -> Ratings:
        """Like `from_arrays`, but each column leaves the list once it is encoded, which frees its memory."""
        columns.append(None)
        check_lengths(columns)
        columns[2] = rating_values(columns[2])
        columns[3], note = (None, None) if columns[3] is None else times_of(columns[3])
        known = None
        if contexts:
            taken = {name: column for name, column in contexts.items() if column is not None}
            known, columns[5] = Contexts.encode(context_columns(list(contexts), taken, columns[3]))
            check_lengths(columns)
        kept, columns[4] = counted(columns[4])
        user_index, columns[0] = encode_with(registered[0], columns[0], "user", kept)
        item_index, columns[1] = encode_with(registered[1], columns[1], "item", kept)
        if kept is not None:
            columns[2:] = [None if column is None else column[kept] for column in columns[2:]]
        ratings = _assemble(user_index, item_index, columns, duplicates, kept)
        ratings.contexts = known
        ratings.notes = () if note is None else (note,)
        return ratings

    @classmethod
    def from_csr(cls, matrix: Any, *, users: Any = None, items: Any = None) -> Ratings:
        """The stored entries of a scipy sparse matrix or array, users × items, of any format.

        Every stored entry is a rating, and so is a stored zero: call ``matrix.eliminate_zeros()`` first if
        zeros mean nothing. Entries stored twice are added up, as in scipy. Rows and columns without entries
        become users and items without ratings.

        Parameters
        ----------
        matrix : scipy sparse matrix or array, shape (n_users, n_items)
        users, items : ids, shapes (n_users,) and (n_items,), optional
            The ids in the order of the rows and of the columns; 0, 1, 2, … if not given.

        Raises
        ------
        DataError
            If ``matrix`` is not sparse or is empty, or if the ids don't fit its shape or are not unique.
        """
        if not hasattr(matrix, "tocoo") or len(matrix.shape) != 2:
            given = type(matrix).__name__
            raise DataError(f"expected a scipy sparse matrix of users × items, got {given}")
        entries = matrix.tocoo()
        user_index, user_codes = axis_index(users, matrix.shape[0], "user")
        item_index, item_codes = axis_index(items, matrix.shape[1], "item")
        columns = [user_codes[entries.row], item_codes[entries.col], rating_values(entries.data)]
        ratings = _assemble(user_index, item_index, [*columns, None, None, None], "sum")
        ratings.n_duplicates = 0
        return ratings

    @cached_property
    def by_item(self) -> Rows:
        """The same ratings by item: row ``r`` belongs to ``item_index.ids[r]``, and its columns are users."""
        return _read_only(self.by_user.transposed(self.n_items))

    @property
    def users(self) -> IdArray:
        """The ids of all users, with or without ratings, sorted; shape (n_users,)."""
        return self.user_index.ids

    @property
    def items(self) -> IdArray:
        """The ids of all items, with or without ratings, sorted; shape (n_items,)."""
        return self.item_index.ids

    @property
    def values(self) -> Values:
        """The ratings by user and then by item; float32, shape (n_ratings,)."""
        return self.by_user.values

    @property
    def weights(self) -> Values | None:
        """How much each rating counts, in the order of ``values``; None if all count 1."""
        return self.by_user.weights

    @property
    def context_codes(self) -> ContextCodes:
        """The code of each rating's context, in the order of ``values``; zeros if ratings have none."""
        codes = self.by_user.contexts
        return np.zeros(len(self), dtype=np.int64) if codes is None else codes

    @property
    def n_users(self) -> int:
        """The number of users, with or without ratings."""
        return len(self.user_index)

    @property
    def n_items(self) -> int:
        """The number of items, with or without ratings."""
        return len(self.item_index)

    @property
    def sparsity(self) -> float:
        """The share of the users × items without a rating, from 0 to 1."""
        cells = self.n_users * self.n_items
        return 1.0 - len(self) / cells if cells else 1.0

    @property
    def user_positions(self) -> Codes:
        """The row of each rating's user; int32, shape (n_ratings,)."""
        rows = np.arange(self.n_users, dtype=np.int32)
        return np.repeat(rows, self.by_user.counts)

    def __len__(self) -> int:
        return len(self.by_user.values)

    def __repr__(self) -> str:
        return f"Ratings({len(self):,} ratings of {self.n_items:,} items by {self.n_users:,} users)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ratings):
            return NotImplemented
        same_indices = self.user_index == other.user_index and self.item_index == other.item_index
        same_indices = same_indices and self.contexts == other.contexts
        if not same_indices or not same_rows(self.by_user, other.by_user):
            return False
        if self.timestamps is None or other.timestamps is None:
            return self.timestamps is other.timestamps
        return np.array_equal(self.timestamps, other.timestamps)

    __hash__ = None  # type: ignore[assignment]

    def describe(self) -> Description:
        """A description of the ratings: counts, sparsity, distribution, ratings per user and per item."""
        return describe(
            self.by_user,
            self.n_items,
            timestamps=self.timestamps,
            sparsity=self.sparsity,
            n_duplicates=self.n_duplicates,
            notes=self.notes,
            contexts=self.contexts,
        )

    def to_frame(self) -> pl.DataFrame:
        """The ratings as a frame with the columns user, item, rating and, if any, timestamp and weight.

        A column for each context follows, its values as text.
        """
        columns: dict[str, Any] = {
            "user": self.user_index.take(self.user_positions),
            "item": self.item_index.take(self.by_user.columns),
            "rating": self.values,
        }
        if self.timestamps is not None:
            times = pl.Series(self.timestamps)
            columns["timestamp"] = times.set(times == UNKNOWN_TIME, None)
        if self.weights is not None:
            columns["weight"] = self.weights
        if self.contexts is not None:
            columns |= self.contexts.columns(self.context_codes)
        return pl.DataFrame(columns)

    def with_contexts(self, names: Sequence[str]) -> Ratings:
        """The same ratings with bins of their timestamps as contexts, in place of those that they have.

        Parameters
        ----------
        names : sequence of str
            Any of "day", "weekday", "hour" and "month"; they are those of UTC.

        Raises
        ------
        DataError
            If there are no timestamps, or another name is given.
        """
        contexts, codes = Contexts.encode(context_columns(names, {}, self.timestamps))
        return self.with_rows(self.by_user._replace(contexts=codes), contexts)

    def without_contexts(self) -> Ratings:
        """The same ratings without contexts."""
        return self.with_rows(self.by_user._replace(contexts=None), None)

    def with_rows(self, by_user: Rows, contexts: Contexts | None) -> Ratings:
        """Other rows of as many ratings, with everything else as it is here."""
        return Ratings(
            self.user_index,
            self.item_index,
            by_user,
            timestamps=self.timestamps,
            n_duplicates=self.n_duplicates,
            notes=self.notes,
            contexts=contexts,
        )

    def subset(self, chosen: Any) -> Ratings:
        """Some of the ratings, with the same users and items, so that rows mean the same in both.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_ratings,), or of int
            A mask over the ratings in their order (by user and then by item), or positions in that order.
            The order of the positions does not matter, nor does it matter if one is given twice.
        """
        mask = np.asarray(chosen)
        if mask.dtype != bool:
            mask = np.zeros(len(self), dtype=bool)
            mask[np.asarray(chosen, dtype=np.int64)] = True
        if mask.shape != (len(self),):
            raise DataError(
                f"chosen has shape {mask.shape}; expected ({len(self)},), one entry for each rating"
            )
        times = None if self.timestamps is None else self.timestamps[mask]
        rows = self.by_user.keep(mask)
        return Ratings(self.user_index, self.item_index, rows, timestamps=times, contexts=self.contexts)


def _read_only(rows: Rows) -> Rows:
    """The rows, made read-only, so that models, splits and views can share them."""
    for array in rows:
        if array is not None:
            array.flags.writeable = False
    return rows


def check_ratings(ratings: Any, name: str = "train") -> None:
    """Raise a DataError with the remedy for anything but `Ratings`, or for `Ratings` without a rating."""
    if not isinstance(ratings, Ratings):
        given = type(ratings).__name__
        maker = "from_csr" if hasattr(ratings, "tocoo") else "from_frame"
        raise DataError(f"{name}: expected Ratings, got {given}; make them with matinee.Ratings.{maker}(…)")
    if len(ratings) == 0:
        raise DataError(f"{name} holds no ratings; expected at least one")


def _assemble(
    user_index: IdIndex,
    item_index: IdIndex,
    columns: list[Any],
    duplicates: Duplicates,
    kept: NDArray[np.bool_] | None = None,
) -> Ratings:
    """Ratings from user codes, item codes, values, timestamps, weights and codes of contexts.

    It empties the list, to free each in turn. ``kept`` says which of the given rows are in it, for errors.
    """
    check_duplicates(duplicates)
    contexts, weights, times, values, items, users = (columns.pop() for _ in range(6))
    if len(values) == 0:
        raise DataError("there are no ratings; expected at least one")
    indptr = np.zeros(len(user_index) + 1, dtype=np.int64)
    np.cumsum(np.bincount(users, minlength=len(user_index)), out=indptr[1:])
    if are_sorted(users, items):
        # Copies, as the caller keeps the columns and may write into them.
        values = values.copy()
        times, weights, contexts = (
            each if each is None else each.copy() for each in (times, weights, contexts)
        )
        rows = Rows(indptr, items, values, weights, contexts)
        return Ratings(user_index, item_index, rows, timestamps=times)
    order = _kernels.sort_order(users, items, len(user_index), len(item_index))
    del users
    items, values = items[order], values[order]
    times, weights, contexts = (each if each is None else each[order] for each in (times, weights, contexts))
    repeats = repeats_of(indptr, items)
    if not repeats.any():
        rows = Rows(indptr, items, values, weights, contexts)
        return Ratings(user_index, item_index, rows, timestamps=times)
    if duplicates == "error":
        places = order if kept is None else np.flatnonzero(kept)[order]
        raise duplicate_error(user_index, item_index, indptr, items, places, repeats)
    del order
    if duplicates == "latest":
        sorted_by_time = by_time(times, repeats)
        values, times = values[sorted_by_time], np.asarray(times)[sorted_by_time]
        weights, contexts = (each if each is None else each[sorted_by_time] for each in (weights, contexts))
    stays, values, weights = merge(values, weights, repeats, duplicates)
    before = np.concatenate([[0], np.cumsum(stays, dtype=np.int64)])
    contexts = contexts if contexts is None else contexts[stays]
    rows = Rows(before[indptr], items[stays], values, weights, contexts)
    times = times if times is None else times[stays]
    return Ratings(user_index, item_index, rows, timestamps=times, n_duplicates=int(repeats.sum()))
