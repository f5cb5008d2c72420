"""Lists of more variety: re-ranked so that items are good, and unlike those that stand before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, whole_number
from matinee.models.filters import Candidates
from matinee.models.people import People, ScoreParts
from matinee.ratings import Rows
from matinee.solving.ranking import Positions
from matinee.solving.row_problem import Floats

# A list is chosen from so many times its length of the best items, and from no fewer than a hundred: beyond
# these, what is unlike the rest is mostly what the person would not watch.
POOL, LEAST_POOL = 10, 100
# Items whose likeness is held at a time: 64 MB. It is also the length of the longest list.
MOST_ITEMS = 4096
# Users whose ratings are looked at together while the likeness of items is counted.
USERS_AT_ONCE = 8192


def diverse(people: People, candidates: Candidates, diversity: Any) -> People:
    """The same people, whose lists are re-ranked; themselves for a diversity of 0.

    Raises
    ------
    DataError
        If the diversity is not a number from 0 to 1.
    """
    share = number("diversity", diversity, least=0, most=1)
    return people if share == 0 else DiversePeople(people, candidates, share)


@dataclass(frozen=True, eq=False)
class DiversePeople(People):
    """People whose lists are chosen by maximal marginal relevance (Carbonell & Goldstein 1998).

    One place after another goes to the item of the greatest
    ``(1 − diversity)·relevance − diversity·likeness``. The relevance is the score, between 0 for the last and
    1 for the first of the items to choose from; the likeness is that to the most alike of the items before
    it: the cosine of who rated the two.

    Attributes
    ----------
    base : People
    items : Candidates
        The items of the model.
    diversity : float
        From above 0, the order of the scores, to 1, no regard for them after the first place.
    """

    base: People
    items: Candidates
    diversity: float

    @property
    def rated(self) -> Rows:  # type: ignore[override]
        """The ratings of each person."""
        return self.base.rated

    @property
    def n_threads(self) -> int:  # type: ignore[override]
        """The number of threads to compute answers with."""
        return self.base.n_threads

    def pick(self, rows: NDArray[Any]) -> DiversePeople:
        return replace(self, base=self.base.pick(rows))

    def scores(self, rows: NDArray[Any]) -> Floats:
        return self.base.scores(rows)

    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        return self.base.predict(rows, columns)

    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        return self.base.score_parts(columns)

    def rank(
        self,
        n: int,
        *,
        rows: NDArray[Any] | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
    ) -> tuple[Positions, Floats]:
        """The re-ranked lists of the people; the scores are the model's, so they need not descend."""
        pool = self.base.rank(pool_size(n), rows=rows, excluded=excluded, candidates=candidates)
        return rerank(*pool, min(n, pool[0].shape[1]), self.items, self.diversity)


def pool_size(n: int) -> int:
    """From how many items a list of n is chosen; a DataError for a longer list than can be re-ranked."""
    whole_number("n", n, least=1, most=MOST_ITEMS)
    return min(max(POOL * n, LEAST_POOL), MOST_ITEMS)


def rerank(
    positions: Positions, scores: Floats, n: int, items: Candidates, diversity: float
) -> tuple[Positions, Floats]:
    """Lists of n chosen from longer ones, a row each.

    Parameters
    ----------
    positions : ndarray of int32, shape (n_people, width)
        The items to choose from, the best first; −1 fills up.
    scores : ndarray of float32, shape (n_people, width)

    Returns
    -------
    ndarray of int32 and of float32, shape (n_people, n)
    """
    distinct, places = np.unique(positions, return_inverse=True)
    if len(distinct) > MOST_ITEMS and len(positions) > 1:
        middle = len(positions) // 2
        halves = [
            rerank(positions[half], scores[half], n, items, diversity)
            for half in (slice(middle), slice(middle, None))
        ]
        return np.vstack([each[0] for each in halves]), np.vstack([each[1] for each in halves])
    places = places.reshape(positions.shape)
    chosen = _chosen(_relevance(positions, scores), places, likeness(distinct, items), n, diversity)
    return np.take_along_axis(positions, chosen, axis=1), np.take_along_axis(scores, chosen, axis=1)


def likeness(positions: NDArray[Any], items: Candidates) -> Floats:
    """The cosine of who rated each two of some items; float32, shape (n, n), 0 for what nobody rated."""
    n_items = len(items.index)
    by_item: Rows = items.computed.get("raters of items", lambda: items.rated.transposed(n_items))
    raters = by_item.pick(positions)
    owners = np.repeat(np.arange(len(positions)), raters.counts)
    together = np.zeros((len(positions), len(positions)), dtype=np.float32)
    for first in range(0, items.rated.n_rows, USERS_AT_ONCE):
        some = (raters.columns >= first) & (raters.columns < first + USERS_AT_ONCE)
        block = np.zeros((len(positions), min(USERS_AT_ONCE, items.rated.n_rows - first)), dtype=np.float32)
        block[owners[some], raters.columns[some] - first] = 1.0
        together += block @ block.T
    lengths = np.sqrt(np.maximum(raters.counts, 1)).astype(np.float32)
    together /= lengths[:, None] * lengths
    return together


def _relevance(positions: Positions, scores: Floats) -> Floats:
    """The scores of each row between 0 and 1; −inf where there is no item."""
    is_item = positions >= 0
    highest = np.where(is_item, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    lowest = np.where(is_item, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    span = np.where(highest > lowest, highest - lowest, 1.0)
    with np.errstate(invalid="ignore"):
        return np.where(is_item, (scores - lowest) / span, -np.inf).astype(np.float32)


def _chosen(
    relevance: Floats, places: NDArray[Any], alike: Floats, n: int, diversity: float
) -> NDArray[np.int64]:
    """The columns chosen from each row, one place of the lists after another; shape (n_people, n)."""
    rows = np.arange(len(relevance))
    chosen = np.empty((len(relevance), n), dtype=np.int64)
    is_left, nearest = np.isfinite(relevance), np.zeros_like(relevance)
    worth = np.where(is_left, (1 - diversity) * np.where(is_left, relevance, 0), -np.inf)
    for place in range(n):
        # Of equal items the one of the higher score stands first in its row.
        picked = np.argmax(worth - diversity * nearest, axis=1)
        # Where no item is left, the filler at this place, as fillers stand behind the items.
        picked = np.where(is_left.any(axis=1), picked, place)
        chosen[:, place] = picked
        np.maximum(nearest, alike[places, places[rows, picked][:, None]], out=nearest)
        worth[rows, picked], is_left[rows, picked] = -np.inf, False
    return chosen
