"""Features that are ready: a matrix with an id for each row, taken as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.features.features import FeatureColumns, MatrixColumn, RowsById, index_of
from matinee.ratings import Rows
from matinee.ratings.ids import IdIndex


@dataclass(frozen=True)
class FeatureMatrix(RowsById):
    """A matrix of features and the ids of its rows.

    Attributes
    ----------
    rows : Rows
        The features, a row for each id, in the order given.
    n_features : int
    """

    rows: Rows
    n_features: int

    @classmethod
    def read(cls, given: tuple[Any, ...], kind: str) -> FeatureMatrix:
        """The features in a pair of ids and a matrix, of numpy or of scipy.

        Raises
        ------
        DataError
            If it is no such pair, has an id twice, or holds something that is not a finite number.
        """
        if len(given) != 2:
            raise DataError(f"{kind} features are {len(given)} things; expected a frame, or (ids, matrix)")
        ids, matrix = given
        index, positions = index_of(ids, kind)
        rows, shape = _from_scipy(matrix) if hasattr(matrix, "tocsr") else _from_numpy(matrix, kind)
        if len(shape) != 2 or shape[0] != len(positions) or shape[1] < 1:
            raise DataError(
                f"{kind} features have {len(positions):,} ids and a matrix of shape {shape}; "
                "expected a row for each id"
            )
        if not np.isfinite(rows.values).all():
            raise DataError(f"{kind} features hold a NaN or an infinity; expected finite numbers")
        return cls(index, positions, rows, shape[1])

    def encode(self, ids: IdIndex, kind: str) -> tuple[NDArray[np.int64], FeatureColumns, Rows]:
        """The positions of the ids that have a row, the columns, and the features of these ids."""
        known, places = self.places_of(ids, kind)
        columns = FeatureColumns([MatrixColumn(MATRIX, self.n_features)])
        return known, columns, self.rows.pick(places)


# The name by which `fold_in` takes the features of a newcomer.
MATRIX = "features"


def _from_scipy(matrix: Any) -> tuple[Rows, tuple[int, ...]]:
    compressed = matrix.tocsr().copy()
    compressed.sum_duplicates()
    rows = Rows(
        compressed.indptr.astype(np.int64),
        compressed.indices.astype(np.int32),
        compressed.data.astype(np.float32),
    )
    return rows, compressed.shape


def _from_numpy(matrix: Any, kind: str) -> tuple[Rows, tuple[int, ...]]:
    try:
        dense = np.asarray(matrix, dtype=np.float32)
    except (TypeError, ValueError):
        given = type(matrix).__name__
        raise DataError(f"{kind} features hold a {given}; expected a matrix of numbers") from None
    if dense.ndim != 2:
        return Rows.empty(0), dense.shape
    places, columns = np.nonzero(dense)
    indptr = np.searchsorted(places, np.arange(len(dense) + 1)).astype(np.int64)
    return Rows(indptr, columns.astype(np.int32), dense[places, columns]), dense.shape
