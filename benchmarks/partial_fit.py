"""New data without a new fit: how near partial_fit comes to a full refit, and in what share of its time.

Needs MATINEE_DATA, a folder with ml-100k and ml-1m. `python benchmarks/partial_fit.py accuracy time` prints
both tables as Markdown; `--validation` judges on the tenth before the last one, where choices are made.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import matinee
from matinee import ALS, BayesianALS, ImplicitALS, Ratings, Recommender
from matinee.baselines import MostPopular

# Of what is held out, and the seed of the models with it.
DRAWS = range(5)
K = 10


def read(name: str) -> Ratings:
    folder = Path(os.environ["MATINEE_DATA"])
    return matinee.read_ratings(folder / {"ml-100k": "ml-100k/u.data", "ml-1m": "ml-1m/ratings.dat"}[name])


def remade(ratings: Ratings, chosen: Any) -> Ratings:
    """Some of the ratings, with no users and items but their own."""
    return Ratings.from_frame(ratings.subset(chosen).to_frame(), timestamp="timestamp")


def joined(one: Ratings, other: Ratings) -> Ratings:
    columns = [
        np.concatenate([each.to_frame()[name].to_numpy() for each in (one, other)])
        for name in ("user", "item", "rating")
    ]
    return Ratings.from_arrays(*columns)


# ---- accuracy: the last tenth by time -----------------------------------------------------------------


def last_tenth(ratings: Ratings, draw: int) -> tuple[Ratings, Ratings, Ratings]:
    """What came before the last tenth, most of the tenth, and a random fifth of each user's to judge by."""
    n = len(ratings)
    is_late = np.zeros(n, dtype=bool)
    is_late[np.argsort(ratings.timestamps, kind="stable")[n - n // 10 :]] = True
    late = ratings.subset(is_late)
    counts = np.repeat(late.by_user.counts, late.by_user.counts)
    order = np.lexsort((np.random.default_rng(draw).random(len(late)), late.user_positions))
    places = np.empty(len(late), dtype=int)
    places[order] = np.arange(len(late)) - np.repeat(late.by_user.indptr[:-1], late.by_user.counts)
    is_test = (places < np.ceil(0.2 * counts)) & (counts > 1)
    return remade(ratings, ~is_late), remade(late, ~is_test), remade(late, is_test)


def before_last_tenth(ratings: Ratings) -> Ratings:
    return remade(ratings, np.argsort(ratings.timestamps, kind="stable")[: len(ratings) - len(ratings) // 10])


def accuracy_table(*, on_validation: bool) -> str:
    ratings = read("ml-100k")
    draws = [last_tenth(before_last_tenth(ratings) if on_validation else ratings, draw) for draw in DRAWS]
    old, new, test = draws[0]
    lines = [
        f"{len(old):,} ratings, {len(new):,} added, {len(test):,} to judge by; "
        f"{np.isin(new.users, old.users, invert=True).sum()} of {new.n_users} users and "
        f"{np.isin(new.items, old.items, invert=True).sum()} of {new.n_items} items are new.",
        "",
        "| model | figure | before | `partial_fit` | full refit | difference | its error | 3 iterations |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind, names in (
        (ALS, ("RMSE",)),
        (BayesianALS, ("RMSE",)),
        (ImplicitALS, (f"NDCG@{K}",)),
        (Recommender, ("RMSE", f"NDCG@{K}")),
    ):
        found = np.array([figures_of(kind, draw, *parts) for draw, parts in zip(DRAWS, draws, strict=True)])
        for name in names:
            of_name = found[:, :, int(name != "RMSE")]
            before, partly, full, thrice = of_name.mean(axis=0)
            error = (of_name[:, 1] - of_name[:, 2]).std(ddof=1) / np.sqrt(len(DRAWS))
            lines.append(
                f"| {kind.__name__} | {name} | {before:.4f} | {partly:.4f} | {full:.4f} "
                f"| {partly - full:+.4f} | {error:.4f} | {thrice:.4f} |"
            )
            print(lines[-1], flush=True)
    popular = np.mean(
        [judged(MostPopular().fit(joined(old, new)), joined(old, new), test)[1] for old, new, test in draws]
    )
    lines.append(f"| most popular | NDCG@{K} | | | {popular:.4f} | | | |")
    return "\n".join(lines)


def figures_of(kind: Any, seed: int, old: Ratings, new: Ratings, test: Ratings) -> list[tuple[float, float]]:
    """RMSE and NDCG before the new ratings, after partial_fit, of a refit, and after three iterations."""
    everything = joined(old, new)
    fitted = kind(random_state=seed).fit(old, progress=False)
    models = [
        fitted,
        copy.copy(fitted).partial_fit(new),
        kind(random_state=seed).fit(everything, progress=False),
        copy.copy(fitted).partial_fit(new, n_iterations=3),
    ]
    return [judged(model, everything, test) for model in models]


def judged(model: Any, everything: Ratings, test: Ratings) -> tuple[float, float]:
    found = matinee.evaluate(model, test, k=K, train=everything)
    return (np.nan if found.rmse is None else found.rmse), found.ndcg


# ---- time: a random tenth -----------------------------------------------------------------------------


Seconds = tuple[float, float]


def timed(work: Callable[[], Any]) -> tuple[Seconds, Any]:
    """The seconds on the wall and of all processors together, and what the work gave."""
    began, used = time.perf_counter(), time.process_time()
    result = work()
    return (time.perf_counter() - began, time.process_time() - used), result


def rounds_of(kind: Any, ratings: Ratings, n_rounds: int) -> Iterator[list[Seconds]]:
    """Times of a refit and of partial_fit, with and without making the ratings, in turns."""
    is_new = np.random.default_rng(0).random(len(ratings)) < 0.1
    old, new = remade(ratings, ~is_new), remade(ratings, is_new)
    fitted = kind().fit(old, progress=False)
    columns = [[each.to_frame()[name] for name in ("user", "item", "rating")] for each in (ratings, new)]
    for _ in range(n_rounds):
        (of_all, everything), (of_new, added) = (
            timed(partial(Ratings.from_arrays, *each)) for each in columns
        )
        refit, _ = timed(partial(kind().fit, everything, progress=False))
        partly, _ = timed(partial(copy.copy(fitted).partial_fit, added))
        yield [of_all, of_new, refit, partly]


def time_table(n_rounds: int) -> str:
    ratings = read("ml-1m")
    lines = [
        "| model | clock | full refit | `partial_fit` | share | share with making `Ratings` |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for kind in (ALS, ImplicitALS, Recommender):
        taken = list(rounds_of(kind, ratings, n_rounds))
        for clock, name in enumerate(("wall", "CPU")):
            of_all, of_new, full, partly = (
                statistics.median(each[place][clock] for each in taken) for place in range(4)
            )
            lines.append(
                f"| {kind.__name__} | {name} | {full:.3f} s | {partly:.3f} s | {partly / full:.1%} "
                f"| {(partly + of_new) / (full + of_all):.1%} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["accuracy", "time"], choices=["accuracy", "time"])
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for part in options.parts:
        if part == "accuracy":
            table = accuracy_table(on_validation=options.validation)
        else:
            table = time_table(options.rounds)
        print(f"\n{table}\n")


if __name__ == "__main__":
    main()
