"""Prepares the data of ``lists.py``: known people with a fifth of their ratings held out, and visitors."""

from __future__ import annotations

from pathlib import Path

import harness
import numpy as np

import matinee

FILES = {"MovieLens 1M": "ml-1m/ratings.dat", "MovieLens 100K": "ml-100k/u.data"}
CINEMA = "The built-in cinema"
INNER_SEED = 1000

MOST_VISITORS = 900
# So many that 50 can be told and some are left to be found.
FEWEST_OF_A_VISITOR = 60


def known(name: str, seed: int) -> Path:
    """A fifth of each person's ratings for testing."""
    path = _path(name, f"known-{seed}")
    if not path.exists():
        _save_split(path, _ratings(name), seed)
    return path


def inner(name: str, seed: int) -> Path:
    """The training ratings of `known`, a fifth of each person's for choosing parameters."""
    path = _path(name, f"inner-{seed}")
    if not path.exists():
        train, _ = matinee.split(_ratings(name), by="user", test_size=0.2, random_state=seed)
        _save_split(path, train, INNER_SEED)
    return path


def visitors(name: str) -> Path:
    """For testing all ratings of some people, each person's in random order; for training everybody else's.

    At most a third of those who rated enough: where people are few, a model needs the others.
    """
    path = _path(name, "visitors")
    if not path.exists():
        columns = _columns(_ratings(name))
        random = np.random.default_rng(0)
        people, counts = np.unique(columns[0], return_counts=True)
        eligible = people[counts >= FEWEST_OF_A_VISITOR]
        chosen = random.choice(eligible, size=min(MOST_VISITORS, len(eligible) // 3), replace=False)
        shuffled = random.permutation(len(columns[0]))
        order = shuffled[np.argsort(columns[0][shuffled], kind="stable")]
        is_test = np.isin(columns[0][order], chosen)
        harness.save(path, *([column[order[part]] for column in columns] for part in (~is_test, is_test)))
    return path


def _path(name: str, what: str) -> Path:
    return harness.CACHE / f"lists-{name.replace(' ', '-').lower()}-{what}.npz"


def _ratings(name: str) -> matinee.Ratings:
    if name == CINEMA:
        return matinee.load_dataset("demo")
    return matinee.read_ratings(harness.data_folder() / FILES[name])


def _save_split(path: Path, ratings: matinee.Ratings, seed: int) -> None:
    parts = matinee.split(ratings, by="user", test_size=0.2, random_state=seed)
    harness.save(path, *map(_columns, parts))


def _columns(ratings: matinee.Ratings) -> list[np.ndarray]:
    frame = ratings.to_frame()
    return [frame[name].to_numpy() for name in ("user", "item", "rating")]
