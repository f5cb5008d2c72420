"""What the contenders on Spark share: the session, on this machine or on a cluster of it, and the tasks.

A job's ``master`` is "local", for as many threads of one virtual machine as it allows, or "cluster", for a
master and as many workers of one core each, real processes on loopback, that live as long as the job.
Everything else that Spark is told is the same for all. A "plain" job leaves the number of shuffle partitions
at Spark's default.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from implicit_job import ranking
from job import Prepared, accuracy, read, seconds_by_difference, timed
from process_memory import MemoryPeaks
from pyspark.sql import DataFrame, SparkSession

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
# Enough to make a model; what it is asked afterwards does not depend on how good it is.
FEW_ITERATIONS = 2


class Library(Protocol):
    """One library's ALS on Spark."""

    def fit(self, train: DataFrame, job: dict, n_iterations: int) -> Any:
        """A model of the frame's ``user``, ``item`` and ``rating``, by the job's parameters."""

    def predict(self, model: Any, pairs: DataFrame) -> DataFrame:
        """The pairs, their ratings and a column ``prediction``."""

    def recommend_all(self, model: Any, n: int) -> DataFrame:
        """Everybody's n best items of all, what was rated among them."""

    def factors(self, train: DataFrame, job: dict, data: Prepared) -> tuple[np.ndarray, np.ndarray]:
        """Factors of users and of items by code, of a fit of the job's number of iterations."""

    def seconds_of_tasks(self, train: DataFrame, job: dict) -> list[list[float]]:
        """Of each half-iteration of a fit, how long each of its tasks took."""


@contextmanager
def running(job: dict) -> Iterator[SparkSession]:
    """A session for the job; what it writes is gone after the ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="benchmark-spark-", ignore_cleanup_errors=True) as name:
        # Executors and their Python workers are started with this process's own.
        os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": f"{name}/local"}
        with cluster(job, Path(name)) as started:
            spark = session(job, started.url if started else f"local[{job['threads']}]", Path(name))
            try:
                yield spark
            finally:
                spark.stop()


def cluster(job: dict, folder: Path) -> AbstractContextManager[Any]:
    """A cluster for the job, as the tests start one; None for a job on one virtual machine."""
    if job.get("master", "local") == "local":
        return nullcontext()
    sys.path.insert(0, str(PROJECT))
    from tests.spark.standalone import StandaloneCluster

    return StandaloneCluster(folder / "cluster", n_workers=job["threads"], memory=executor_memory(job))


def executor_memory(job: dict) -> str:
    return job.get("executor_memory", "2g")


def session(job: dict, master: str, folder: Path) -> SparkSession:
    """Spark as the job wants it: the master and memory are its, the rest is everybody's."""
    # An ALS model's lineage grows by the iteration; serialising 20 of them overflows the usual stack.
    stack = "-Xss64m"
    settings = {
        "spark.driver.memory": job.get("heap", "4g"),
        "spark.driver.extraJavaOptions": stack,
        "spark.executor.memory": executor_memory(job),
        "spark.executor.extraJavaOptions": stack,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
    }
    if not job.get("plain"):
        settings["spark.sql.shuffle.partitions"] = "4"
    builder = SparkSession.builder.master(master).appName("benchmark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
    return spark


def cached(spark: SparkSession, path: str | Path, n_partitions: int = 4) -> DataFrame:
    """A Parquet file's rows in Spark's memory, usually in as many partitions as the fit has blocks."""
    frame = spark.read.parquet(str(path)).repartition(n_partitions).cache()
    frame.count()
    return frame


def predictions_of(predicted: DataFrame, data: Prepared) -> np.ndarray:
    """The predictions in the order of the test ratings; NaN for a pair that there is none for."""
    # Spark answers in an order of its own.
    table = predicted.select("user", "item", "prediction").toArrow()
    users, items, answers = (column.to_numpy() for column in table.columns)
    given = np.lexsort((data.test.items, data.test.users))
    predictions = np.empty(len(given))
    predictions[given] = answers[np.lexsort((items, users))]
    return predictions


def speed(library: Library, job: dict) -> dict:
    """Seconds per iteration by difference, and of the whole long fit."""
    with running(job) as spark:
        train = cached(spark, job["train"], job.get("n_partitions", 4))
        return seconds_by_difference(lambda n_iterations: library.fit(train, job, n_iterations), job)


def test_error(library: Library, job: dict) -> dict:
    """Test RMSE, of predictions clipped alike."""
    data = read(job["data"])
    with running(job) as spark:
        model = library.fit(cached(spark, job["train"]), job, job["n_iterations"])
        predicted = library.predict(model, spark.read.parquet(job["test"]))
        return accuracy(predictions_of(predicted, data), data, {})


def test_ranking(library: Library, job: dict) -> dict:
    """NDCG@10 and Recall@20 by the factors, what was rated in training left out."""
    data = read(job["data"])
    with running(job) as spark:
        users, items = library.factors(cached(spark, job["train"]), job, data)
    by_user = np.argsort(data.train.users, kind="stable")
    data.train.users, data.train.items = data.train.users[by_user], data.train.items[by_user]
    return ranking(users, items, data)


def recommend(library: Library, job: dict) -> dict:
    """Seconds for everybody's lists, every row of them made and none kept."""
    with running(job) as spark:
        model = library.fit(cached(spark, job["train"]), job, FEW_ITERATIONS)

        def materialise() -> None:
            frame = library.recommend_all(model, job["n"])
            frame.write.format("noop").mode("overwrite").save()

        if job["warm_up"]:
            materialise()
        return {"seconds": statistics.median(timed(materialise) for _ in range(job["repeats"]))}


def memory(library: Library, job: dict) -> dict:
    """Peak MiB of the driver, Python and its virtual machine, and of all executors with their Pythons."""
    with running(job) as spark, MemoryPeaks(part_of_spark) as memory:
        library.fit(cached(spark, job["train"]), job, job["n_iterations"])
    return {f"{part}_mib": mib for part, mib in memory.peaks.items()}


def part_of_spark(command: str, parents_part: str | None) -> str | None:
    """The part of a process of Spark's; the cluster's own daemons are of none."""
    if "org.apache.spark.deploy." in command and "SparkSubmit" not in command:
        return None
    if "CoarseGrainedExecutorBackend" in command:
        return "executors"
    return parents_part or "driver"


def skew(library: Library, job: dict) -> dict:
    """The longest task of a half-iteration over its median task: in the median, and at worst.

    "alone" is the same of each block's least time in any half-iteration of its side, which is what the work
    itself takes: other processes seldom hold up a block each time. It is that of the worse side.
    """
    with running(job) as spark:
        halves = library.seconds_of_tasks(cached(spark, job["train"]), job)
    ratios = [skew_of(seconds) for seconds in halves]
    alone = max(
        skew_of([min(block) for block in zip(*side, strict=True)]) for side in (halves[::2], halves[1::2])
    )
    return {"longest": statistics.median(ratios), "worst": max(ratios), "alone": alone, "halves": halves}


def skew_of(seconds: list[float]) -> float:
    return max(seconds) / statistics.median(seconds)


def tasks(library: Library) -> dict[str, Callable[[dict], dict]]:
    """The tasks of a contender."""
    return {
        "speed": lambda job: speed(library, job),
        "test_error": lambda job: test_error(library, job),
        "test_ranking": lambda job: test_ranking(library, job),
        "recommend": lambda job: recommend(library, job),
        "memory": lambda job: memory(library, job),
        "skew": lambda job: skew(library, job),
    }
