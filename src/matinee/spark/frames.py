"""A Spark DataFrame of ratings as a fit takes it, or why it cannot be taken: counted, with an example."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from matinee.errors import DataError
from matinee.spark.columns import check_frame, given_ids, given_ratings, kept_ids
from matinee.spark.faults import check_rows


@dataclass(frozen=True)
class Columns:
    """How the columns of a frame of ratings are called.

    Attributes
    ----------
    user, item, rating : str
        ``rating=None``: a row says only that the pair was seen, and counts 1.
    """

    user: str
    item: str
    rating: str | None

    @property
    def names(self) -> list[str]:
        """Those that have to be there."""
        return [name for name in (self.user, self.item, self.rating) if name is not None]


@contextmanager
def checked_ratings(frame: Any, columns: Columns) -> Iterator[DataFrame]:
    """The columns user, item (bigint or string), rating (float) and order; kept on the cluster meanwhile.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    columns : Columns

    Raises
    ------
    DataError
        For what `given_rows` and `check_rows` refuse, and no rows.
    """
    # Of rows that rate one pair the later one counts: later by partition, and by place in it.
    given = given_rows(frame, columns).withColumn("order", F.monotonically_increasing_id()).persist()
    try:
        if check_rows(given) == 0:
            raise DataError("there are no ratings; expected at least one")
        yield kept_rows(given)
    finally:
        given.unpersist()


def given_rows(frame: Any, columns: Columns) -> DataFrame:
    """The columns user, item and rating (double).

    Raises
    ------
    DataError
        For a column that is not there or of another type.
    """
    check_frame(frame, columns.names)
    ids = [given_ids(frame, getattr(columns, name), name).alias(name) for name in ("user", "item")]
    strength = F.lit(1.0) if columns.rating is None else given_ratings(frame, columns.rating)
    rows: DataFrame = frame.select(*ids, strength.alias("rating"))
    return rows


def kept_rows(given: DataFrame) -> DataFrame:
    """Rows without fault with ids of bigint or string, and ratings of float."""
    kept = {name: kept_ids(given, name) for name in ("user", "item")}
    return given.withColumns({**kept, "rating": F.col("rating").cast("float")})


def check_no_duplicates(ratings: DataFrame) -> None:
    """A DataError if a pair is rated more than once: with how many are, and one of them."""
    repeated = ratings.groupBy("user", "item").agg(F.count(F.lit(1)).alias("n")).where("n > 1")
    found = repeated.agg(
        F.count(F.lit(1)).alias("n_pairs"), F.first(F.struct("user", "item")).alias("example")
    ).collect()[0]
    if found["n_pairs"]:
        user, item = found["example"]
        raise DataError(
            f"{found['n_pairs']:,} pairs are rated more than once, one of them: user {user!r} has rated item "
            f'{item!r} already; choose with duplicates="last", "first", "mean" or "sum"'
        )
