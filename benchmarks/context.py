"""What the day as a third side is worth on MovieLens 100K: to fill gaps (u1 … u5), and to forecast.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/context.py [--samples 300] [--folds 1 2 3 4 5]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

import matinee

CONTEXTS: tuple[tuple[str, ...], ...] = ((), ("day",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--folds", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    parser.add_argument("--contexts", nargs="*", help="only these, with or without a comma between them")
    asked = parser.parse_args()
    kinds = (
        CONTEXTS
        if asked.contexts is None
        else [tuple(filter(None, each.split(","))) for each in asked.contexts]
    )
    folder = Path(os.environ["MATINEE_DATA"]) / "ml-100k"
    known = {
        "user_features": matinee.read_users(folder / "u.user"),
        "item_features": matinee.read_movies(folder / "u.item").features(),
    }
    print(f"implicit, user_noise, all features, 32 factors, {asked.samples} samples\n")
    print("| contexts | mean RMSE | each |\n| --- | ---: | ---: |")
    for contexts in kinds:
        found = []
        for fold in asked.folds:
            parts = [matinee.read_ratings(folder / f"u{fold}.{part}") for part in ("base", "test")]
            found.append(rmse((parts[0], parts[1]), contexts, asked.samples, known))
            print(f"u{fold} {','.join(contexts)}: {found[-1]:.4f}", flush=True)
        row("u1 … u5", contexts, found)
    ratings = matinee.load_dataset("ml-100k")
    for by in ("last", "time"):
        for contexts in kinds:
            train, test = matinee.split(ratings, by=by, test_size=0.2)
            features = {name: of_known(frame, train, name) for name, frame in known.items()}
            row(f"by {by}", contexts, [rmse((train, test), contexts, asked.samples, features)])


def of_known(frame: Any, train: matinee.Ratings, name: str) -> Any:
    """The rows of users or items that the ratings have."""
    column = name.removesuffix("_features")
    ids = train.users if column == "user" else train.items
    return frame.filter(frame[column].is_in(ids.tolist()))


def rmse(
    parts: tuple[matinee.Ratings, matinee.Ratings],
    contexts: tuple[str, ...],
    n_samples: int,
    features: dict[str, Any],
) -> float:
    """The error of the average over all samples."""
    train, test = (part.with_contexts(contexts) if contexts else part for part in parts)
    model = matinee.BayesianALS(
        n_factors=32, n_samples=n_samples, n_kept=1, n_burn_in=20, implicit=True, user_noise=True
    )
    model.fit(train, test, progress=False, **features)
    error = model.history_[-1].validation_rmse
    assert error is not None
    return error


def row(split: str, contexts: tuple[str, ...], errors: list[float]) -> None:
    each = " ".join(f"{error:.4f}" for error in errors)
    print(f"| {split}, {' and '.join(contexts) or 'none'} | {np.mean(errors):.4f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
