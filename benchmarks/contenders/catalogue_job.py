"""What the contenders of `catalogue.py` share: a catalogue is read, an index made of it and searched."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
from job import timed

# From the queries, shape (n_queries, rank), to the positions of the best, shape (n_queries, n).
Search = Callable[[np.ndarray], np.ndarray]


def search_speed(job: dict, build: Callable[[np.ndarray], Search]) -> dict:
    """Users per second of one batch and the median seconds of one user; what the index takes."""
    folder = Path(job["folder"])
    queries, items = np.load(folder / "queries.npy"), np.load(folder / "items.npy")
    before = resident_mib()
    made: list[Search] = []
    seconds = timed(lambda given: made.append(build(given)), items)
    search, taken = made[0], resident_mib() - before
    found = search(queries)
    expected = best_of_scan(items, queries, job["n"])
    del items
    batch = statistics.median(timed(search, queries) for _ in range(5))
    one = statistics.median(timed(search, queries[q : q + 1]) for q in range(50))
    return {
        "recall": recall(found, expected),
        "users_per_second": len(queries) / batch,
        "one_user_seconds": one,
        "index_mib": taken,
        "index_seconds": seconds,
    }


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    """The share of the expected positions that were found."""
    pairs = zip(found, expected, strict=True)
    return float(np.mean([len(np.intersect1d(few, right)) / len(right) for few, right in pairs]))


def best_of_scan(items: np.ndarray, queries: np.ndarray, n: int) -> np.ndarray:
    """The n best positions of every query, by numpy, some items at a time."""
    step = 100_000
    best: np.ndarray = np.zeros((len(queries), 0), np.int64)
    scores: np.ndarray = np.zeros((len(queries), 0), np.float32)
    for first in range(0, len(items), step):
        here = queries @ items[first : first + step].T
        some = np.argpartition(-here, n, axis=1)[:, :n]
        best = np.hstack([best, first + some])
        scores = np.hstack([scores, np.take_along_axis(here, some, axis=1)])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        best, scores = (np.take_along_axis(each, order, axis=1) for each in (best, scores))
    return best


def resident_mib() -> float:
    """The memory of this process that is in use now, in MiB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
