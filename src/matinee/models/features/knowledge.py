"""What a fit has learned of one side from features: what it expects of a row before its ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import ModelFileError
from matinee.models.features.feature_regression import beside
from matinee.models.features.features import FeatureColumns
from matinee.models.features.side_knowledge import average_of, check_features, with_averages
from matinee.models.saved_arrays import arrays_of_rows, saved_array, saved_rows
from matinee.ratings import Rows
from matinee.solving.row_problem import Floats
from matinee.solving.sparse_products import multiply


@dataclass(frozen=True, eq=False)
class Knowledge:
    """The features of the rows of one side, and the link from features to factors.

    Attributes
    ----------
    columns : FeatureColumns
        Turns what is known about a row into features.
    features : Rows
        The features of all rows, with a 1 as the last.
    weights : ndarray of float32, shape (n_features + 1, n_factors + 1)
        B: what each feature adds to the factors and the bias that are expected.
    """

    columns: FeatureColumns
    features: Rows
    weights: Floats

    @cached_property
    def average(self) -> Floats:
        """The features of a row about which nothing is known: their means, and the 1."""
        return average_of(self.features, len(self.weights))

    def encode(self, features: Mapping[str, Any]) -> Rows:
        """The features of one newcomer; a column that is not given has its means.

        Raises
        ------
        DataError
            If the fit had no column of that name, or a value has the wrong type.
        """
        found = self.columns.encode_one(features)
        whole = self.average.copy()
        for name in features:
            whole[self.columns.places_of(name)] = 0
        whole[found.columns] = found.values
        places = np.flatnonzero(whole)
        return Rows(np.array([0, len(places)], np.int64), places.astype(np.int32), whole[places])

    def means(self, known: Rows | None, n_rows: int, n_threads: int) -> Floats:
        """The rows that features make one expect; float32, shape (n_rows, n_factors + 1).

        Parameters
        ----------
        known : Rows or None
            The features of the rows, with the 1; None if nothing is known of any.
        """
        if known is not None:
            return multiply(known, self.weights, n_threads)
        return np.repeat((self.average @ self.weights)[None, :], n_rows, axis=0)

    def grown(self, places: NDArray[np.int64], n_rows: int) -> Knowledge:
        """The same with more rows, of which nothing is known.

        Parameters
        ----------
        places : ndarray of int64
            Where each of the present rows goes, ascending.
        n_rows : int
            The number of rows of the result.
        """
        return replace(self, features=with_averages(self.features, places, n_rows, len(self.weights)))

    def arrays(self, kind: str) -> dict[str, Any]:
        """The arrays of a model file."""
        return {**arrays_of_rows(self.features, f"{kind}_features"), f"{kind}_link": self.weights}

    @classmethod
    def saved(cls, columns: Any, arrays: dict[str, Any], kind: str, n_rows: int, n_factors: int) -> Knowledge:
        """The knowledge in the header and the arrays of a model file.

        Raises
        ------
        ModelFileError
            If the arrays do not fit together.
        """
        found = FeatureColumns.from_list(columns)
        features = saved_rows(arrays, f"{kind}_features")
        check_features(features, n_rows, found.n_features + 1)
        weights = saved_array(arrays, f"{kind}_link", np.float32, 2)
        if weights.shape != (found.n_features + 1, n_factors + 1):
            raise ModelFileError("the link of its features does not fit its factors")
        return cls(found, features, weights)


def with_ones(features: Rows, n_features: int) -> Rows:
    """The features, with another one that is 1 in every row."""
    n = features.n_rows
    ones = Rows(np.arange(n + 1, dtype=np.int64), np.zeros(n, np.int32), np.ones(n, np.float32))
    return beside([(features, n_features), (ones, 1)])[0]
