"""The Python processes that run tasks."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from pyspark.sql import SparkSession

import matinee
from matinee import ALS, MatineeError
from matinee.spark import SparkModel, sessions, workers
from matinee.spark.arrow_batches import pack, unpack
from tests.conftest import random_ratings


def test_what_a_worker_has_loaded_is_not_searched_for_garbage(spark: SparkSession) -> None:
    packed = pack(numbers=np.arange(3))

    def frozen(_: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        unpack(packed)
        n_searched = len(gc.get_objects())
        for name in matinee.__all__:
            getattr(matinee, name)
        yield gc.get_freeze_count(), n_searched, len(gc.get_objects())

    # Twice, as a process that is used again is not frozen again.
    for _ in range(2):
        ((n_frozen, n_searched, n_searched_later),) = (
            spark.sparkContext.parallelize([0], 1).mapPartitions(frozen).collect()
        )
        # With a test, pytest comes into the process, up to 16,000 objects, and perhaps later.
        assert n_frozen > 4 * n_searched
        # Whatever a task uses was loaded before.
        assert n_searched_later < n_searched + 100


def test_outside_of_a_task_nothing_is_frozen() -> None:
    unpack(pack(numbers=np.arange(3)))
    assert gc.get_freeze_count() == 0


def test_a_worker_sends_to_java_at_once(spark: SparkSession) -> None:
    # The tests' own session connects by Unix sockets, so the connection is one of the task itself.
    packed = pack(numbers=np.arange(3))

    def delays(_: Iterable[int]) -> Iterator[tuple[int, int]]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            before = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            workers._send_at_once.cache_clear()
            unpack(packed)
            yield before, client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            client.close()

    ((before, after),) = spark.sparkContext.parallelize([0], 1).mapPartitions(delays).collect()
    assert before == 0
    assert after != 0


def test_machines_of_another_version_are_named_before_they_run_tasks(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "version", lambda name: str(os.getpid()))
    frame = spark.createDataFrame(random_ratings().to_frame().to_arrow())
    model, refusal = ALS(n_factors=2, n_iterations=1), rf"has Matinee \d+, and the driver has {os.getpid()};"
    with pytest.raises(MatineeError, match=refusal):
        matinee.spark.fit(model, frame, n_blocks=2)
    # The driver fits it alone; the machines have their first tasks when the model answers.
    fitted = matinee.spark.fit(model, frame, result="frames")
    assert isinstance(fitted, SparkModel)
    with pytest.raises(MatineeError, match=refusal):
        fitted.recommend_all(2)
    with pytest.raises(MatineeError, match=refusal):
        fitted.predict(frame)
