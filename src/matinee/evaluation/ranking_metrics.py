"""Measures how good the lists are that a model would recommend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.evaluation.audience import CHUNK, Answers, chunks
from matinee.evaluation.criteria import is_at_least
from matinee.ratings import Ratings, Rows

# The figures at k that measure lists, and their printed names.
RANKING = {
    "precision": "precision",
    "recall": "recall",
    "truncated_recall": "truncated recall",
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "hit rate",
}
# So many people are judged at a time at most, so that a progress bar moves.
PEOPLE_AT_ONCE = 4096
# The figures that ask what people thought of the items that lists held.
LIKED = ("ndcg_liked", "recall_liked", "mean_stars_of_hits", "share_disliked")
# Computes each figure for every user, from the hits in the user's list, the number of relevant items, and k.
PER_USER: dict[str, Callable[[metrics.Hits, NDArray[Any], int], metrics.PerUser]] = {
    "precision": lambda hits, n_relevant, k: metrics.precision(hits, k=k),
    "recall": lambda hits, n_relevant, k: metrics.recall(hits, n_relevant),
    "truncated_recall": lambda hits, n_relevant, k: metrics.truncated_recall(hits, n_relevant, k=k),
    "ndcg": lambda hits, n_relevant, k: metrics.ndcg(hits, n_relevant, k=k),
    "map": lambda hits, n_relevant, k: metrics.average_precision(hits, n_relevant, k=k),
    "mrr": lambda hits, n_relevant, k: metrics.reciprocal_rank(hits),
    "hit_rate": lambda hits, n_relevant, k: metrics.hit_rate(hits),
}


class Lists(NamedTuple):
    """The lists of some users of a test, and what these users thought of the items.

    Attributes
    ----------
    best : ndarray of int32, shape (n_users, k)
        The model's positions of the items, the best first; −1 where there are no more.
    ratings : ndarray of float32, shape (n_users, k)
        The test rating of each place; NaN where there is none.
    rated : Rows
        All test ratings of these users.
    """

    best: NDArray[np.int32]
    ratings: NDArray[np.float32]
    rated: Rows


def figure_by_k(
    audience: Answers, test: Ratings, relevant_from: float | None, metric: str, lengths: list[int]
) -> list[float]:
    """The mean over users of one of ``RANKING``, for lists of different lengths."""
    threshold = -math.inf if relevant_from is None else relevant_from
    users = np.flatnonzero(count_by_row(test.by_user, is_at_least(test.values, threshold)))
    sums, per_user = np.zeros(len(lengths)), PER_USER[metric]
    for lists in lists_of(audience, test, users, max(lengths)):
        n_relevant = count_by_row(lists.rated, is_at_least(lists.rated.values, threshold))
        hits = is_at_least(lists.ratings, threshold)
        sums += [per_user(hits[:, :k], n_relevant, k).sum() for k in lengths]
    return [float(one) / len(users) if len(users) else math.nan for one in sums]


def count_by_row(rows: Rows, which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the chosen entries are in each row; int64, shape (n_rows,)."""
    before = np.concatenate([[0], np.cumsum(which, dtype=np.int64)])
    return np.asarray(np.diff(before[rows.indptr]))


def lists_of(audience: Answers, test: Ratings, users: NDArray[np.int64], k: int) -> Iterator[Lists]:
    """Yield the lists of users of a test, in chunks."""
    model = audience.model
    # The item at each of the model's positions, as a column of the test; −1 for a filler and at the end.
    columns = np.append(test.item_index.positions(model.item_index_.ids), -1)
    # A list cannot be longer than the catalogue, however large k is.
    width = min(k, len(model.item_index_))
    for chunk in chunks(len(users), max(1, min(CHUNK // width, PEOPLE_AT_ONCE))):
        best, rated = audience.best_items(users[chunk], width), test.by_user.pick(users[chunk])
        yield Lists(best, metrics.find_values(columns[best], *rated[:3]), rated)
