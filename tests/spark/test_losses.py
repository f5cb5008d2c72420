"""A machine that is lost in the middle of a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import matinee
from matinee import ALS, ImplicitALS
from matinee.solving.history import Iteration
from tests.conftest import random_ratings
from tests.spark.standalone import StandaloneCluster
from tests.spark.test_fit import assert_same_fit, on_cluster, starting_factors


@pytest.mark.parametrize(
    ("model", "exchange"),
    [
        (ALS(n_factors=5, n_iterations=4), "broadcast"),
        (ImplicitALS(n_factors=5, n_iterations=4, solver="cg"), "routed"),
    ],
)
def test_a_fit_whose_worker_is_killed_ends_with_the_same_answer(
    fragile_cluster: StandaloneCluster,
    cluster_spark: SparkSession,
    tmp_path: Path,
    model: Any,
    exchange: Any,
) -> None:
    ratings = random_ratings(90, 60)
    start = starting_factors(ratings, model)
    expected = type(model)(**model.get_params()).fit(ratings, start=start)
    survivors: list[int] = []

    def kill(record: Iteration) -> None:
        if record.iteration == 2:
            fragile_cluster.kill_worker()
        survivors.append(fragile_cluster.n_running)

    found = matinee.spark.fit(
        model,
        on_cluster(cluster_spark, ratings),
        start=start,
        exchange=exchange,
        n_blocks=4,
        checkpoint_folder=str(tmp_path / "checkpoints"),
        callback=kill,
    )
    assert_same_fit(found, expected)
    assert survivors == [2, 1, 1, 1]


def test_a_model_outlives_the_machine_that_solved_it(
    fragile_cluster: StandaloneCluster, cluster_spark: SparkSession, tmp_path: Path
) -> None:
    ratings, model = random_ratings(90, 60), ALS(n_factors=5, n_iterations=3)
    start = starting_factors(ratings, model)
    found = matinee.spark.fit(
        model,
        on_cluster(cluster_spark, ratings),
        start=start,
        exchange="routed",
        result="frames",
        n_blocks=4,
        checkpoint_folder=str(tmp_path / "checkpoints"),
    )
    fragile_cluster.kill_worker()
    assert_same_fit(found.to_model(), ALS(n_factors=5, n_iterations=3).fit(ratings, start=start))
