"""Sessions that somebody has started in the plainest way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession

import matinee
from matinee import ALS, DataError
from tests.conftest import random_ratings
from tests.spark.models import collected, named, on_cluster
from tests.spark.standalone import HANGS_AFTER_SECONDS, HOST, JAVA_OPTIONS
from tests.spark.test_fit import assert_same_fit, starting_factors

FIT = """
import sys
import polars as pl
from pyspark.sql import SparkSession
import matinee

ratings, fitted, answered = sys.argv[1:]
spark = SparkSession.builder.master("local[2]").getOrCreate()
frame = spark.read.parquet(ratings)
model = matinee.ALS(n_factors=3, n_iterations=2)
matinee.spark.fit(model, frame).save(fitted)
# As if nothing had been fitted in the session.
spark.sparkContext.pythonExec = "python3"
spread = matinee.spark.SparkModel.from_model(spark, model)
pl.DataFrame(pl.from_arrow(spread.recommend_all(3).toArrow())).write_parquet(answered)
"""


def test_a_local_session_runs_tasks_in_the_python_that_started_it(tmp_path: Path) -> None:
    ratings = random_ratings()
    paths = [tmp_path / name for name in ("ratings.parquet", "model.safetensors", "lists.parquet")]
    ratings.to_frame().write_parquet(paths[0])
    # The python3 of the PATH is another one, which has no Matinee as it has no site-packages.
    other = tmp_path / "bin" / "python3"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    other.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{other.parent}{os.pathsep}{os.environ['PATH']}",
        "SPARK_LOCAL_IP": HOST,
        "SPARK_SUBMIT_OPTS": JAVA_OPTIONS,
        "SPARK_LAUNCHER_OPTS": JAVA_OPTIONS,
    }
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", FIT, *map(str, paths)],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=HANGS_AFTER_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    found = matinee.load(paths[1])
    assert_same_fit(found, ALS(n_factors=3, n_iterations=2).fit(ratings))
    assert pl.read_parquet(paths[2]).sort("user", "rank").equals(found.recommend_all(n=3))


def test_a_session_of_spark_connect_is_refused(tmp_path: Path) -> None:
    # As those of Spark Connect, which needs grpcio: subclasses of the classes that users import.
    module = {"__module__": "pyspark.sql.connect.dataframe", "__init__": lambda self: None}
    frame = type("DataFrame", (DataFrame,), {**module, "__new__": lambda cls: object.__new__(cls)})()
    session = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    model = ALS(n_factors=2, n_iterations=1).fit(random_ratings())
    for refused in (
        lambda: matinee.spark.fit(ALS(), frame),
        lambda: matinee.spark.SparkModel.from_model(session, model),
        lambda: matinee.spark.load(session, tmp_path),
    ):
        with pytest.raises(DataError, match="session of Spark Connect, which has no RDDs; expected a"):
            refused()


@pytest.mark.parametrize("arguments", [{}, {"n_blocks": 2}, {"exchange": "routed"}], ids=str)
@pytest.mark.parametrize("large", ["true", "false"])
def test_arrow_may_use_large_types_or_not(spark: SparkSession, large: str, arguments: dict[str, Any]) -> None:
    ratings = named(random_ratings())
    model = ALS(n_factors=3, n_iterations=2)
    name = "spark.sql.execution.arrow.useLargeVarTypes"
    before = spark.conf.get(name)
    spark.conf.set(name, large)
    try:
        frame = on_cluster(spark, ratings.to_frame())
        start = starting_factors(ratings, model)
        found = matinee.spark.fit(model, frame, start=start, result="frames", **arguments)
        lists = collected(found.recommend_all(3), "user", "rank")
        predicted = collected(found.predict(frame), "user", "item")  # type: ignore[call-arg]
        fetched = found.to_model()
    finally:
        spark.conf.set(name, before)
    expected = ALS(n_factors=3, n_iterations=2).fit(ratings, start=start)
    assert_same_fit(fetched, expected)
    assert lists["item"].to_list() == expected.recommend_all(n=3)["item"].to_list()
    np.testing.assert_allclose(
        predicted["prediction"], expected.predict(predicted["user"], predicted["item"]), atol=1e-4
    )
