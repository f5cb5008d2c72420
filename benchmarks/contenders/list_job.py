"""What the contenders for lists share: the figures of lists, and the tasks of those that know rankings alone.

Lists are arrays of item codes, one row for each person, best first; −1 stands where a list has ended.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from job import Pairs, Prepared, read

N_LISTED = 10
# As shares of the greatest rating: what was liked, and what was not.
LIKED, DISLIKED = 0.8, 0.4

# Everybody's lists from the training ratings, by the job's parameters.
Lister = Callable[[Prepared, dict], np.ndarray]


def figures(lists: np.ndarray, held_out: Pairs, greatest: float, n_items: int) -> dict:
    """How well the first ten of each list find what people have rated, and what they think of it.

    NDCG@10 is the mean over the people with anything to find; the ideal list is as long as what there is to
    find, ten at most.
    """
    lists = lists[:, :N_LISTED]
    ratings = ratings_of(lists, held_out, n_items)
    hits = ratings[ratings > 0]
    return {
        "all": ndcg(ratings > 0, held_out.users),
        "liked": ndcg(ratings >= LIKED * greatest, held_out.users[held_out.ratings >= LIKED * greatest]),
        "bad": float(np.mean(hits <= DISLIKED * greatest)),
        "stars": float(hits.mean()),
        "coverage": len(np.unique(lists[lists >= 0])) / n_items,
    }


def ratings_of(lists: np.ndarray, held_out: Pairs, n_items: int) -> np.ndarray:
    """The held-out ratings of listed items, 0 where there is none; the shape is that of the lists."""
    keys = held_out.users.astype(np.int64) * n_items + held_out.items
    order = np.argsort(keys)
    keys, ratings = keys[order], held_out.ratings[order]
    asked = np.arange(len(lists))[:, None] * np.int64(n_items) + lists
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where((keys[places] == asked) & (lists >= 0), ratings[places], 0)


def ndcg(is_hit: np.ndarray, people: np.ndarray) -> float:
    """NDCG@10 of lists, for the people who have each of the items that were to be found."""
    counts = np.bincount(people, minlength=len(is_hit))
    discounts = 1 / np.log2(np.arange(2, N_LISTED + 2))
    gains = is_hit[counts > 0] @ discounts[: is_hit.shape[1]]
    return float(np.mean(gains / np.cumsum(discounts)[np.minimum(counts[counts > 0], N_LISTED) - 1]))


def best_of(scores: np.ndarray, n: int) -> np.ndarray:
    """The columns of the n highest scores of each row, best first."""
    some = np.argpartition(-scores, n, axis=1)[:, :n]
    by_score = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, by_score, axis=1)


def greatest_rating(data: Prepared) -> float:
    return float(data.train.ratings.max())


def tasks(lists: Lister) -> dict[str, Callable[[dict], dict]]:
    """The tasks of a contender that makes everybody's lists."""

    def known(job: dict) -> dict:
        data = read(job["data"])
        return figures(lists(data, job), data.test, greatest_rating(data), data.n_items)

    return {"known": known}
