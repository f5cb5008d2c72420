"""Fits a model on Spark for the command line: reads Parquet, and holds out a part of the ratings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matinee.datasets.names import match_names
from matinee.errors import DataError
from matinee.models import Model
from matinee.spark.sessions import require_pyspark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from matinee.spark import SparkModel

# A hash divides the rows into so many parts, so that the share of the test is exact to a millionth.
N_PARTS = 1_000_000
# Over TCP, Java and Python wait for each other some 40 ms in every task. Windows has no other way.
SETTINGS = {
    "spark.ui.showConsoleProgress": "false",
    "spark.python.unix.domain.socket.enabled": str(os.name == "posix").lower(),
}


@dataclass(frozen=True)
class ClusterPlace:
    """Where a fit runs, and what becomes of its model.

    Attributes
    ----------
    master : str
    checkpoint_folder : str or None
    in_frames : bool
        Whether the model is saved as a folder that Spark reads, even if it is small.
    """

    master: str
    checkpoint_folder: str | None
    in_frames: bool


@dataclass(frozen=True)
class ClusterFit:
    """A model fitted on a cluster, and the ratings that were held out.

    Attributes
    ----------
    model : Model or SparkModel
    test : DataFrame or None
        Columns user, item and rating; None if no ratings were held out.
    seconds : float
    """

    model: Model | SparkModel
    test: DataFrame | None
    seconds: float


@contextmanager
def fitted_on_spark(
    model: Model, source: str, place: ClusterPlace, test_size: float | int, by: str, seed: int
) -> Iterator[ClusterFit]:
    """Fits a model to the ratings in a Parquet file or folder; its session lasts as long as the context."""
    require_pyspark()
    from matinee import spark

    if by != "random":
        raise DataError(f"--split {by} does not work with --spark; expected random")
    if not 0 <= test_size < 1:
        raise DataError(f"--test-size {test_size!r} does not work with --spark; expected a share below 1")
    session = _session(place.master)
    try:
        train, test = _split(_ratings(session, source), test_size, seed)
        began = time.perf_counter()
        fitted = spark.fit(
            model,
            train,
            weight="weight" if "weight" in train.columns else None,
            result="frames" if place.in_frames else "auto",
            checkpoint_folder=place.checkpoint_folder,
        )
        yield ClusterFit(fitted, test, time.perf_counter() - began)
    finally:
        session.stop()


def _session(master: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # Executors on this machine find what this Python has installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("matinee fit")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    try:
        session: SparkSession = builder.getOrCreate()
    except (PySparkException, RuntimeError, ValueError) as error:
        raise DataError(f"--spark {master}: {_first_line(error)}") from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _ratings(session: SparkSession, source: str) -> DataFrame:
    """The columns user, item, rating and, if any, weight of Parquet files, found by their usual names."""
    from pyspark.errors import PySparkException

    from matinee.spark.frame_columns import column

    try:
        frame = session.read.parquet(source)
    except PySparkException as error:
        raise DataError(f"{source} cannot be read as Parquet: {_first_line(error)}") from error
    places: dict[str, Any] = match_names(frame.columns, None)
    roles = [role for role in ("user", "item", "rating", "weight") if role in places]
    return frame.select(*(column(frame.columns[places[role]]).alias(role) for role in roles))


def _split(ratings: DataFrame, test_size: float, seed: int) -> tuple[DataFrame, DataFrame | None]:
    """Train and test, divided by a hash of the pair, so that no pair is in both."""
    from pyspark.sql import functions as F

    if test_size == 0:
        return ratings, None
    part = F.pmod(F.xxhash64("user", "item", F.lit(seed)), F.lit(N_PARTS))
    is_test = part < int(test_size * N_PARTS)
    return ratings.where(~is_test), ratings.where(is_test).select("user", "item", "rating")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
