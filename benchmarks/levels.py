"""What rounded factors are worth: seconds of an exact iteration on each level of instructions, side by side.

    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/levels.py [--large] [--repeats 7]

The levels take turns, fit by fit, and the figure is the median iteration. The last column is the largest
difference between the objectives that the levels reach, as a share. For `ImplicitALS` every rating counts as
seen.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator

import harness
import numpy as np

import matinee
from matinee import ALS, ImplicitALS, Ratings, _kernels

RANKS = (32, 64, 128, 256)
N_ITERATIONS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true", help="nineteen million ratings, not MovieLens 1M")
    parser.add_argument("--repeats", type=int, default=7, help="fits of each level")
    options = parser.parse_args()
    with np.load(harness.synthetic_20m() if options.large else harness.movielens_1m(test_size=0.1)) as arrays:
        users, items, stars = (arrays[f"train_{name}"] for name in ("users", "items", "ratings"))
    train, seen = (matinee.Ratings.from_arrays(users, items, each) for each in (stars, np.ones_like(stars)))
    levels = [name for name in _kernels.levels() if name in ("amx", "avx512_bf16", "avx512")]
    print(f"{len(train):,} ratings\n")
    print("| model | rank |", " | ".join(levels), "| avx512 / first | objective |")
    print("| --- | ---: |", " | ".join("---:" for _ in levels), "| ---: | ---: |")
    for rank in RANKS:
        stars_of = ALS(n_factors=rank, n_iterations=N_ITERATIONS, regularization=0.07, n_threads=2)
        lists_of = ImplicitALS(n_factors=rank, n_iterations=N_ITERATIONS, solver="cholesky", n_threads=2)
        for model, ratings in ((stars_of, train), (lists_of, seen)):
            cells = row(levels, options.repeats, lambda model=model, ratings=ratings: fit(model, ratings))
            print(f"| {type(model).__name__} | {rank} |", " | ".join(cells), "|", flush=True)


def fit(model: ALS | ImplicitALS, ratings: Ratings) -> tuple[list[float], float]:
    """The seconds of the iterations, and the objective at their end."""
    history = model.fit(ratings, progress=False).history_
    return [record.seconds for record in history[1:]], history[-1].objective


def row(levels: list[str], repeats: int, run: Callable[[], tuple[list[float], float]]) -> Iterator[str]:
    seconds: dict[str, list[float]] = {level: [] for level in levels}
    objectives: dict[str, float] = {}
    for _ in range(repeats):
        for level in levels:
            _kernels.use_level(level)
            of_iterations, objectives[level] = run()
            seconds[level] += of_iterations
    medians = [statistics.median(seconds[level]) for level in levels]
    yield from (f"{value:.4g}" for value in medians)
    yield f"{medians[levels.index('avx512')] / medians[0]:.2f}×"
    yield f"{np.ptp(list(objectives.values())) / objectives[levels[0]]:.1e}"


if __name__ == "__main__":
    main()
