"""The visitors' present ratings, played from the log of events: arrays, in little memory."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings.ids import Id
from matinee.web.store.engine import Store
from matinee.web.store.events import rating_lines
from matinee.web.store.migrating import require_current

KINDS = (np.int64, np.int32, np.float32, np.int64)


@dataclass(frozen=True)
class VisitorsRatings:
    """Ratings by visitor, and then by item in the order in which items were first rated.

    Attributes
    ----------
    visitors : ndarray of int64, shape (n,)
    items : ndarray of int32, shape (n,)
        Positions in ``names``.
    names : list of str
        The items.
    ratings : ndarray of float32, shape (n,)
    times : ndarray of int64, shape (n,)
        Unix milliseconds.
    """

    visitors: NDArray[np.int64]
    items: NDArray[np.int32]
    names: list[str]
    ratings: NDArray[np.float32]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.visitors)

    def keep(self, mask: NDArray[np.bool_]) -> VisitorsRatings:
        """Those of the ratings."""
        parts = (self.visitors[mask], self.items[mask], self.names, self.ratings[mask], self.times[mask])
        return VisitorsRatings(*parts)


def visitors_ratings(store: Store) -> VisitorsRatings:
    """The ratings that are present at the end of the log.

    Raises
    ------
    DataError
        If the database has another schema version than this Matinee.
    """
    require_current(store)
    places: dict[str, int] = {}
    # Of C types: as Python objects, each number would take 24 bytes or more.
    visitors, items, ratings, times = array("q"), array("i"), array("f"), array("q")
    for part in rating_lines(store):
        for visitor, item, rating, at in part:
            visitors.append(visitor)
            items.append(places.setdefault(item, len(places)))
            ratings.append(nan if rating is None else rating)
            times.append(at)
    columns: Any = [
        np.frombuffer(column, dtype=kind) if column else np.empty(0, dtype=kind)
        for column, kind in (
            (visitors, np.int64),
            (items, np.int32),
            (ratings, np.float32),
            (times, np.int64),
        )
    ]
    last = _last_of_each(columns[0] * len(places) + columns[1])
    present = last[~np.isnan(columns[2][last])]
    who, what, stars, when = (column[present] for column in columns)
    return VisitorsRatings(who, what, list(places), stars, when)


def item_id(name: str, *, strings: bool) -> Id | None:
    """The id, of a model's kind, that the text in the database spells; None if it spells none."""
    if strings:
        return name
    try:
        number = int(name)
    except ValueError:
        return None
    return number if str(number) == name and -(2**63) <= number < 2**63 else None


def _last_of_each(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position of the last of all equal keys, in the order of the keys."""
    order: NDArray[np.int64] = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_last = np.ones(len(keys), dtype=bool)
    is_last[:-1] = ordered[:-1] != ordered[1:]
    return order[is_last]
