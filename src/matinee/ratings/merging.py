"""Merges new ratings into those that are there, row by row, without sorting them all again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings.ids import IdIndex
from matinee.ratings.ratings import Ratings
from matinee.ratings.rows import Rows

Positions = NDArray[np.int64]


# If new ratings touch more than this share of the items, then to solve the others too takes less time than to
# leave them out.
NEARLY_ALL = 0.8


@dataclass(frozen=True, eq=False)
class MergedRatings:
    """Old and new ratings together, and where the old rows and the new ratings are among them.

    Attributes
    ----------
    ratings : Ratings
        All ratings. Of a pair that was rated twice, the new one.
    added : Rows
        The new ratings alone, with rows and columns as in ``ratings``.
    old_users, old_items : ndarray of int64, shape (n_old_users,), (n_old_items,)
        The positions of the old users and items in ``ratings``, ascending.
    """

    ratings: Ratings
    added: Rows
    old_users: Positions
    old_items: Positions

    @property
    def touched_users(self) -> NDArray[np.bool_]:
        """The users who have new ratings; shape (n_users,)."""
        return self.added.counts > 0

    @property
    def touched_items(self) -> NDArray[np.bool_]:
        """The items that have new ratings, or all items if most have; shape (n_items,)."""
        touched: NDArray[np.bool_] = np.bincount(self.added.columns, minlength=self.ratings.n_items) > 0
        return touched | np.bool_(touched.mean() > NEARLY_ALL)

    def widened(self, rating_range: tuple[float, float]) -> tuple[float, float]:
        """The range of ratings that holds the old one and the new ratings."""
        values, (low, high) = self.added.values, rating_range
        return min(low, float(values.min())), max(high, float(values.max()))


def merge_ratings(
    user_index: IdIndex, item_index: IdIndex, rated: Rows, new: Ratings, *, n_threads: int = 1
) -> MergedRatings:
    """Ratings by user, and new ratings of the same or other users and items.

    Raises
    ------
    DataError
        If one side has strings as ids and the other integers.
    """
    user_index.require_kind_of(new.user_index, name="user")
    item_index.require_kind_of(new.item_index, name="item")
    users, old_users, new_users = _union(user_index, new.user_index, "user")
    items, old_items, new_items = _union(item_index, new.item_index, "item")
    added = new.by_user.spread(new_users, len(users)).renamed(new_items)
    rows = rated.spread(old_users, len(users)).merged(added, old_items, n_threads=n_threads)
    return MergedRatings(Ratings(users, items, rows), added, old_users, old_items)


def _union(old: IdIndex, new: IdIndex, name: str) -> tuple[IdIndex, Positions, Positions]:
    """The index of the ids in either, and the positions in it of the old and of the new ids."""
    known: Any = old.positions(new.ids)
    if (known >= 0).all():
        return old, np.arange(len(old)), known
    both = old.union(new, name=name)
    return both, both.positions(old.ids), both.positions(new.ids)
