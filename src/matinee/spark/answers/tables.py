"""The two tables of a model on a cluster: one row for every user, and one row for every item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    DataType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from matinee.errors import DataError
from matinee.models.alternating_model import AlternatingModel
from matinee.ratings.ids import IdIndex

USER_COLUMNS = {
    "user": ("bigint", "string"),
    "factors": ("array<float>",),
    "bias": ("float",),
    "items": ("array<int>",),
    "ratings": ("array<float>",),
}
# Only the users of a model that was fitted with weights have these.
WEIGHT_COLUMNS = {"weights": ("array<float>",)}
ITEM_COLUMNS = {
    "item": ("bigint", "string"),
    "position": ("int",),
    "factors": ("array<float>",),
    "bias": ("float",),
    "n_ratings": ("bigint",),
}
# How many rows go into one batch: its lists have offsets of 32 bits, so it must not be too large.
BATCH = 10_000


def user_columns(users: DataFrame) -> dict[str, tuple[str, ...]]:
    """The columns that a table of users has to have, and those that it has besides."""
    return USER_COLUMNS | {name: types for name, types in WEIGHT_COLUMNS.items() if name in users.columns}


def check_columns(table: DataFrame, columns: dict[str, tuple[str, ...]], name: str) -> None:
    """Raises DataError if a table lacks a column, or has one of another type."""
    present = {field.name: field.dataType.simpleString() for field in table.schema.fields}
    for column, types in columns.items():
        if present.get(column) not in types:
            given = ", ".join(f"{each} {kind}" for each, kind in present.items()) or "none"
            raise DataError(
                f"{name} need a column {column!r} of type {' or '.join(types)}; the columns are {given}"
            )


def arrow_ids(index: IdIndex) -> Any:
    """The ids of an index as an Arrow array of int64 or string.

    Raises
    ------
    DataError
        If an id does not fit Spark's bigint.
    """
    if index.holds_strings:
        return pa.array(index.ids.tolist(), pa.string())
    if index.ids.dtype.kind == "u":
        raise DataError(f"id {index.ids[-1]} is too large for Spark's bigint; give such ids as strings")
    return pa.array(index.ids)


def arrow_type(spark_type: DataType) -> Any:
    """The Arrow type of a column of ids that has this type in Spark."""
    return pa.string() if isinstance(spark_type, StringType) else pa.int64()


def ids_of(column: Any) -> Any:
    """The ids in an Arrow column, in a form that `IdIndex` accepts."""
    return column.to_numpy() if pa.types.is_integer(column.type) else column.to_pylist()


def user_table(model: AlternatingModel) -> tuple[Any, StructType]:
    """The users of a fitted model as an Arrow table, and its schema in Spark."""
    ids, rated = arrow_ids(model.user_index_), model.rated_
    factors = [*_batches_of_rows(model.user_factors_)]
    columns = {
        "user": ids,
        "factors": pa.chunked_array(factors, pa.list_(pa.float32())),
        "bias": pa.array(np.asarray(model.user_biases_)),
        "items": pa.chunked_array([*_batches(rated.indptr, rated.columns)], pa.list_(pa.int32())),
        "ratings": pa.chunked_array([*_batches(rated.indptr, rated.values)], pa.list_(pa.float32())),
    }
    fields = [
        StructField("user", id_type(model.user_index_)),
        StructField("factors", ArrayType(FloatType())),
        StructField("bias", FloatType()),
        StructField("items", ArrayType(IntegerType())),
        StructField("ratings", ArrayType(FloatType())),
    ]
    if rated.weights is not None:
        columns["weights"] = pa.chunked_array(
            [*_batches(rated.indptr, rated.weights)], pa.list_(pa.float32())
        )
        fields.append(StructField("weights", ArrayType(FloatType())))
    return pa.table(columns), StructType(fields)


def item_table(model: AlternatingModel) -> tuple[Any, StructType]:
    """The items of a fitted model as an Arrow table, and its schema in Spark."""
    n_items = len(model.item_index_)
    n_ratings = np.bincount(model.rated_.columns, minlength=n_items)
    columns = {
        "item": arrow_ids(model.item_index_),
        "position": pa.array(np.arange(n_items, dtype=np.int32)),
        "factors": pa.chunked_array([*_batches_of_rows(model.item_factors_)], pa.list_(pa.float32())),
        "bias": pa.array(np.asarray(model.item_biases_)),
        "n_ratings": pa.array(n_ratings.astype(np.int64, copy=False)),
    }
    fields = [
        StructField("item", id_type(model.item_index_)),
        StructField("position", IntegerType()),
        StructField("factors", ArrayType(FloatType())),
        StructField("bias", FloatType()),
        StructField("n_ratings", LongType()),
    ]
    return pa.table(columns), StructType(fields)


def id_type(index: IdIndex) -> DataType:
    """The type that a column of these ids has in Spark."""
    return StringType() if index.holds_strings else LongType()


def lists_of_rows(matrix: Any) -> Any:
    """The rows of a matrix as Arrow lists."""
    n_rows, width = matrix.shape
    return lists(np.arange(n_rows + 1, dtype=np.int64) * width, matrix.reshape(-1))


def lists(indptr: Any, values: Any) -> Any:
    """Rows as Arrow lists; ``values`` begins with the values of the first row."""
    offsets = pa.array((indptr - indptr[0]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values))


def _batches_of_rows(matrix: Any) -> Iterator[Any]:
    return map(lists_of_rows, (matrix[first : first + BATCH] for first in range(0, len(matrix), BATCH)))


def _batches(indptr: Any, values: Any) -> Iterator[Any]:
    """Rows as Arrow lists, `BATCH` of them at a time."""
    for first in range(0, len(indptr) - 1, BATCH):
        bounds = indptr[first : first + BATCH + 1]
        yield lists(bounds, values[bounds[0] : bounds[-1]])
