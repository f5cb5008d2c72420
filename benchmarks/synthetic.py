"""Makes synthetic ratings of the shape of MovieLens 20M or of the Netflix Prize.

Both sides have power laws, and tastes are planted. The ratings are half stars, and the same every time. They
are made in blocks of users, which bounds the memory. ``python synthetic.py FILE.npz`` writes those of
MovieLens 20M's shape to a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

N_TASTES = 10
USERS_PER_BLOCK = 8_192  # about 1.2 million ratings, 100 MB with their factors


@dataclass(frozen=True)
class Shape:
    """The size of a data set.

    Attributes
    ----------
    n_users, n_items : int
    tail : float
        The scale of the Pareto tail of the numbers of ratings that users draw, above the 20 that all draw.
    most : int
        The largest number of ratings that a user draws.
    """

    n_users: int
    n_items: int
    tail: float
    most: int


MOVIELENS_20M = Shape(138_493, 26_744, tail=70, most=9_254)  # some 19 million distinct pairs
NETFLIX = Shape(480_189, 17_770, tail=100, most=17_000)  # some 84 million


def generate(shape: Shape = MOVIELENS_20M) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The users, items and ratings, shape (n,) each, sorted by user; all pairs are distinct.

    Returns
    -------
    users, items : ndarray of int32
        Codes from 0.
    ratings : ndarray of float32
        Half stars, 0.5 to 5.
    """
    blocks = list(rating_blocks(shape, np.random.default_rng(20)))
    users, items, ratings = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    return users, items, ratings


def rating_blocks(
    shape: Shape, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The ratings of one block of users after another."""
    popularity = item_popularity(shape, random)
    activity = user_activity(shape, random)
    # The tastes have a standard deviation of 0.6 and the noise of 0.7, about as in MovieLens.
    scale = np.float32(np.sqrt(0.6 / np.sqrt(N_TASTES)))
    item_tastes = random.normal(scale=scale, size=(shape.n_items, N_TASTES)).astype(np.float32)
    item_biases = random.normal(scale=0.5, size=shape.n_items).astype(np.float32)
    for first in range(0, shape.n_users, USERS_PER_BLOCK):
        counts = activity[first : first + USERS_PER_BLOCK]
        rows, items = distinct_pairs(counts, popularity, random)
        user_tastes = random.normal(scale=scale, size=(len(counts), N_TASTES)).astype(np.float32)
        user_biases = random.normal(scale=0.4, size=len(counts)).astype(np.float32)
        opinion = 3.5 + user_biases[rows] + item_biases[items]
        opinion += np.einsum("ij,ij->i", user_tastes[rows], item_tastes[items])
        opinion += random.normal(scale=0.7, size=len(rows)).astype(np.float32)
        ratings = np.clip(np.round(2 * opinion) / 2, 0.5, 5).astype(np.float32)
        yield (rows + first).astype(np.int32), items.astype(np.int32), ratings


def item_popularity(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """The probability that a rating is of each item: Zipf's law with a flat head, shuffled."""
    weights = 1 / (np.arange(shape.n_items) + 100.0) ** 1.4
    return random.permutation(weights / weights.sum())


def user_activity(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """The number of ratings that each user draws: a Pareto tail from 20 up, as in MovieLens."""
    return np.minimum(20 + shape.tail * random.pareto(1.35, size=shape.n_users), shape.most).astype(np.int64)


def distinct_pairs(
    counts: np.ndarray, popularity: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct (row, item) pairs, sorted: ``counts[row]`` draws for each row, without repeated ones."""
    drawn = np.searchsorted(np.cumsum(popularity), random.random(counts.sum()))
    rows = np.repeat(np.arange(len(counts)), counts)
    n_items = len(popularity)
    keys = np.unique(rows * n_items + np.minimum(drawn, n_items - 1))
    return keys // n_items, keys % n_items


if __name__ == "__main__":
    users, items, ratings = generate()
    np.savez(Path(sys.argv[1]), users=users, items=items, ratings=ratings)
    print(f"{len(ratings):,} ratings of {users.max() + 1:,} users × {items.max() + 1:,} items")
