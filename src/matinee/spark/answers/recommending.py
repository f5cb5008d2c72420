"""Lists the best items of all users: every task does so for some of the users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import FloatType, IntegerType, StructField, StructType

from matinee.ratings.ids import IdArray
from matinee.spark.answers.buckets import bucket_of
from matinee.spark.answers.partial_models import CommonPart
from matinee.spark.answers.tables import arrow_type, id_type

# How much of the items a Python process of an executor holds. It holds them twice: as they came, and as the
# kernel reads them.
SLAB_BYTES = 256 << 20


def slabs(n_items: int, n_factors: int, slab_bytes: int) -> list[tuple[int, int]]:
    """The first position of each slab, and the one after its last, so that each is at most ``slab_bytes``."""
    # Each factor and the bias take 4 bytes, and the id takes 8.
    step = max(1, slab_bytes // (4 * (n_factors + 1) + 8))
    return [(first, min(first + step, n_items)) for first in range(0, n_items, step)]


def best_of_all(
    users: DataFrame,
    parts: list[Broadcast[CommonPart]],
    *,
    n: int,
    exclude_seen: bool,
    chosen: NDArray[np.int64] | None,
    n_buckets: int,
) -> DataFrame:
    """The best n items of every user. If there are several slabs, their best n are merged.

    Parameters
    ----------
    chosen : ndarray of int64 or None
        The positions of the items to choose from, among all items.

    Returns
    -------
    DataFrame
        The columns user, rank (from 1), item and score.
    """
    columns = ["user", "factors", "bias", *(["items"] if exclude_seen else [])]
    schema = _schema(users, parts[0].value)
    lists = [
        users.select(*columns).mapInArrow(
            _lists_of(part, n, exclude_seen, _ids_in(part.value, chosen), _arrow_schema(schema)), schema
        )
        for part in parts
    ]
    if len(lists) == 1:
        return lists[0]
    bucket = bucket_of(F.col("user"), n_buckets)
    merge = _merge_of(n, _arrow_schema(schema))
    return reduce(DataFrame.unionAll, lists).groupBy(bucket).applyInArrow(merge, schema)


def _schema(users: DataFrame, part: CommonPart) -> StructType:
    return StructType(
        [
            StructField("user", users.schema["user"].dataType),
            StructField("rank", IntegerType()),
            StructField("item", id_type(part.items.index)),
            StructField("score", FloatType()),
        ]
    )


def _arrow_schema(schema: StructType) -> Any:
    user, item = (arrow_type(schema[name].dataType) for name in ("user", "item"))
    return pa.schema(list(zip(schema.names, [user, pa.int32(), item, pa.float32()], strict=True)))


def _ids_in(part: CommonPart, chosen: NDArray[np.int64] | None) -> IdArray | None:
    """The ids of the items of a slab that are chosen; None for all."""
    if chosen is None:
        return None
    own = chosen - part.items.first
    ids = part.items.index.ids
    return ids[own[(own >= 0) & (own < len(ids))]]


def _lists_of(
    part: Broadcast[CommonPart], n: int, exclude_seen: bool, items: IdArray | None, schema: Any
) -> Callable[..., Any]:
    def lists(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            model = part.value.in_task(pa.Table.from_batches([batch]))
            best = model.recommend_all(n=n, exclude_seen=exclude_seen, items=items)
            yield from best.to_arrow().cast(schema).to_batches()

    return lists


def _merge_of(n: int, schema: Any) -> Callable[..., Any]:
    def merge(lists: Any) -> Any:
        # Items of the same score are ordered by their ids, as in the kernel.
        ordered = pl.DataFrame(pl.from_arrow(lists)).sort(
            "user", "score", "item", descending=[False, True, False]
        )
        ranks = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user")
        best = ordered.with_columns(ranks.alias("rank")).filter(pl.col("rank") <= n)
        return best.to_arrow().cast(schema)

    return merge
