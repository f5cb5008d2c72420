"""What the day as a third side is worth on MovieLens 100K: to fill gaps (u1 … u5), and to forecast.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/context.py [--model als] [--samples 300] [--folds 1 2 3 4 5]

The λ of an ALS, and with contexts their strength, are chosen anew for every split, on a tenth of its training
ratings.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import matinee

CONTEXTS: tuple[tuple[str, ...], ...] = ((), ("day",))
LAMBDAS = (0.3, 0.35, 0.4, 0.45, 0.5)
STRENGTHS = (1.0, 3.0, 5.0, 10.0)
Parts = tuple[matinee.Ratings, matinee.Ratings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["bayes", "als"], default="bayes")
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
    rmse = partial(of_bayes, n_samples=asked.samples) if asked.model == "bayes" else of_als
    known = known if asked.model == "bayes" else {}
    named = {
        "bayes": f"implicit, user_noise, item_noise, all features, 32 factors, {asked.samples} samples",
        "als": "weighting=0.75, 50 factors, at most 30 iterations",
    }
    print(f"{named[asked.model]}\n")
    print("| contexts | mean RMSE | each |\n| --- | ---: | ---: |")
    for contexts in kinds:
        found = []
        for fold in asked.folds:
            parts = [matinee.read_ratings(folder / f"u{fold}.{part}") for part in ("base", "test")]
            found.append(rmse(in_contexts((parts[0], parts[1]), contexts), known))
            print(f"u{fold} {','.join(contexts)}: {found[-1]:.4f}", flush=True)
        row("u1 … u5", contexts, found)
    ratings = matinee.load_dataset("ml-100k")
    for by in ("last", "time"):
        for contexts in kinds:
            train, test = matinee.split(ratings, by=by, test_size=0.2)
            features = {name: of_known(frame, train, name) for name, frame in known.items()}
            row(f"by {by}", contexts, [rmse(in_contexts((train, test), contexts), features)])


def of_known(frame: Any, train: matinee.Ratings, name: str) -> Any:
    """The rows of users or items that the ratings have."""
    column = name.removesuffix("_features")
    ids = train.users if column == "user" else train.items
    return frame.filter(frame[column].is_in(ids.tolist()))


def in_contexts(parts: Parts, contexts: tuple[str, ...]) -> Parts:
    """The training and the test ratings in these contexts."""
    train, test = (part.with_contexts(contexts) if contexts else part for part in parts)
    return train, test


def of_als(parts: Parts, features: dict[str, Any]) -> float:
    """The error of the ALS whose regularisation is best on a tenth of the training ratings."""
    train, test = parts
    strengths = STRENGTHS if train.contexts is not None else STRENGTHS[:1]
    fitted, held_out = matinee.split(train, test_size=0.1, random_state=0)
    errors = {
        each: validation_rmse(als(*each).fit(fitted, held_out, progress=False))
        for each in product(LAMBDAS, strengths)
    }
    best = min(errors, key=errors.__getitem__)
    print(f"  λ, strength of contexts: {best}; {errors[best]:.4f} on the validation ratings", flush=True)
    error = matinee.evaluate(als(*best).fit(train, progress=False), test, progress=False).rmse
    assert error is not None
    return error


def als(regularization: float, strength: float) -> matinee.ALS:
    return matinee.ALS(
        n_factors=50,
        n_iterations=30,
        weighting=0.75,
        regularization=regularization,
        context_regularization=strength,
    )


def of_bayes(parts: Parts, features: dict[str, Any], *, n_samples: int) -> float:
    """The error of the average over all samples."""
    train, test = parts
    model = matinee.BayesianALS(
        n_factors=32,
        n_samples=n_samples,
        n_kept=1,
        n_burn_in=20,
        implicit=True,
        user_noise=True,
        item_noise=True,
    )
    model.fit(train, test, progress=False, **features)
    return validation_rmse(model)


def validation_rmse(model: matinee.Model) -> float:
    error = model.history_[-1].validation_rmse
    assert error is not None
    return error


def row(split: str, contexts: tuple[str, ...], errors: list[float]) -> None:
    each = " ".join(f"{error:.4f}" for error in errors)
    print(f"| {split}, {' and '.join(contexts) or 'none'} | {np.mean(errors):.4f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
