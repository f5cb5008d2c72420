"""Divides users into buckets by a hash of their ids: one task holds one bucket in memory at a time."""

from __future__ import annotations

import math

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

BUCKET = "bucket"
# The size of the users' rows in a bucket. A task holds a few copies of them, and what it joins them with.
BUCKET_BYTES = 32 << 20
ID_BYTES = 16


def bucket_of(user: Column, n_buckets: int) -> Column:
    """The bucket of a user id, from 0. The id is a bigint or a string, and each type has its own hash."""
    return F.pmod(F.xxhash64(user), F.lit(n_buckets)).cast("int")


def choose_n_buckets(spark: SparkSession, *, n_users: int, n_ratings: int, n_factors: int) -> int:
    """How many buckets it takes to keep each below `BUCKET_BYTES` and to keep every processor busy."""
    # The factors, the bias, and the position and value of every rating take 4 bytes each.
    n_bytes = n_users * (4 * (n_factors + 1) + ID_BYTES) + n_ratings * 8
    return max(math.ceil(n_bytes / BUCKET_BYTES), spark.sparkContext.defaultParallelism)


def with_buckets(users: DataFrame, n_buckets: int) -> DataFrame:
    """The users with a column of their buckets, whose metadata says how many buckets there are."""
    return marked(users.withColumn(BUCKET, bucket_of(F.col("user"), n_buckets)), n_buckets)


def marked(users: DataFrame, n_buckets: int) -> DataFrame:
    """The users, with the number of buckets written into the metadata of their column of buckets."""
    return users.withMetadata(BUCKET, {"n_buckets": n_buckets})


def n_buckets_of(users: DataFrame) -> int | None:
    """How many buckets there are, by the metadata; None if there is no such column or it does not say."""
    if BUCKET not in users.columns:
        return None
    found: int | None = users.schema[BUCKET].metadata.get("n_buckets")
    return found
