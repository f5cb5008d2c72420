"""Measures how good the lists are that a model would recommend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.errors import DataError
from matinee.evaluation.audience import CHUNK, Audience, chunks
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


def relevance_threshold(relevant_from: Any) -> float | None:
    """The least relevant rating, None if all are relevant; raises a DataError if it is not a rating."""
    is_number = isinstance(relevant_from, int | float | np.integer | np.floating)
    if relevant_from is None or (is_number and math.isfinite(relevant_from)):
        return None if relevant_from is None else float(relevant_from)
    raise DataError(f"relevant_from={relevant_from!r}; expected a rating, or None for every test rating")


def relevant_ratings(test: Ratings, relevant_from: float | None) -> Rows:
    """The test ratings, by user, that lists should find: all, or those of at least ``relevant_from``."""
    if relevant_from is None:
        return test.by_user
    # Compared in the precision of the ratings, so that 3.7 finds a rating of 3.7.
    return test.subset(test.values >= np.float32(relevant_from)).by_user


def figure_by_k(
    audience: Audience, test: Ratings, relevant: Rows, metric: str, lengths: list[int]
) -> list[float]:
    """The mean over users of one of ``RANKING``, for lists of different lengths."""
    n_relevant, per_user = relevant.counts, PER_USER[metric]
    sums, n_users = np.zeros(len(lengths)), np.count_nonzero(n_relevant)
    for users, _, hits in lists_and_hits(audience, test, relevant, max(lengths)):
        sums += [per_user(hits[:, :k], n_relevant[users], k).sum() for k in lengths]
    return [float(one) / n_users if n_users else math.nan for one in sums]


def lists_and_hits(
    audience: Audience, test: Ratings, relevant: Rows, k: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], metrics.Hits]]:
    """Yield the users with relevant items in chunks: the users, their lists, and the hits in the lists."""
    users, model = np.flatnonzero(relevant.counts), audience.model
    # The item at each of the model's positions, as a column of the test; −1 for a filler and at the end.
    columns = np.append(test.item_index.positions(model.item_index_.ids), -1)
    # A list cannot be longer than the catalogue, however large k is.
    width = min(k, len(model.item_index_))
    for chunk in chunks(len(users), max(1, CHUNK // width)):
        best = audience.best_items(users[chunk], width)
        yield users[chunk], best, metrics.find_hits(columns[best], *_rows_of(relevant, users[chunk]))


def _rows_of(rows: Rows, chosen: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The indptr and columns of the chosen rows, which ascend; all rows between them must be empty."""
    begin, end = rows.indptr[chosen[0]], rows.indptr[chosen[-1] + 1]
    return np.append(rows.indptr[chosen], end) - begin, rows.columns[begin:end]
