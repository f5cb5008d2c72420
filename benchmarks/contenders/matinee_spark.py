"""Matinee on Spark, ``matinee.spark.fit``: ``ALS`` and ``ImplicitALS`` by the parameters of Spark's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from job import Prepared, answer
from pyspark.sql import DataFrame
from spark_job import tasks

import matinee
import matinee.spark

# Of docs/implicit.md: the weight of what was not seen. As small as a row's least penalty, 1e-6, allows with
# MLlib's λ = 0.1 and one rating a row.
EPSILON = 1e-5


def model_of(job: dict, n_iterations: int) -> matinee.Model:
    """A model that minimises what MLlib does with the job's parameters."""
    shared = {"n_factors": job["rank"], "n_iterations": n_iterations, "random_state": 0}
    if job["implicit"]:
        return matinee.ImplicitALS(
            **shared,
            alpha=EPSILON * job["alpha"],
            regularization=EPSILON * job["regularization"],
            unobserved_weight=EPSILON,
            nu=1.0,
            solver="cholesky",
        )
    return matinee.ALS(**shared, regularization=job["regularization"], weighting="count", biases=False)


class Matinee:
    """Its ``Library``; a model's factors stay in frames, as MLlib's do."""

    def fit(self, train: DataFrame, job: dict, n_iterations: int, result: str = "frames") -> Any:
        options = {"n_blocks": job["n_blocks"]} if "n_blocks" in job else {}
        model = model_of(job, n_iterations)
        return matinee.spark.fit(model, train, result=result, progress=False, **options)

    def predict(self, model: Any, pairs: DataFrame) -> DataFrame:
        return model.predict(pairs, user="user", item="item")

    def recommend_all(self, model: Any, n: int) -> DataFrame:
        return model.recommend_all(n=n, exclude_seen=False)

    def factors(self, train: DataFrame, job: dict, data: Prepared) -> tuple[np.ndarray, np.ndarray]:
        model = self.fit(train, job, job["n_iterations"], result="model")
        users = by_code(model.user_index_, model.user_factors_, data.n_users)
        return users, by_code(model.item_index_, model.item_factors_, data.n_items)

    def seconds_of_tasks(self, train: DataFrame, job: dict) -> list[list[float]]:
        """From the log of the fit."""
        with block_seconds() as halves:
            self.fit(train, job, job["n_iterations"])
        return halves


def by_code(index: Any, factors: np.ndarray, n_rows: int) -> np.ndarray:
    """Factors by the ids, which are codes here; 0 for a code without ratings."""
    array = np.zeros((n_rows, factors.shape[1]), dtype=np.float32)
    array[index.take(np.arange(len(index))).to_numpy()] = factors
    return array


@contextmanager
def block_seconds() -> Iterator[list[list[float]]]:
    """Of each half-iteration that is logged in the ``with`` block, how long each block took."""
    halves: list[list[float]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if hasattr(record, "block_seconds"):
                halves.append(list(record.block_seconds))

    logger, keep = logging.getLogger("matinee.spark"), Keep()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(keep)
    try:
        yield halves
    finally:
        logger.removeHandler(keep)
        logger.setLevel(level)


if __name__ == "__main__":
    answer(matinee.__version__, **tasks(Matinee()))
