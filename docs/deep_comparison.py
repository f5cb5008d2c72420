"""Compares Matinee's models with a deep network on the same ratings, in figures and in time.

It prints a table for the named dataset. The network runs on two threads, as the models do:

    python docs/deep_comparison.py ml-1m
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Set before torch is loaded: on busy processors, threads that spin while they wait take many times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import neumf
import polars as pl
import torch
from neumf import RANKING, RATINGS, ScoreTable, Settings

import matinee

N_THREADS = 2
OBJECTIVES = {"ratings": RATINGS, "ranking": RANKING}
# Found on validation ratings held out of the training ratings. matinee.tune found the library's parameters,
# except for BayesianALS, which has little to tune, and for ALS on ml-1m, whose parameters are those of
# docs/benchmarks.md. The network's settings were found by trying one after the other.
CHOSEN: dict[str, dict[str, Any]] = {
    "demo": {
        "als": {"n_factors": 10, "weighting": 0.72, "regularization": 0.27, "n_iterations": 30},
        "bayes": {"n_factors": 16, "n_samples": 60},
        "implicit": {
            "values": "presence", "n_factors": 8, "unobserved_weight": 0.0104, "alpha": 0.0708, "nu": 0.414,
            "regularization": 0.131, "n_iterations": 14,
        },
        "ratings": Settings(64, (32, 16, 8), 1e-3, 3e-5, batch_size=1024, scale=0.05, patience=3),
        "ranking": Settings(32, (64, 32, 16), 1e-3, 1e-6, batch_size=2048, patience=2),
    },
    "ml-100k": {
        "als": {"n_factors": 40, "weighting": 0.54, "regularization": 1.09, "n_iterations": 6},
        "bayes": {"n_factors": 32, "n_samples": 200, "implicit": True},
        "implicit": {
            "values": "presence", "n_factors": 64, "unobserved_weight": 0.472, "alpha": 1.34, "nu": 0.885,
            "regularization": 0.0476, "n_iterations": 15,
        },
        "ratings": Settings(64, (64, 32, 16), 1e-3, 3e-5, batch_size=512, scale=0.05),
        "ranking": Settings(32, (64, 32, 16), 1e-3, 1e-6, batch_size=1024),
    },
    "ml-1m": {
        "als": {
            "n_factors": 30, "weighting": 0.75, "regularization": 0.3, "n_iterations": 12, "biases": False,
        },
        "bayes": {"n_factors": 32, "n_samples": 200, "implicit": True},
        "implicit": {
            "values": "presence", "n_factors": 256, "unobserved_weight": 0.118, "alpha": 0.808, "nu": 0.994,
            "regularization": 0.0126, "n_iterations": 18,
        },
        "ratings": Settings(64, (64, 32, 16), 5e-4, 1e-5, batch_size=2048, scale=0.05),
        "ranking": Settings(
            64, (64, 32, 16), 1e-3, 0.1, batch_size=4096, n_negatives=8, optimizer=torch.optim.AdamW
        ),
    },
}  # fmt: skip


def settings_for(data: str) -> dict[str, Any]:
    """The settings chosen for the dataset; those of MovieLens 1M if none were chosen for it."""
    return CHOSEN.get(data, CHOSEN["ml-1m"])


def follow(
    fitted: matinee.Ratings, validation: matinee.Ratings, settings: dict[str, Any]
) -> dict[str, neumf.Trained]:
    """A network for each task, trained until the validation quality no longer improves."""
    torch.set_num_threads(N_THREADS)
    return {
        task: neumf.fit_until_best(fitted, settings[task], objective, validation=validation)
        for task, objective in OBJECTIVES.items()
    }


def compare_with_networks(
    train: matinee.Ratings,
    test: matinee.Ratings,
    settings: dict[str, Any],
    n_epochs: dict[str, int],
) -> pl.DataFrame:
    """A row for each model: errors, ranking and seconds. Every model is fitted to all of ``train``."""
    models = {
        "most popular": matinee.baselines.MostPopular(),
        "item biases": matinee.baselines.ItemBiases(),
        "ALS": matinee.ALS(**settings["als"], n_threads=N_THREADS),
        "BayesianALS": matinee.BayesianALS(**settings["bayes"], n_threads=N_THREADS),
        "ImplicitALS": matinee.ImplicitALS(**settings["implicit"], n_threads=N_THREADS),
    }
    rows = [row_of_model(name, model, train, test) for name, model in models.items()]
    torch.set_num_threads(N_THREADS)
    rows += [row_of_network(task, train, test, settings[task], n_epochs[task]) for task in OBJECTIVES]
    return pl.DataFrame(rows)


def row_of_model(
    name: str, model: matinee.Model, train: matinee.Ratings, test: matinee.Ratings
) -> dict[str, Any]:
    _, fitting = timed(lambda: model.fit(train))
    _, recommending = timed(lambda: model.recommend_all(n=10))
    return {"model": name, **figures(model, test), "fit, s": fitting, "recommend, s": recommending}


def row_of_network(
    task: str, train: matinee.Ratings, test: matinee.Ratings, settings: Settings, n_epochs: int
) -> dict[str, Any]:
    trained = neumf.fit(train, settings, OBJECTIVES[task], n_epochs=n_epochs)
    scores, scoring = timed(lambda: neumf.all_scores(trained.network))
    table = ScoreTable(scores, predicts_ratings=task == "ratings").fit(train)
    _, recommending = timed(lambda: table.recommend_all(n=10))
    return {
        "model": f"NeuMF for {task}",
        **figures(table, test),
        "fit, s": trained.seconds,
        "recommend, s": scoring + recommending,
    }


def figures(model: matinee.Model, test: matinee.Ratings) -> dict[str, float | None]:
    of_ten, of_twenty = (matinee.evaluate(model, test, k=k) for k in (10, 20))
    return {"RMSE": of_ten.rmse, "MAE": of_ten.mae, "NDCG@10": of_ten.ndcg, "recall@20": of_twenty.recall}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def as_text(table: pl.DataFrame) -> str:
    """The table in Markdown."""
    places = {"fit, s": 2, "recommend, s": 2}
    lines = [table.columns, ["---"] + ["---:"] * (table.width - 1)]
    for row in table.iter_rows(named=True):
        lines.append([
            value if isinstance(value, str) else "–" if value is None else f"{value:.{places.get(name, 4)}f}"
            for name, value in row.items()
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    data = sys.argv[1]
    settings = settings_for(data)
    train, test = matinee.split(matinee.load_dataset(data), by="user", test_size=0.2, random_state=42)
    fitted, validation = matinee.split(train, by="user", test_size=0.1, random_state=42)
    n_epochs = {task: found.best_epoch for task, found in follow(fitted, validation, settings).items()}
    print(as_text(compare_with_networks(train, test, settings, n_epochs)))
    print(f"epochs: {n_epochs}")


if __name__ == "__main__":
    main()
