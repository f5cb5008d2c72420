"""The people of a test as a model sees them: users it was fitted on, or new people folded in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.models.model import Model
from matinee.models.people import People
from matinee.models.rated import in_contexts_of
from matinee.ratings import Ratings, Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.row_problem import Floats

# The number of pairs, or of places in lists, to work on at once: enough for the native code to run at full
# speed, and only tens of megabytes.
CHUNK = 1 << 20

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Known(Protocol):
    """What is known of who gave the answers: a model, or what stands for one where there are only lists."""

    @property
    def user_index_(self) -> IdIndex: ...

    @property
    def item_index_(self) -> IdIndex: ...

    @property
    def rated_(self) -> Rows: ...

    @property
    def n_raters(self) -> Positions: ...

    @property
    def predicts_ratings(self) -> bool: ...


class Answers(Protocol):
    """Lists for the people of a test and predictions of its ratings, as `Audience` gives those of a model."""

    @property
    def model(self) -> Known: ...

    @property
    def is_known(self) -> Mask: ...

    def predict(self, ratings: Ratings) -> Floats: ...

    def predicted_by_model(self, ratings: Ratings) -> Mask: ...

    def best_items(self, people: Positions, width: int) -> NDArray[np.int32]: ...

    def rated_by(self, people: Positions) -> Rows: ...


@dataclass(frozen=True)
class Audience:
    """The people of a test. The items by which the model knows a person are not recommended to them again.

    Attributes
    ----------
    model : Model
        The model that is tested.
    people : People
        These people, and perhaps others.
    rows : ndarray of int64, shape (n_users,)
        The row of each person in ``people``; −1 for a person about whom the model knows nothing.
    """

    model: Model
    people: People
    rows: Positions

    @classmethod
    def known(cls, model: Model, test: Ratings) -> Audience:
        """The users of a test that the model was fitted on; fitted items are not recommended to them."""
        return cls(model, model.people, model.user_index_.positions(test.users))

    @classmethod
    def folded_in(cls, model: Model, history: Ratings) -> Audience:
        """New people folded in from their history; items of the history are not recommended to them.

        Ratings of items that the model has not seen are ignored.
        """
        rated = _in_positions_of(model, history)
        return cls(model, model.people_by(rated), np.arange(history.n_users))

    @property
    def is_known(self) -> Mask:
        """Whether the model knows a rating of each person; shape (n_users,)."""
        return _is_rated(self.rows, self.people.rated.counts)

    def predict(self, ratings: Ratings) -> Floats:
        """The prediction of each of the ratings, in their order; in its context, if the model knows it."""
        item_positions = self.model.item_index_.positions(ratings.items)
        users, items = ratings.user_positions, ratings.by_user.columns
        predicted = np.empty(len(ratings), dtype=np.float32)
        for chunk in chunks(len(ratings), CHUNK):
            pairs = self.rows[users[chunk]], item_positions[items[chunk]]
            predicted[chunk] = self._predict(*pairs, self._contexts(ratings, chunk))
        return predicted

    def _predict(self, rows: Positions, columns: Positions, contexts: dict[str, pl.Series]) -> Floats:
        if not contexts:
            return self.people.predict(rows, columns)
        predicted = np.empty(len(rows), dtype=np.float32)
        for part, people, places in self.people.in_contexts(rows, contexts):
            predicted[part] = people.predict(places, columns[part])
        return predicted

    def _contexts(self, ratings: Ratings, chunk: slice) -> dict[str, pl.Series]:
        """The contexts of some of the ratings, of those columns that the model knows."""
        if self.model.contexts_ is None or ratings.contexts is None:
            return {}
        columns = ratings.contexts.columns(ratings.context_codes[chunk])
        return {name: column for name, column in columns.items() if name in self.model.contexts_.names}

    def predicted_by_model(self, ratings: Ratings) -> Mask:
        """Which ratings are predicted without fallback: the model knows ratings of both user and item."""
        items = _is_rated(self.model.item_index_.positions(ratings.items), self.model.n_raters)
        return np.asarray(self.is_known[ratings.user_positions] & items[ratings.by_user.columns])

    def rated_by(self, people: Positions) -> Rows:
        """What the model knows of people: their ratings, a row each, by its positions of the items."""
        return self.people.rated.pick(self.rows[people])

    def best_items(self, people: Positions, width: int) -> NDArray[np.int32]:
        """Positions of the best items for people, −1 where there are no more; shape (n, width)."""
        rows, model = self.rows[people], self.model
        best = np.empty((len(rows), width), dtype=np.int32)
        has_row = rows >= 0
        best[has_row], _ = self.people.rank(width, rows=rows[has_row], excluded=self.people.rated)
        if not has_row.all():
            best[~has_row], _ = model.stranger.rank(width)
        return best


def n_trained_on(model: Known, ratings: Ratings) -> int:
    """The number of ratings whose user and item are a pair that the model was fitted on."""
    user_positions = model.user_index_.positions(ratings.users)
    item_positions = model.item_index_.positions(ratings.items)
    users, items, found = ratings.user_positions, ratings.by_user.columns, 0
    for chunk in chunks(len(ratings), CHUNK):
        rows, columns = user_positions[users[chunk]], item_positions[items[chunk]]
        both = (rows >= 0) & (columns >= 0)
        found += int(_holds(model.rated_, rows[both], columns[both]).sum())
    return found


def chunks(length: int, step: int) -> Iterator[slice]:
    """Consecutive slices of length ``step``, which cover ``length``."""
    return (slice(begin, begin + step) for begin in range(0, length, step))


def _in_positions_of(model: Model, history: Ratings) -> Rows:
    """The ratings by user, with the model's positions of the items, without items unknown to it."""
    history = in_contexts_of(history, model.contexts_)
    positions = model.item_index_.positions(history.items)
    is_seen = positions[history.by_user.columns] >= 0
    # The ids of both are sorted, so the positions ascend in each row as the columns do.
    return history.subset(is_seen).by_user.renamed(positions)


def _is_rated(positions: Positions, counts: NDArray[np.int64]) -> Mask:
    return np.asarray((positions >= 0) & (counts[positions] > 0))


def _holds(rows: Rows, row: Positions, column: Positions) -> Mask:
    """Whether each pair is in the rows, found by bisecting for all pairs at once."""
    low, end = rows.indptr[row], rows.indptr[row + 1]
    high = end.copy()
    while (is_open := low < high).any():
        middle = (low + high) // 2
        # Where a search has ended, its middle may be beyond the last column.
        is_below = is_open & (rows.columns[np.where(is_open, middle, 0)] < column)
        low = np.where(is_below, middle + 1, low)
        high = np.where(is_open & ~is_below, middle, high)
    found = low < end
    found[found] = rows.columns[low[found]] == column[found]
    return np.asarray(found)
