"""Makes the result of a fit on a cluster: an ordinary model, or one whose factors stay in DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import SparkContext
from pyspark.sql import DataFrame

from matinee.models.alternating_model import AlternatingModel
from matinee.ratings import Ratings, Rows
from matinee.solving.history import Iteration
from matinee.solving.row_problem import Side
from matinee.spark.answers.buckets import choose_n_buckets, with_buckets
from matinee.spark.answers.model import SparkModel
from matinee.spark.answers.tables import BATCH, lists, lists_of_rows
from matinee.spark.arrow_batches import as_stream
from matinee.spark.fitting.blocks import Block
from matinee.spark.fitting.preparation import Prepared, PreparedSide
from matinee.spark.fitting.sides import ClusterSide, SolvedBlock, spread
from matinee.spark.fitting.training_loop import ClusterAlternation


def fill_model(
    model: AlternatingModel,
    prepared: Prepared,
    fit: ClusterAlternation,
    history: list[Iteration],
    train: Ratings | None,
) -> AlternatingModel:
    """The given model, now fitted, with all that the driver fetches for it, if it has not done so."""
    train = ratings_of(prepared) if train is None else train
    users, items = (_gathered(model, side) for side in (fit.cluster_users, fit.cluster_items))
    model.keep_fit(train, users, items, fit.terms.offset if model.has_biases else 0.0, history)
    return model


def ratings_of(prepared: Prepared) -> Ratings:
    """The ratings, fetched by the driver."""
    users, items = (side.encoding.index for side in (prepared.users, prepared.items))
    return Ratings(users, items, _rated(prepared.users))


def frames_of(
    model: AlternatingModel, prepared: Prepared, fit: ClusterAlternation, history: list[Iteration]
) -> SparkModel:
    """A model whose factors stay on the cluster.

    If factors were routed, the rows of the model are saved in the folder of the checkpoints, because Spark
    could not compute them again after the fit. Otherwise the executors cache them, and compute what is lost
    again from the ratings.
    """
    users = _table(
        prepared.users, fit.cluster_users, fit.context, with_ratings=True, with_weights=prepared.has_weights
    )
    items = _table(prepared.items, fit.cluster_items, fit.context)
    n_buckets = choose_n_buckets(
        users.sparkSession,
        n_users=prepared.size.n_users,
        n_ratings=prepared.census.n_ratings,
        n_factors=model.n_factors,
    )
    users = with_buckets(users.drop("position", "n_ratings"), n_buckets)
    if not fit.is_routed:
        for table in (users, items):
            table.persist().count()
    found = SparkModel(
        model,
        users=users,
        items=items,
        mean=fit.terms.offset if model.has_biases else 0.0,
        rating_range=(prepared.census.low, prepared.census.high),
        history=history,
    )
    return fit.checkpoints.kept(found) if fit.is_routed else found


def _table(
    prepared: PreparedSide,
    side: ClusterSide,
    context: SparkContext,
    *,
    with_ratings: bool = False,
    with_weights: bool = False,
) -> DataFrame:
    """A row for each id of a side: position, factors, bias, n_ratings; if asked for, ratings and weights."""
    solved = spread(context, side.side, side.layout) if side.state is None else side.state.solved
    layout, n_factors = side.layout, side.side.factors.shape[1]

    def rows(number: int, pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes]]:
        for ratings, factors in pairs:
            block = Block.from_bytes(ratings)
            solution = SolvedBlock.from_bytes(factors, n_factors).side
            positions = layout.rows_of(number).astype(np.int32)
            for first in range(0, len(positions), BATCH):
                part = slice(first, first + BATCH)
                columns = _columns_of_rows(positions, block, solution, part)
                if with_ratings:
                    columns |= _ratings_of_rows(block, part, with_weights=with_weights)
                yield (as_stream(pa.record_batch(columns)),)

    def unpacked(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for packed in batch["rows"].to_pylist():
                with pa.ipc.open_stream(packed) as reader:
                    yield from reader

    ids = prepared.encoding.ids
    packed = prepared.blocks.zip(solved).mapPartitionsWithIndex(rows)
    schema = "position int, factors array<float>, bias float, n_ratings bigint"
    if with_ratings:
        schema += ", items array<int>, ratings array<float>"
    if with_weights:
        schema += ", weights array<float>"
    table = ids.sparkSession.createDataFrame(packed, "rows binary").mapInArrow(unpacked, schema)
    return table.join(ids, "position")


def _columns_of_rows(
    positions: NDArray[np.int32], block: Block, solution: Side, part: slice
) -> dict[str, Any]:
    """Some rows of a block: their positions, their factors and how many ratings they have."""
    factors = solution.factors[part]
    biases = np.zeros(len(factors), np.float32) if solution.biases is None else solution.biases[part]
    return {
        "position": pa.array(positions[part]),
        "factors": lists_of_rows(factors),
        "bias": pa.array(biases),
        "n_ratings": pa.array(np.diff(block.rows.indptr[part.start : part.stop + 1])),
    }


def _ratings_of_rows(block: Block, part: slice, *, with_weights: bool) -> dict[str, Any]:
    """The ratings of some rows of a block."""
    indptr = block.rows.indptr[part.start : part.stop + 1]
    rated = slice(indptr[0], indptr[-1])
    columns = {
        "items": lists(indptr, block.columns[rated]),
        "ratings": lists(indptr, block.rows.values[rated]),
    }
    if with_weights:
        weights = block.rows.weights
        columns["weights"] = lists(indptr, np.zeros(0, np.float32) if weights is None else weights[rated])
    return columns


def _gathered(model: AlternatingModel, side: ClusterSide) -> Side:
    """The factors of a side, fetched from the cluster if they are there."""
    if side.state is None:
        return side.side
    side.side = model.empty_side(side.layout.n_rows)
    packed = side.state.solved.toLocalIterator(prefetchPartitions=True)
    side.take(SolvedBlock.from_bytes(each, model.n_factors) for each in packed)
    return side.side


def _rated(users: PreparedSide) -> Rows:
    """The ratings by user, put together from the blocks."""
    counts = np.zeros(users.layout.n_rows, dtype=np.int64)
    blocks = [Block.from_bytes(packed) for packed in users.blocks.collect()]
    rows = [users.layout.rows_of(number) for number in range(len(blocks))]
    for places, block in zip(rows, blocks, strict=True):
        counts[places] = np.diff(block.rows.indptr)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    columns, values = np.empty(indptr[-1], dtype=np.int32), np.empty(indptr[-1], dtype=np.float32)
    weights = None if all(block.rows.weights is None for block in blocks) else np.empty_like(values)
    for places, block in zip(rows, blocks, strict=True):
        starts = np.repeat(indptr[places] - block.rows.indptr[:-1], np.diff(block.rows.indptr))
        targets = starts + np.arange(len(block.rows.values))
        columns[targets], values[targets] = block.columns, block.rows.values
        if weights is not None and block.rows.weights is not None:
            weights[targets] = block.rows.weights
    return Rows(indptr, columns, values, weights)
