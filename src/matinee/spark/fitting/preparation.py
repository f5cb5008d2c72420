"""Turns a frame of ratings into blocks of users and of items, which the cluster caches during a fit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pyspark import RDD, StorageLevel
from pyspark.sql import DataFrame

from matinee.ratings import Rows
from matinee.ratings.duplicates import Duplicates
from matinee.spark.fitting.blocks import Census, census_of, item_blocks, observed_blocks, user_blocks
from matinee.spark.fitting.encoding import Encoding, encode, encoded_pairs
from matinee.spark.fitting.layout import Layout, balanced_layout, chunk_size_of
from matinee.spark.fitting.planning import Size
from matinee.spark.rating_frames import Columns, check_no_duplicates, checked_ratings


@dataclass(frozen=True)
class PreparedSide:
    """The users or the items of a fit.

    Attributes
    ----------
    encoding : Encoding
    layout : Layout
    blocks : RDD of bytes
        The ratings of the rows, by block.
    is_routed : bool
        Whether the factors stay on the cluster.
    """

    encoding: Encoding
    layout: Layout
    blocks: RDD[bytes]
    is_routed: bool


@dataclass(frozen=True)
class Prepared:
    """Ratings ready to be fitted.

    Attributes
    ----------
    users, items : PreparedSide
    census : Census
    size : Size
    is_one_task : bool
        Whether one task does the whole fit. Then there is one block of users, and no block of items is made.
    has_weights : bool
    kept : ExitStack
        Frees what the executors cache, when it is closed.
    """

    users: PreparedSide
    items: PreparedSide
    census: Census
    size: Size
    is_one_task: bool
    has_weights: bool
    kept: ExitStack


def prepare(
    frame: Any,
    columns: Columns,
    *,
    duplicates: Duplicates,
    n_factors: int,
    exchange: str,
    n_blocks: int | None,
    one_task_iterations: int | None,
    observe: Callable[[Census], Callable[[Rows], Rows]] | None = None,
) -> Prepared:
    """Check the ratings, encode their ids and divide them into blocks.

    Parameters
    ----------
    frame : DataFrame
    columns : Columns
    duplicates : {"last", "first", "mean", "sum", "error"}
    n_factors : int
        Including one for the bias, if there are biases.
    exchange : {"auto", "broadcast", "routed"}
    n_blocks : int or None
        How many blocks each side has; None leaves that to the size of the fit.
    one_task_iterations : int or None
        The number of iterations, if one task may do the whole fit; None if it may not.
    observe : callable or None
        From the census, how a user's ratings become values of the row problem, if a value depends on the
        user's other ratings. Then the blocks of items hold these values.
    """
    with ExitStack() as kept, checked_ratings(frame, columns) as ratings:
        if duplicates == "error":
            check_no_duplicates(ratings)
        users, items = (_encoding(ratings, name, kept) for name in ("user", "item"))
        size = Size(int(users.ratings_of_chunk.sum()), users.n_ids, items.n_ids, n_factors)
        parallelism = ratings.sparkSession.sparkContext.defaultParallelism
        is_one_task = one_task_iterations is not None and size.fits_one_task(one_task_iterations)
        n_blocks = 1 if is_one_task else n_blocks
        user_layout, item_layout = (
            _layout(side, size, min(n_blocks or size.n_blocks(side.n_ids, parallelism), side.n_ids))
            for side in (users, items)
        )
        users_routed, items_routed = (
            exchange == "routed"
            or (exchange == "auto" and size.is_routed(layout.n_rows, others.n_blocks, parallelism))
            for layout, others in ((user_layout, item_layout), (item_layout, user_layout))
        )
        pairs = encoded_pairs(ratings, users, items)
        by_user = _kept(
            user_blocks(pairs, user_layout, size.n_items, duplicates=duplicates, routed=items_routed), kept
        )
        census = census_of(by_user, size.n_ratings)
        seen_by_items = by_user if observe is None else observed_blocks(by_user, observe(census))
        by_item = item_blocks(seen_by_items, user_layout, item_layout, routed=users_routed)
        if not is_one_task:
            _kept(by_item, kept).count()
        return Prepared(
            PreparedSide(users, user_layout, by_user, users_routed),
            PreparedSide(items, item_layout, by_item, items_routed),
            census,
            size,
            is_one_task,
            columns.weight is not None,
            kept.pop_all(),
        )


def _encoding(ratings: DataFrame, name: str, kept: ExitStack) -> Encoding:
    encoding = encode(ratings, name)
    kept.callback(encoding.release)
    return encoding


def _kept(blocks: RDD[bytes], kept: ExitStack) -> RDD[bytes]:
    kept.callback(blocks.unpersist)
    return blocks.persist(StorageLevel.MEMORY_AND_DISK)


def _layout(side: Encoding, size: Size, n_blocks: int) -> Layout:
    rows_per_chunk = chunk_size_of(side.n_ids)
    # In units of k² operations: a rating costs k², and a row k³/3.
    costs = side.ratings_of_chunk + rows_per_chunk * size.n_factors / 3
    return balanced_layout(side.n_ids, n_blocks, costs)
