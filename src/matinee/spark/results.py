"""What a fit on a cluster gives back: a model like any other, or one whose factors stay in DataFrames."""

from __future__ import annotations

from typing import Any

import numpy as np

from matinee.ids import IdIndex
from matinee.models.alternating import AlternatingModel
from matinee.models.history import Iteration
from matinee.models.row_problem import Side
from matinee.ratings import Ratings, Rows
from matinee.spark.alternation import ClusterAlternation
from matinee.spark.blocks import Block
from matinee.spark.encoding import Encoding
from matinee.spark.preparation import Prepared, PreparedSide
from matinee.spark.sides import ClusterSide, SolvedBlock


def fill_model(
    model: AlternatingModel, prepared: Prepared, fit: ClusterAlternation, history: list[Iteration]
) -> AlternatingModel:
    """The model given, fitted, with all that the driver has to fetch for it."""
    train = Ratings(_index(prepared.users.encoding), _index(prepared.items.encoding), _rated(prepared.users))
    users, items = (_gathered(model, side) for side in (fit.cluster_users, fit.cluster_items))
    model._keep(train, users, items, fit.terms.offset if model._with_biases else 0.0, history)
    return model


def frames_of(
    model: AlternatingModel, prepared: Prepared, fit: ClusterAlternation, history: list[Iteration]
) -> Any:
    """A `SparkModel`."""
    raise NotImplementedError


def _index(encoding: Encoding) -> IdIndex:
    return IdIndex.from_ids(encoding.ids.select(encoding.name).toArrow()[encoding.name], name=encoding.name)


def _gathered(model: AlternatingModel, side: ClusterSide) -> Side:
    """The factors of a side, fetched where they are on the cluster."""
    if side.state is None:
        return side.side
    side.side = model._empty_side(side.layout.n_rows)
    packed = side.state.solved.toLocalIterator(prefetchPartitions=True)
    side.take(SolvedBlock.from_bytes(each, model.n_factors) for each in packed)
    return side.side


def _rated(users: PreparedSide) -> Rows:
    """The ratings by user, fetched block by block."""
    counts = np.zeros(users.layout.n_rows, dtype=np.int64)
    blocks = [Block.from_bytes(packed) for packed in users.blocks.collect()]
    rows = [users.layout.rows_of(number) for number in range(len(blocks))]
    for places, block in zip(rows, blocks, strict=True):
        counts[places] = np.diff(block.rows.indptr)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    columns, values = np.empty(indptr[-1], dtype=np.int32), np.empty(indptr[-1], dtype=np.float32)
    for places, block in zip(rows, blocks, strict=True):
        starts = np.repeat(indptr[places] - block.rows.indptr[:-1], np.diff(block.rows.indptr))
        targets = starts + np.arange(len(block.rows.values))
        columns[targets], values[targets] = block.columns, block.rows.values
    return Rows(indptr, columns, values)
