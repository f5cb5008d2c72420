"""Turns a DataFrame of ratings into the columns that a fit needs, or raises an error that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from matinee.errors import DataError
from matinee.spark.faulty_rows import check_rows, is_faulty
from matinee.spark.frame_columns import check_frame, given_ids, given_numbers, kept_ids


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a frame of ratings.

    Attributes
    ----------
    user, item, rating : str
        With ``rating=None``, a row says only that the pair was seen, and counts 1.
    weight : str or None
        How often each rating counts; None if all count once.
    """

    user: str
    item: str
    rating: str | None
    weight: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the columns that the frame must have."""
        return [name for name in (self.user, self.item, self.rating, self.weight) if name is not None]

    @property
    def of_held_out(self) -> Columns:
        """The names of those that held-out ratings have too, which need no weights."""
        return replace(self, weight=None)


@contextmanager
def checked_ratings(frame: Any, columns: Columns) -> Iterator[DataFrame]:
    """The columns user, item (bigint or string), rating (float) and order, cached while the context lasts.

    If there are weights, it has a column weight (float) too, and no rows of weight 0.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    columns : Columns

    Raises
    ------
    DataError
        If `given_rows` or `check_rows` refuses the frame, there are no rows, or all weights are 0.
    """
    # If a pair is rated twice, the later row counts: the one in a later partition, or later in the same one.
    given = given_rows(frame, columns).withColumn("order", F.monotonically_increasing_id()).persist()
    try:
        check_rows(given)
        kept = kept_rows(given)
        if columns.weight is not None:
            kept = kept.where("weight > 0")
        if kept.isEmpty():
            raise no_ratings(frame, columns)
        yield kept
    finally:
        given.unpersist()


def marked_rows(frame: Any, columns: Columns) -> DataFrame:
    """The columns user, item, rating and partition, and weight if there are weights; no rows of weight 0.

    Where `check_rows` would refuse a row, its rating is null.

    Raises
    ------
    DataError
        If `given_rows` refuses the frame.
    """
    given = given_rows(frame, columns).withColumn("partition", F.spark_partition_id())
    valid = given.withColumn("rating", F.when(~is_faulty(given), F.col("rating")))
    kept = kept_rows(valid)
    return kept if columns.weight is None else kept.where("rating is null or weight > 0")


def no_ratings(frame: DataFrame, columns: Columns) -> DataError:
    """The error for a frame that holds no ratings, or none that counts."""
    if columns.weight is None or frame.isEmpty():
        return DataError("there are no ratings; expected at least one")
    return DataError("every rating has the weight 0; expected at least one that counts")


def given_rows(frame: Any, columns: Columns) -> DataFrame:
    """The columns user, item and rating (double), and weight (double) if there are weights.

    Raises
    ------
    DataError
        If a column is missing or has an unsuitable type.
    """
    check_frame(frame, columns.names)
    ids = [given_ids(frame, getattr(columns, name), name).alias(name) for name in ("user", "item")]
    strength = F.lit(1.0) if columns.rating is None else given_numbers(frame, columns.rating, "ratings")
    weights = (
        [] if columns.weight is None else [given_numbers(frame, columns.weight, "weights").alias("weight")]
    )
    rows: DataFrame = frame.select(*ids, strength.alias("rating"), *weights)
    return rows


def kept_rows(given: DataFrame) -> DataFrame:
    """Given rows, with their ids as bigint or string, and their ratings and weights as float."""
    ids = {name: kept_ids(given, name) for name in ("user", "item")}
    numbers = [name for name in ("rating", "weight") if name in given.columns]
    return given.withColumns({**ids, **{name: F.col(name).cast("float") for name in numbers}})


def check_no_duplicates(ratings: DataFrame) -> None:
    """Raises DataError if a pair is rated more than once; the message counts such pairs and shows one."""
    repeated = ratings.groupBy("user", "item").agg(F.count(F.lit(1)).alias("n")).where("n > 1")
    found = repeated.agg(
        F.count(F.lit(1)).alias("n_pairs"), F.first(F.struct("user", "item")).alias("example")
    ).collect()[0]
    if found["n_pairs"]:
        user, item = found["example"]
        raise DataError(
            f"{found['n_pairs']:,} pairs are rated more than once, one of them user {user!r} and item "
            f'{item!r}; choose which rating counts: duplicates="last", "first", "mean" or "sum"'
        )
