"""Ten of a million items and more: Matinee's ranking beside faiss' flat and HNSW indexes.

    .venv/bin/python benchmarks/catalogue.py [--only one_million_64]

The factors are random, with what makes those of a fit hard or easy to search: the share of a factor falls as
its number to the power of -1/2, and items' lengths are log-normal with a spread of 1/2. There are no biases,
which faiss does not know. The ten best of each query by a flat scan are what recall is measured by.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np
from harness import Contender, markdown_table, median
from parts import Benchmark, main

N_QUERIES = 256

MATINEE = Contender("Matinee", "matinee_catalogue.py", ".venv")
SINGLE = Contender("Matinee, single precision", "matinee_catalogue.py", ".venv", options={"rounds": False})
# Threads that spin while they wait for one another take up to ten times as long where other work runs too.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
FLAT = Contender("faiss, flat", "faiss_catalogue.py", options={"index": "flat"}, variables=WAITING)
HNSW = Contender("faiss, HNSW", "faiss_catalogue.py", options={"index": "hnsw"}, variables=WAITING)


def factors_like_a_fit(n: int, rank: int, *, seed: int, spread: float) -> np.ndarray:
    """Random factors, float32, shape (n, rank); made in parts, as they take gigabytes."""
    generator = np.random.default_rng(seed)
    factors = generator.standard_normal(size=(n, rank), dtype=np.float32)
    factors *= (1 + np.arange(rank, dtype=np.float32)) ** -0.5
    factors *= np.exp(spread * generator.standard_normal(size=(n, 1), dtype=np.float32))
    return factors


def catalogue(n_items: int, rank: int) -> Path:
    """A folder with the factors of items and of queries."""
    folder = harness.CACHE / f"catalogue-{n_items}-{rank}"
    if not (folder / "items.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "queries.npy", factors_like_a_fit(N_QUERIES, rank, seed=1, spread=0))
        unfinished = folder / "unfinished.npy"
        np.save(unfinished, factors_like_a_fit(n_items, rank, seed=0, spread=0.5))
        unfinished.replace(folder / "items.npy")
    return folder


class Catalogue(Benchmark):
    """The parts of this benchmark."""

    def compare(self, n_items: int, rank: int, contenders: list[Contender]) -> str:
        """Speed, recall and memory of the contenders on one catalogue."""
        folder = catalogue(n_items // (100 if self.quick else 1), rank)
        job = {"task": "search", "folder": str(folder), "n": 10}
        title = f"Ten of {n_items:,} items, rank {rank}"
        slow = [each for each in contenders if each is HNSW]
        # The graph takes minutes to build, and is searched no differently the next time.
        answers = self.run(title, [each for each in contenders if each is not HNSW], job, rounds=self.rounds)
        answers = {**answers, **(self.run(f"{title}, HNSW", slow, job) if slow else {})}
        rows = [
            (
                name,
                median(given, "recall"),
                median(given, "users_per_second"),
                milliseconds(median(given, "one_user_seconds")),
                median(given, "index_mib"),
                median(given, "index_seconds"),
            )
            for name, given in answers.items()
        ]
        header = ["", "recall", "users per second", "one user, ms", "memory of the index, MiB", "built in, s"]
        return f"### {title}\n\n{markdown_table(header, rows)}"


def milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def part(n_items: int, rank: int, *contenders: Contender) -> Callable[[Catalogue], str]:
    return lambda benchmark: benchmark.compare(n_items, rank, list(contenders))


PARTS = {
    "one_million_64": part(1_000_000, 64, MATINEE, SINGLE, FLAT, HNSW),
    "one_million_128": part(1_000_000, 128, MATINEE, SINGLE, FLAT),
    "ten_million_64": part(10_000_000, 64, MATINEE, SINGLE, FLAT),
}

if __name__ == "__main__":
    main("catalogue", Catalogue, PARTS, __doc__ or "")
