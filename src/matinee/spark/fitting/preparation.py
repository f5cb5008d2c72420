"""Turns ratings into blocks of users and of items, which the cluster caches during a fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark import RDD, SparkContext, StorageLevel

from matinee.ratings import Rows
from matinee.ratings.duplicates import Duplicates
from matinee.spark.fitting.blocks import (
    Census,
    census_of,
    item_blocks,
    observed_blocks,
    parts_of_pairs,
    parts_of_portions,
    user_blocks,
)
from matinee.spark.fitting.encoding import DriverEncoding, Encoding, encode, encoded_pairs
from matinee.spark.fitting.layout import Layout, balanced_layout, chunk_size_of
from matinee.spark.fitting.planning import Size
from matinee.spark.fitting.portions import Portions
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
    has_weights : bool
    """

    users: PreparedSide
    items: PreparedSide
    census: Census
    size: Size
    has_weights: bool


@dataclass(frozen=True)
class Encoded:
    """Ratings whose ids have positions.

    Attributes
    ----------
    users, items : Encoding
    parts_by : callable
        From a layout of the users, the ratings in parts, each with the number of its block.
    """

    users: Encoding
    items: Encoding
    parts_by: Callable[[Layout], RDD[tuple[int, bytes]]]


@contextmanager
def encoded_by_driver(portions: Portions) -> Iterator[Encoded]:
    """Portions whose ids the driver has merged; the executors forget the portions after the context."""
    try:
        users, items = (
            DriverEncoding.of(portions.frame.sparkSession, name, table)
            for name, table in zip(("user", "item"), portions.merged_ids(), strict=True)
        )
        yield Encoded(users, items, partial(parts_of_portions, portions, users, items))
    finally:
        portions.release()


@contextmanager
def encoded_by_cluster(
    frame: Any, columns: Columns, *, duplicates: Duplicates, kept: ExitStack
) -> Iterator[Encoded]:
    """A frame whose ids have got their positions on the cluster; ``kept`` frees the tables of these."""
    with checked_ratings(frame, columns) as ratings:
        if duplicates == "error":
            check_no_duplicates(ratings)
        users, items = (encode(ratings, name) for name in ("user", "item"))
        for side in (users, items):
            kept.callback(side.release)
        pairs = encoded_pairs(ratings, users, items)
        yield Encoded(users, items, partial(parts_of_pairs, pairs))


def prepare(
    encoded: Encoded,
    context: SparkContext,
    *,
    duplicates: Duplicates,
    n_factors: int,
    exchange: str,
    n_blocks: int | None,
    has_weights: bool,
    kept: ExitStack,
    observe: Callable[[Census], Callable[[Rows], Rows]] | None = None,
) -> Prepared:
    """Divide encoded ratings into blocks.

    Parameters
    ----------
    encoded : Encoded
    context : SparkContext
    duplicates : {"last", "first", "mean", "sum", "error"}
    n_factors : int
        Including one for the bias, if there are biases.
    exchange : {"auto", "broadcast", "routed"}
    n_blocks : int or None
        How many blocks each side has; None leaves that to the size of the fit.
    has_weights : bool
    kept : ExitStack
        Frees what the executors cache, when it is closed.
    observe : callable or None
        From the census, how a user's ratings become values of the row problem, if a value depends on the
        user's other ratings. Then the blocks of items hold these values.
    """
    users, items = encoded.users, encoded.items
    size = Size(int(users.ratings_of_chunk.sum()), users.n_ids, items.n_ids, n_factors)
    parallelism = context.defaultParallelism
    user_layout, item_layout = (
        _layout(side, size, min(n_blocks or size.n_blocks(side.n_ids, parallelism), side.n_ids))
        for side in (users, items)
    )
    users_routed, items_routed = (
        exchange == "routed"
        or (exchange == "auto" and size.is_routed(layout.n_rows, others.n_blocks, parallelism))
        for layout, others in ((user_layout, item_layout), (item_layout, user_layout))
    )
    parts = encoded.parts_by(user_layout)
    by_user = _kept(
        user_blocks(parts, user_layout, size.n_items, duplicates=duplicates, routed=items_routed), kept
    )
    census = census_of(by_user, size.n_ratings)
    seen_by_items = by_user if observe is None else observed_blocks(by_user, observe(census))
    by_item = _kept(item_blocks(seen_by_items, user_layout, item_layout, routed=users_routed), kept)
    by_item.count()
    return Prepared(
        PreparedSide(users, user_layout, by_user, users_routed),
        PreparedSide(items, item_layout, by_item, items_routed),
        census,
        size,
        has_weights,
    )


def _kept(blocks: RDD[bytes], kept: ExitStack) -> RDD[bytes]:
    kept.callback(blocks.unpersist)
    return blocks.persist(StorageLevel.MEMORY_AND_DISK)


def _layout(side: Encoding, size: Size, n_blocks: int) -> Layout:
    rows_per_chunk = chunk_size_of(side.n_ids)
    # In units of k² operations: a rating costs k², and a row k³/3.
    costs = side.ratings_of_chunk + rows_per_chunk * size.n_factors / 3
    return balanced_layout(side.n_ids, n_blocks, costs)
