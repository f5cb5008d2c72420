"""What the contenders for implicit feedback share: the problem, its objective, the ranking, and the tasks.

A problem is given in Matinee's parameters, and every contender translates them (``docs/implicit.md``). It is
answered by a ``Factorisation``: ``iterate()`` does one iteration, ``users`` and ``items`` are the factors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from job import Pairs, Prepared, parameters, read, seconds_by_hook, timed

# Matinee's parameters that make the objective, and what they are if a job does not say.
PROBLEM = {"regularization": 0.01, "alpha": 1.0, "unobserved_weight": 1.0, "nu": 1.0}

# Users whose scores stand in memory at a time: 1,024 × 3,706 of four bytes.
USERS_PER_BLOCK = 1_024


class Factorisation(Protocol):
    """A fit under way, one iteration a call."""

    def iterate(self) -> None: ...

    @property
    def users(self) -> np.ndarray: ...

    @property
    def items(self) -> np.ndarray: ...


# From the data, the job and the seed of the start.
Maker = Callable[[Prepared, dict, int], Factorisation]


@dataclass(frozen=True)
class Problem:
    """``Σ_seen (α₀ + α r)(1 − s)² + Σ_unseen α₀ s² + λ Σ (n_u + α₀ n)^ν ‖x_u‖² + the same for items``."""

    regularization: float
    alpha: float
    unobserved_weight: float
    nu: float

    @classmethod
    def of(cls, job: dict) -> Problem:
        return cls(**{name: parameters(job, {}).get(name, usual) for name, usual in PROBLEM.items()})

    def objective(self, users: np.ndarray, items: np.ndarray, seen: Pairs) -> float:
        """The objective in double precision, of anybody's factors; ``seen`` is sorted by user."""
        users, items = users.astype(np.float64), items.astype(np.float64)
        total = self.unobserved_weight * float(np.sum((users.T @ users) * (items.T @ items)))
        for first in range(0, len(users), USERS_PER_BLOCK):
            part = slice(*np.searchsorted(seen.users, [first, first + USERS_PER_BLOCK]))
            # All of a block's scores: a product of matrices, much faster than pair by pair.
            scores = users[first : first + USERS_PER_BLOCK] @ items.T
            scores = scores[seen.users[part] - first, seen.items[part]]
            weights = self.unobserved_weight + self.alpha * seen.ratings[part].astype(np.float64)
            total += float(np.sum(weights * (1 - scores) ** 2 - self.unobserved_weight * scores**2))
        return (
            total + self.penalty(users, seen.users, len(items)) + self.penalty(items, seen.items, len(users))
        )

    def penalty(self, factors: np.ndarray, rows: np.ndarray, n_columns: int) -> float:
        counts = np.bincount(rows, minlength=len(factors)) + self.unobserved_weight * n_columns
        return self.regularization * float(np.sum(counts**self.nu * np.sum(factors**2, axis=1)))


def start(data: Prepared, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Everybody's starting factors: normal, of spread 0.1 / √rank, as irspack draws its own."""
    random = np.random.default_rng(seed)
    scale = np.float32(0.1 / np.sqrt(rank))
    users, items = (
        scale * random.standard_normal((n, rank), dtype=np.float32) for n in (data.n_users, data.n_items)
    )
    return users, items


def presence(path: str) -> Prepared:
    """A prepared data set with every rating a positive of strength 1."""
    data = read(path)
    for part in (data.train, data.test):
        part.ratings = np.ones_like(part.ratings)
    return data


def ranking(users: np.ndarray, items: np.ndarray, data: Prepared) -> dict:
    """NDCG@10 and Recall@20 over the full catalogue, what was seen in training left out.

    The ideal list of NDCG is as long as the user's test items, 10 at most; recall is the share of all test
    items. The mean is over the users with any.
    """
    relevant = np.zeros((data.n_users, data.n_items), dtype=bool)
    relevant[data.test.users, data.test.items] = True
    counts = relevant.sum(axis=1)
    best = top(users, items, data, n=20)
    hits = np.take_along_axis(relevant, best, axis=1)[counts > 0]
    counts = counts[counts > 0]
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(counts, 10) - 1]
    return {
        "ndcg": float(np.mean(hits[:, :10] @ discounts / ideal)),
        "recall": float(np.mean(hits.sum(axis=1) / counts)),
    }


def top(users: np.ndarray, items: np.ndarray, data: Prepared, *, n: int) -> np.ndarray:
    """The n items of the highest scores that a user has not seen, best first; shape (n_users, n).

    The training pairs are sorted by user.
    """
    rows, columns = data.train.users, data.train.items
    blocks = []
    for first in range(0, data.n_users, USERS_PER_BLOCK):
        scores = users[first : first + USERS_PER_BLOCK] @ items.T
        part = slice(*np.searchsorted(rows, [first, first + USERS_PER_BLOCK]))
        scores[rows[part] - first, columns[part]] = -np.inf
        some = np.argpartition(-scores, n, axis=1)[:, :n]
        by_score = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1)
        blocks.append(np.take_along_axis(some, by_score, axis=1))
    return np.concatenate(blocks)


def speed(make: Maker, job: dict) -> dict:
    """Seconds per iteration, the first being warm-up, and the seconds until the first can begin."""
    data = presence(job["data"])
    began = time.perf_counter()
    fit = make(data, job, 0)
    index_seconds = time.perf_counter() - began
    return {**seconds_by_hook(fit.iterate, job), "index_seconds": index_seconds}


def approach(make: Maker, job: dict) -> dict:
    """Seconds so far and the objective after each iteration, until it is near enough.

    The evaluation is not in the time.
    """
    data, problem = presence(job["data"]), Problem.of(job)
    make(data, job, 0).iterate()  # page faults and thread pools
    fit = make(data, job, 0)
    seconds, curve = 0.0, []
    for _ in range(job["n_iterations"]):
        seconds += timed(fit.iterate)
        curve.append((seconds, problem.objective(fit.users, fit.items, data.train)))
        if curve[-1][1] <= job.get("until", 0.0):
            break
    return {"curve": curve, "objective": curve[-1][1], "seconds": seconds}


def quality(make: Maker, job: dict) -> dict:
    """The ranking of the test part after a whole fit."""
    data = presence(job["data"])
    fit = make(data, job, job["seed"])
    for _ in range(job["n_iterations"]):
        fit.iterate()
    return ranking(fit.users, fit.items, data)


def tasks(make: Maker) -> dict[str, Callable[[dict], dict]]:
    """The tasks of a contender that is a ``Factorisation`` throughout."""
    return {
        "speed": lambda job: speed(make, job),
        "approach": lambda job: approach(make, job),
        "quality": lambda job: quality(make, job),
        "translation": lambda job: translation(make, job),
    }


def translated(job: dict) -> Prepared:
    """The data of a translation: as it is, all ones, or with every fifth user's thumbs down."""
    data = presence(job["data"]) if job.get("presence") else read(job["data"])
    if job.get("thumbs_down"):
        data.train.ratings[data.train.users % 5 == 0] *= -1
    return data


def translation(make: Maker, job: dict) -> dict:
    """Factors after a few iterations from the common start, written to the job's ``factors``."""
    fit = make(translated(job), job, 0)
    for _ in range(job["n_iterations"]):
        fit.iterate()
    np.savez(job["factors"], users=fit.users, items=fit.items)
    return {}
