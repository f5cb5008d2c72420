"""Gives ids the positions 0, 1, 2, … in their order: on the driver, or on the cluster if they are many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from matinee.errors import DataError
from matinee.ratings.ids import MAX_IDS, IdIndex
from matinee.spark.fitting.layout import chunk_size_of
from matinee.spark.fitting.portions import IdTable

# In a monotonically_increasing_id, the bits below this one number the rows of a partition.
ROW_BITS = 33
# In a pair, the bits below this one are the position of the item.
ITEM_BITS = 32


@dataclass(frozen=True)
class Encoding(ABC):
    """The ids of the users or of the items, with their positions.

    Attributes
    ----------
    name : {"user", "item"}
    n_ids : int
    ratings_of_chunk : ndarray of int64, shape (n_chunks,)
        How many ratings the ids of each chunk of positions have.
    """

    name: str
    n_ids: int
    ratings_of_chunk: NDArray[np.int64]

    @property
    @abstractmethod
    def ids(self) -> DataFrame:
        """Columns ``name`` and position (int), which follows the order of the ids, as in `IdIndex`."""

    @property
    @abstractmethod
    def index(self) -> IdIndex:
        """The ids, which the driver fetches if it has to."""


@dataclass(frozen=True)
class DriverEncoding(Encoding):
    """Ids that the driver holds.

    Attributes
    ----------
    spark : SparkSession
    table : IdTable
    """

    spark: SparkSession
    table: IdTable

    @classmethod
    def of(cls, spark: SparkSession, name: str, table: IdTable) -> DriverEncoding:
        """The encoding of all ids of a side."""
        n_ids = len(table.ids)
        firsts = np.arange(0, n_ids, chunk_size_of(n_ids))
        return cls(name, n_ids, np.add.reduceat(table.n_ratings, firsts), spark, table)

    @property
    def ids(self) -> DataFrame:
        """The ids, sent to the cluster."""
        positions = pa.array(np.arange(self.n_ids, dtype=np.int32))
        return self.spark.createDataFrame(pa.table({self.name: self.table.ids, "position": positions}))

    @property
    def index(self) -> IdIndex:
        """The ids."""
        return IdIndex.from_ids(self.table.ids, name=self.name)


@dataclass(frozen=True)
class ClusterEncoding(Encoding):
    """Ids that stay on the cluster.

    Attributes
    ----------
    placed : DataFrame
        The columns of ``ids``.
    kept : DataFrame
        The table that the executors cache for it.
    """

    placed: DataFrame
    kept: DataFrame

    @property
    def ids(self) -> DataFrame:
        """The ids as they are."""
        return self.placed

    @property
    def index(self) -> IdIndex:
        """The ids, fetched."""
        found: Any = self.placed.select(self.name).toArrow()
        return IdIndex.from_ids(found[self.name], name=self.name)

    def release(self) -> None:
        """Free what the executors cache."""
        self.kept.unpersist()


def encode(ratings: DataFrame, name: str) -> ClusterEncoding:
    """The positions of all ids in a column of ratings, which the driver does not get.

    Raises
    ------
    DataError
        If there are more ids than positions.
    """
    # Spark sorts by ranges, so the concatenated partitions are in the order of the ids.
    ordered = ratings.groupBy(name).agg(F.count(F.lit(1)).alias("n")).orderBy(name).persist()
    partition = F.spark_partition_id().alias("partition")
    sizes = {
        row["partition"]: row["size"]
        for row in ordered.groupBy(partition).agg(F.count(F.lit(1)).alias("size")).collect()
    }
    n_ids = sum(sizes.values())
    if n_ids > MAX_IDS:
        ordered.unpersist()
        raise DataError(f"{n_ids:,} distinct {name} ids; at most {MAX_IDS:,} are supported")
    before = np.concatenate([[0], np.cumsum([sizes.get(each, 0) for each in range(max(sizes) + 1)])])
    row = F.monotonically_increasing_id()
    first = F.element_at(
        F.array(*(F.lit(int(each)) for each in before)), (F.shiftright(row, ROW_BITS) + 1).cast("int")
    )
    position = (first + row.bitwiseAND((1 << ROW_BITS) - 1)).cast("int")
    placed = ordered.select(name, position.alias("position"), "n")
    counts = _ratings_of_chunks(placed, n_ids)
    return ClusterEncoding(name, n_ids, counts, placed.select(name, "position"), ordered)


def encoded_pairs(ratings: DataFrame, users: Encoding, items: Encoding) -> DataFrame:
    """The ratings with positions instead of ids: columns pair (bigint, see `positions_of`), rating and order.

    If the ratings have weights, there is a column weight too.

    Both positions share a column because Spark converts fewer columns to Arrow faster.
    """
    joined = ratings
    for side in (users, items):
        places = side.ids.withColumnRenamed("position", f"{side.name}_position")
        joined = joined.join(places, side.name)
    pair = F.shiftleft(F.col("user_position").cast("bigint"), ITEM_BITS) + F.col("item_position")
    others = [name for name in ("rating", "weight", "order") if name in ratings.columns]
    return joined.select(pair.alias("pair"), *others)


def positions_of(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The positions of the users and of the items in encoded pairs."""
    return (pairs >> ITEM_BITS).astype(np.int32), (pairs & ((1 << ITEM_BITS) - 1)).astype(np.int32)


def _ratings_of_chunks(placed: DataFrame, n_ids: int) -> NDArray[np.int64]:
    size = chunk_size_of(n_ids)
    chunk = F.floor(F.col("position") / F.lit(size)).cast("int").alias("chunk")
    counted = placed.groupBy(chunk).agg(F.sum("n").alias("n")).toArrow()
    counts = np.zeros(-(-n_ids // size), dtype=np.int64)
    counts[counted["chunk"].to_numpy()] = counted["n"].to_numpy()
    return counts
