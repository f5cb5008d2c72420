"""Spark's ``ml.recommendation.ALS`` with ``implicitPrefs``, for the translation of its parameters."""

from pathlib import Path

import numpy as np
import pyspark
from job import answer, read
from pyspark.sql import DataFrame
from spark_als import als, frame
from spark_job import running


def translation(job: dict) -> dict:
    """Factors of a short fit; the users' are solved last, against the items' that are written."""
    data = read(job["data"])
    path = Path(job["factors"]).with_suffix(".parquet")
    learner = als(rank=job["rank"], maxIter=job["n_iterations"], implicitPrefs=True, **job["native"])
    with running(job) as spark:
        model = learner.fit(frame(spark, data.train, path))
        np.savez(
            job["factors"],
            users=array_of(model.userFactors, data.n_users, job["rank"]),
            items=array_of(model.itemFactors, data.n_items, job["rank"]),
        )
    return {}


def array_of(factors: DataFrame, n_rows: int, rank: int) -> np.ndarray:
    """The factors by code; 0 for a code without ratings."""
    table = factors.toPandas()
    array = np.zeros((n_rows, rank), dtype=np.float32)
    array[table["id"]] = np.stack(table["features"])
    return array


if __name__ == "__main__":
    answer(pyspark.__version__, translation=translation)
