"""Users in buckets, by a hash of their ids: a bucket is what one task holds in memory at a time."""

from __future__ import annotations

import math

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

BUCKET = "bucket"
# Of users' rows. A task holds a few copies of them, beside what the bucket is brought together with.
BUCKET_BYTES = 32 << 20
ID_BYTES = 16


def bucket_of(user: Column, n_buckets: int) -> Column:
    """The bucket of a user id, from 0: a bigint or a string, which fall into different ones."""
    return F.pmod(F.xxhash64(user), F.lit(n_buckets)).cast("int")


def choose_n_buckets(spark: SparkSession, *, n_users: int, n_ratings: int, n_factors: int) -> int:
    """How many buckets keep each to `BUCKET_BYTES` and every processor busy."""
    # Factors and a bias, and for every rating a position and a value: 4 bytes each.
    n_bytes = n_users * (4 * (n_factors + 1) + ID_BYTES) + n_ratings * 8
    return max(math.ceil(n_bytes / BUCKET_BYTES), spark.sparkContext.defaultParallelism)


def with_buckets(users: DataFrame, n_buckets: int) -> DataFrame:
    """The users with a column of their buckets, which knows how many there are."""
    return marked(users.withColumn(BUCKET, bucket_of(F.col("user"), n_buckets)), n_buckets)


def marked(users: DataFrame, n_buckets: int) -> DataFrame:
    """The users, whose column of buckets is to know how many there are."""
    return users.withMetadata(BUCKET, {"n_buckets": n_buckets})


def n_buckets_of(users: DataFrame) -> int | None:
    """How many buckets there are; None where no column of buckets knows."""
    if BUCKET not in users.columns:
        return None
    found: int | None = users.schema[BUCKET].metadata.get("n_buckets")
    return found
