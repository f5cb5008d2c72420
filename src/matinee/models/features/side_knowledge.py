"""Side knowledge about rows, from given features and from who rated what, as features of a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError, ModelFileError
from matinee.models.features.feature_matrix import FeatureMatrix
from matinee.models.features.feature_regression import beside
from matinee.models.features.features import FeatureColumns, FeatureTable, RowsById
from matinee.ratings import Ratings, Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.row_problem import Floats

# The columns that turn a side's frame into features, and the features of all rows; None without a frame.
Encoded = tuple[FeatureColumns | None, Rows | None]


def encode_features(train: Ratings, users: Any, items: Any) -> tuple[Ratings, Encoded, Encoded]:
    """The ratings, in which all ids of the features are registered, and the features of users and items.

    Raises
    ------
    DataError
        If the features cannot be read, or none of their ids is in the ratings.
    """
    tables = [
        None if features is None else _table_beside(index, features, kind)
        for features, index, kind in ((users, train.user_index, "user"), (items, train.item_index, "item"))
    ]
    train = _with_ids_of(train, *tables)
    of_users = _encode_table(tables[0], train.user_index, "user")
    return train, of_users, _encode_table(tables[1], train.item_index, "item")


def _table_beside(ids: IdIndex, features: Any, kind: str) -> RowsById:
    table: RowsById
    if isinstance(features, tuple):
        table = FeatureMatrix.read(features, kind)
    else:
        table = FeatureTable.read(features, kind)
    table.ids_beside(ids, kind)
    if (table.index.positions(ids.ids) < 0).all():
        raise DataError(
            f"{kind} features have none of the {len(ids):,} {kind}s of the ratings; expected a row for each"
        )
    return table


def _with_ids_of(train: Ratings, users: RowsById | None, items: RowsById | None) -> Ratings:
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
        weights=train.weights,
        contexts={} if train.contexts is None else {name: frame[name] for name in train.contexts.names},
        registered_users=user_index.ids,
        registered_items=item_index.ids,
    )


def _encode_table(table: RowsById | None, ids: IdIndex, kind: str) -> Encoded:
    """The columns of a table, and the features of all ids; None for both without a table.

    An id that has no row gets the means of the features of the others, and the fit warns of it.
    """
    if table is None:
        return None, None
    known, columns, features = table.encode(ids, kind)
    if len(known) < len(ids):
        features = with_averages(features, known, len(ids), columns.n_features)
    return columns, features


def with_averages(features: Rows, known: NDArray[np.int64], n_rows: int, n_features: int) -> Rows:
    """The features at these positions among more rows; the other rows get the means."""
    average = average_of(features, n_features)
    places = np.flatnonzero(average)
    unknown = np.setdiff1d(np.arange(n_rows), known)
    guessed = Rows(
        np.arange(len(unknown) + 1, dtype=np.int64) * len(places),
        np.tile(places.astype(np.int32), len(unknown)),
        np.tile(average[places], len(unknown)),
    )
    return features.spread(known, n_rows).merged(guessed.spread(unknown, n_rows), np.arange(n_features))


def average_of(features: Rows, n_features: int) -> Floats:
    """The mean of each feature over the rows; float32, shape (n_features,)."""
    totals = np.bincount(features.columns, weights=features.values, minlength=n_features)
    average: Floats = (totals / max(features.n_rows, 1)).astype(np.float32)
    return average


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
        parts.append((observed._replace(values=scales, weights=None, contexts=None), n_across))
    return beside(parts) if parts else None


def check_features(rows: Rows, n_rows: int, n_features: int) -> None:
    indptr, columns, values = rows[:3]
    fits = (
        [array.dtype.name for array in (indptr, columns, values)] == ["int64", "int32", "float32"]
        and rows.weights is None
        and rows.contexts is None
        and len(indptr) == n_rows + 1
        and indptr[0] == 0
        and bool((indptr[:-1] <= indptr[1:]).all())
        and indptr[-1] == len(columns) == len(values)
        and (not len(columns) or 0 <= int(columns.min()) <= int(columns.max()) < n_features)
    )
    if not fits:
        raise ModelFileError("its features do not fit together")
