"""Side knowledge about rows, from given features and from who rated what, as features of a regression."""

from __future__ import annotations

import numpy as np

from matinee.errors import ModelFileError
from matinee.models.features.feature_regression import beside
from matinee.models.features.features import FeatureColumns, FeatureTable
from matinee.ratings import Ratings, Rows
from matinee.ratings.ids import IdIndex

# The columns that turn a side's frame into features, and the features of all rows; None without a frame.
Encoded = tuple[FeatureColumns | None, Rows | None]


def with_ids_of(train: Ratings, users: FeatureTable | None, items: FeatureTable | None) -> Ratings:
    """The same ratings, in which the users and items of the tables are registered as well."""
    user_index = train.user_index if users is None else users.ids_beside(train.user_index, "user")
    item_index = train.item_index if items is None else items.ids_beside(train.item_index, "item")
    if len(user_index) == train.n_users and len(item_index) == train.n_items:
        return train
    frame = train.to_frame()
    return Ratings.from_arrays(
        frame["user"],
        frame["item"],
        frame["rating"],
        timestamps=frame["timestamp"] if "timestamp" in frame.columns else None,
        registered_users=user_index.ids,
        registered_items=item_index.ids,
    )


def encode_table(table: FeatureTable | None, ids: IdIndex, kind: str) -> Encoded:
    """The columns of a table, and the features of all ids; None for both without a table."""
    if table is None:
        return None, None
    frame = table.rows_of(ids, kind)
    columns = FeatureColumns.from_frame(frame)
    return columns, columns.encode_frame(frame)


def regression_features(
    observed: Rows, n_across: int, columns: FeatureColumns | None, known: Rows | None, *, implicit: bool
) -> tuple[Rows, list[int]] | None:
    """The features of a side, given and from who rated what, and the number of each; None without any."""
    parts = []
    if columns is not None and known is not None:
        parts.append((known, columns.n_features))
    if implicit:
        counts = observed.counts
        scales = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        parts.append((observed._replace(values=scales), n_across))
    return beside(parts) if parts else None


def check_features(rows: Rows, n_rows: int, n_features: int) -> None:
    indptr, columns, values = rows
    fits = (
        [array.dtype.name for array in rows] == ["int64", "int32", "float32"]
        and len(indptr) == n_rows + 1
        and indptr[0] == 0
        and bool((indptr[:-1] <= indptr[1:]).all())
        and indptr[-1] == len(columns) == len(values)
        and (not len(columns) or 0 <= int(columns.min()) <= int(columns.max()) < n_features)
    )
    if not fits:
        raise ModelFileError("the features of its users do not fit together")
