"""Targets graded by the rating, for what somebody has seen (after Steck 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.row_problem import Floats

Doubles = NDArray[np.float64]

# Of the mean of all, that a user's own mean begins with.
PRIOR_RATINGS = 5


@dataclass(frozen=True)
class GradedTargets:
    """The targets ``τ(1 + s α₀/α)`` with ``τ = 1 + 4β (r − r̄_u) / (high − low)``, as in `ImplicitALS`.

    Attributes
    ----------
    grading : float
        β.
    unobserved, confidence : float
        α₀ and α.
    mean : float
        The mean of all ratings.
    low, high : float
        The range of ratings.
    """

    grading: float
    unobserved: float
    confidence: float
    mean: float
    low: float
    high: float

    def of_people(self, rated: Rows, shares: Doubles) -> Rows:
        """The targets of ratings by user, with a share s for each user."""
        means = np.repeat(self._means(_weighted_sums(rated), rated.totals), rated.counts)
        of_ratings = 1.0 if (shares == 1).all() else np.repeat(shares, rated.counts)
        return rated._replace(values=self._targets(rated.values.astype(np.float64), means, of_ratings))

    def of_items(self, by_item: Rows, others: Rows) -> Rows:
        """The targets of ratings by item that no user's mean knows yet.

        Parameters
        ----------
        others : Rows
            A row for each of these ratings: the other ratings of its user.
        """
        values = by_item.values.astype(np.float64)
        weights = 1 if by_item.weights is None else by_item.weights.astype(np.float64)
        means = self._means(_weighted_sums(others) + weights * values, others.totals + weights)
        return by_item._replace(values=self._targets(values, means, 1.0))

    def _means(self, sums: Doubles, weights: NDArray[Any]) -> Doubles:
        means: Doubles = (sums + PRIOR_RATINGS * self.mean) / (weights + PRIOR_RATINGS)
        return means

    def _targets(self, values: Doubles, means: Doubles, shares: Doubles | float) -> Floats:
        """The targets of ratings, whose place they take, as there are many of them."""
        targets = np.subtract(values, means, out=values)
        targets *= self.grading * 4
        targets /= self.high - self.low
        targets += 1
        targets *= 1 + shares * self.unobserved / self.confidence
        return targets.astype(np.float32)


def _weighted_sums(rated: Rows) -> Doubles:
    """The sum of the values of each row, each as often as its weight says."""
    values = rated.values if rated.weights is None else rated.values * rated.weights.astype(np.float64)
    before = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    sums: Doubles = before[rated.indptr[1:]] - before[rated.indptr[:-1]]
    return sums
