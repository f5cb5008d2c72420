"""The row problem of people with fixed items: folds people in, and splits their scores into parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.expected_rows import solve_towards
from matinee.solving.linear_systems import solved
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    Side,
    Solver,
    Terms,
    side_of,
    with_ones,
)


@dataclass(frozen=True)
class PeopleProblem:
    """Everything that the row problem of a person needs besides the ratings.

    Attributes
    ----------
    items : Side
        The fixed items. If they have biases, people have biases too.
    terms : Terms
        The weights and targets of the row problem.
    observe : callable
        Turns ratings into the values of the row problem.
    ridge : callable
        Computes the regularisation of each row from these values.
    prior : ndarray of float64, or None
        What all items add to every row; see `Terms.prior`.
    prior_shares : callable
        Computes from the ratings how much of this counts for each row, from 0 to 1.
    """

    items: Side
    terms: Terms
    observe: Callable[[Rows], Rows]
    ridge: Callable[[Rows], Floats]
    prior: NDArray[np.float64] | None
    prior_shares: Callable[[Rows], NDArray[np.float64]]

    def solve(
        self,
        rated: Rows,
        n_threads: int,
        solver: Solver = TO_THE_LAST_DIGIT,
        means: Floats | None = None,
    ) -> Side:
        """The factors and biases of people, solved from their ratings.

        People with the same share of the prior are solved in one call of the kernel.

        Parameters
        ----------
        means : ndarray of float32, shape (n_people, n_factors + 1), optional
            What to expect of people before their ratings, and in place of ratings if there are none. The
            default is 0.
        """
        observed, shares = self.observe(rated), self.prior_shares(rated)
        ridge = self.ridge(observed)
        side = self._empty(observed.n_rows)
        for share in np.unique(shares):
            rows = np.flatnonzero(shares == share)
            if len(rows) == observed.n_rows:
                self._solve(observed, side, ridge, share, n_threads, solver, means)
                break
            part = self._empty(len(rows))
            of_part = None if means is None else means[rows]
            self._solve(observed.pick(rows), part, ridge[rows], share, n_threads, solver, of_part)
            side.put(rows, part)
        if means is not None:
            unrated = np.flatnonzero(rated.counts == 0)
            side.put(unrated, side_of(means[unrated], side))
        return side

    def _empty(self, n_rows: int) -> Side:
        return Side.empty(n_rows, self.items.factors.shape[1], biases=self.items.biases is not None)

    def _solve(
        self,
        observed: Rows,
        side: Side,
        ridge: Floats,
        share: float,
        n_threads: int,
        solver: Solver,
        means: Floats | None,
    ) -> None:
        solve_towards(
            means,
            observed,
            self.items,
            side,
            ridge=ridge,
            terms=self.terms.with_unobserved_share(share),
            n_threads=min(n_threads, observed.n_rows),
            solver=solver,
            prior=None if self.prior is None else share * self.prior,
        )

    def baselines(self, rated: Rows, columns: NDArray[Any], mean: Floats) -> NDArray[np.float64]:
        """What is expected of a person before their ratings, as a part of their score of each item.

        With a prior mean m the score is ``y_jᵀ A⁻¹ (ρ m + Σ c_i t_i y_i)``, of which this is the first term.

        Parameters
        ----------
        mean : ndarray of float32, shape (n_factors + 1,)
            m.
        """
        asked = self._bordered(columns)
        expected = mean[: asked.shape[1]].astype(np.float64)
        if len(rated.columns) == 0:
            return asked @ expected
        baselines: NDArray[np.float64] = (
            float(self.ridge(self.observe(rated))[0]) * expected @ self._responses(rated, columns)
        )
        return baselines

    def parts(self, rated: Rows, columns: NDArray[Any]) -> NDArray[np.float64]:
        """What each rating in ``rated``, which has one row, adds to the person's score of each item.

        A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of
        item j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008,
        section 5). With biases, y stands for (y, 1), and the person's own bias is part of the sum.

        Parameters
        ----------
        columns : ndarray of int, shape (n_items,)
            The positions of the items.

        Returns
        -------
        ndarray of float64, shape (n_items, n_rated)
        """
        if len(rated.columns) == 0:
            return np.zeros((len(columns), 0))
        factors, _, targets = self._weighed(rated)
        parts: NDArray[np.float64] = (factors @ self._responses(rated, columns)).T * targets
        return parts

    def _responses(self, rated: Rows, columns: NDArray[Any]) -> NDArray[np.float64]:
        """The solutions A⁻¹ y_j for the items j; float64, shape (k, n_items)."""
        factors, weights, _ = self._weighed(rated)
        precision = (factors.T * weights) @ factors
        if self.prior is not None:
            precision += float(self.prior_shares(rated)[0]) * self.prior
        precision[np.diag_indices_from(precision)] += float(self.ridge(self.observe(rated))[0])
        return solved(precision, self._bordered(columns).T)

    def _weighed(self, rated: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The factors of the rated items, the weights c and the weighted targets c·t."""
        biases = None if self.items.biases is None else self.items.biases[rated.columns]
        share = float(self.prior_shares(rated)[0])
        observed = self.observe(rated)
        weights, targets = self.terms.with_unobserved_share(share).weigh(observed, biases)
        return self._bordered(rated.columns), weights, targets

    def _bordered(self, columns: NDArray[Any]) -> NDArray[np.float64]:
        """The items' factors in the row problem: with a 1 at the end if there are biases."""
        factors = self.items.factors[columns]
        return factors.astype(np.float64) if self.items.biases is None else with_ones(factors)
