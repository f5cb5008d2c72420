"""The Python processes that run tasks."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator

import numpy as np
from pyspark.sql import SparkSession

import matinee
from matinee.spark.arrow_batches import pack, unpack


def test_what_a_worker_has_loaded_is_not_searched_for_garbage(spark: SparkSession) -> None:
    packed = pack(numbers=np.arange(3))

    def frozen(_: Iterable[int]) -> Iterator[tuple[int, int]]:
        unpack(packed)
        # What is used only now was loaded before.
        assert callable(matinee.tune)
        yield gc.get_freeze_count(), len(gc.get_objects())

    # Twice, as a process that is used again is not frozen again.
    for _ in range(2):
        ((n_frozen, n_searched),) = spark.sparkContext.parallelize([0], 1).mapPartitions(frozen).collect()
        assert n_frozen > 10 * n_searched


def test_outside_of_a_task_nothing_is_frozen() -> None:
    unpack(pack(numbers=np.arange(3)))
    assert gc.get_freeze_count() == 0
