"""Lists for many people at once, as a frame."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.models.filters import Candidates, is_of_each
from matinee.models.memory import too_large
from matinee.models.people import People
from matinee.ratings import Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.ranking import Positions
from matinee.solving.row_problem import Floats

# As many pairs of people and items as are looked at together, where everybody has candidates of their own.
PAIRS_AT_ONCE = 1 << 22


class Batch(NamedTuple):
    """The lists of many people, one entry after the other.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (n,)
        The positions of the person and of the item.
    ranks : ndarray of int32, shape (n,)
        From 1.
    scores : ndarray of float32, shape (n,)
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    ranks: NDArray[np.int32]
    scores: Floats

    def frame(self, users: IdIndex, items: IdIndex, ratings: Floats | None) -> pl.DataFrame:
        """The columns user, rank, item, score and, if there are ratings beside them, rating."""
        beside = {} if ratings is None else {"rating": ratings}
        return pl.DataFrame(
            {
                "user": users.take(self.rows),
                "rank": self.ranks,
                "item": items.take(self.columns),
                "score": self.scores,
                **beside,
            }
        )


def ranked(
    people: People,
    users: IdIndex,
    rows: NDArray[np.int64],
    candidates: Candidates,
    *,
    n: int,
    exclude_seen: bool,
    items: Any,
    exclude: Any,
    min_ratings: Any,
) -> Batch:
    """The n best items for some of the people.

    Parameters
    ----------
    people : People
    users : IdIndex
        The id of each of the people.
    rows : ndarray of int64, shape (n_asked,)
        The people who get a list, in the order of the answer.
    candidates : Candidates
        The items.
    items, exclude, min_ratings
        As in `Model.recommend_all`.

    Raises
    ------
    UnknownItemError, DataError
        If a filter does not make sense.
    NotEnoughMemoryError
    """
    n = whole_number("n", n, least=1)
    of_each = candidates.of_each(items, users, rows) if is_of_each(items) else None
    chosen = candidates.positions(items if of_each is None else None, exclude, min_ratings)
    seen = people.rated if exclude_seen else None
    try:
        if of_each is None:
            positions, scores = people.rank(n, rows=rows, excluded=seen, candidates=chosen)
        else:
            positions, scores = _ranked_by_each(people, n, rows, of_each, seen, chosen, len(candidates.index))
    except MemoryError as error:
        what = f"make lists of {min(n, len(candidates.index)):,} items for {len(rows):,} users"
        raise too_large(error, what, "ask for some of the users at a time") from error
    places, ranks = np.nonzero(positions >= 0)
    found = positions[places, ranks].astype(np.int64)
    return Batch(rows[places], found, (ranks + 1).astype(np.int32), scores[places, ranks])


def _ranked_by_each(
    people: People,
    n: int,
    rows: NDArray[np.int64],
    of_each: Rows,
    seen: Rows | None,
    chosen: NDArray[np.int64] | None,
    n_items: int,
) -> tuple[Positions, Floats]:
    """The best of everybody's own candidates: for each person all others are excluded."""
    width = min(n, n_items)
    positions, scores = np.empty((len(rows), width), np.int32), np.empty((len(rows), width), np.float32)
    step = max(1, PAIRS_AT_ONCE // max(n_items, 1))
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        hidden = _hidden(np.unique(some), of_each, seen, n_items)
        found = people.rank(n, rows=some, excluded=hidden, candidates=chosen)
        positions[first : first + step], scores[first : first + step] = found
    return positions, scores


def _hidden(rows: NDArray[np.int64], of_each: Rows, seen: Rows | None, n_items: int) -> Rows:
    """What is not shown to some people, in rows for all: what is no candidate of theirs, or was seen."""
    hidden = np.ones((len(rows), n_items), dtype=bool)
    for entries, is_hidden in ((of_each, False), (seen, True)):
        if entries is not None:
            own = entries.pick(rows)
            hidden[np.repeat(np.arange(len(rows)), own.counts), own.columns] = is_hidden
    counts = np.zeros(of_each.n_rows, dtype=np.int64)
    counts[rows] = hidden.sum(axis=1)
    columns = np.nonzero(hidden)[1].astype(np.int32)
    return Rows(np.append(0, np.cumsum(counts)), columns, np.zeros(len(columns), dtype=np.float32))
