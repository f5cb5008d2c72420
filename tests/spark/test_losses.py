"""A machine that is lost in the middle of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import matinee
from matinee import ALS, DataError, ImplicitALS
from matinee.solving.history import Iteration
from tests.conftest import random_ratings
from tests.spark.conftest import start_session
from tests.spark.standalone import StandaloneCluster
from tests.spark.test_fit import assert_same_fit, on_cluster, starting_factors


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[tuple[StandaloneCluster, SparkSession]]:
    """A cluster of its own, and a session on it."""
    with StandaloneCluster(tmp_path / "cluster") as cluster:
        # To ask a dead machine for its data again and again would take most of a minute.
        session = start_session(
            cluster.url, **{"spark.shuffle.io.maxRetries": "1", "spark.shuffle.io.retryWait": "1s"}
        )
        try:
            yield cluster, session
        finally:
            session.stop()


@pytest.mark.parametrize(
    ("model", "exchange"),
    [
        (ALS(n_factors=5, n_iterations=6), "broadcast"),
        (ALS(n_factors=5, n_iterations=6), "routed"),
        (ImplicitALS(n_factors=5, n_iterations=6, solver="cg"), "routed"),
    ],
)
def test_a_fit_whose_worker_is_killed_ends_with_the_same_answer(
    fragile: tuple[StandaloneCluster, SparkSession], tmp_path: Path, model: Any, exchange: Any
) -> None:
    cluster, session = fragile
    ratings = random_ratings(90, 60)
    start = starting_factors(ratings, model)
    expected = type(model)(**model.get_params()).fit(ratings, start=start)
    survivors: list[int] = []

    def kill(record: Iteration) -> None:
        if record.iteration == 3:
            cluster.kill_worker(0)
        survivors.append(cluster.n_running)

    found = matinee.spark.fit(
        model,
        on_cluster(session, ratings),
        start=start,
        exchange=exchange,
        n_blocks=4,
        checkpoint_folder=str(tmp_path / "checkpoints"),
        callback=kill,
    )
    assert_same_fit(found, expected)
    assert survivors == [2, 2, 1, 1, 1, 1]


def test_a_model_outlives_the_machine_that_solved_it(
    fragile: tuple[StandaloneCluster, SparkSession], tmp_path: Path
) -> None:
    cluster, session = fragile
    ratings, model = random_ratings(90, 60), ALS(n_factors=5, n_iterations=3)
    start = starting_factors(ratings, model)
    found = matinee.spark.fit(
        model,
        on_cluster(session, ratings),
        start=start,
        exchange="routed",
        result="frames",
        n_blocks=4,
        checkpoint_folder=str(tmp_path / "checkpoints"),
    )
    cluster.kill_worker(0)
    assert_same_fit(found.to_model(), ALS(n_factors=5, n_iterations=3).fit(ratings, start=start))


def test_on_a_cluster_routed_factors_want_a_folder(
    fragile: tuple[StandaloneCluster, SparkSession],
) -> None:
    frame = on_cluster(fragile[1], random_ratings(20, 15))
    with pytest.raises(DataError, match="name one: checkpoint_folder="):
        matinee.spark.fit(ALS(), frame, exchange="routed")
