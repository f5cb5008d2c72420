"""The row problem of people with fixed items: folds people in, and splits their scores into parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.linear_systems import solved
from matinee.solving.row_problem import TO_THE_LAST_DIGIT, Floats, Side, Solver, Terms, solve_rows, with_ones


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

    def solve(self, rated: Rows, n_threads: int, solver: Solver = TO_THE_LAST_DIGIT) -> Side:
        """The factors and biases of people, solved from their ratings alone.

        People with the same share of the prior are solved in one call of the kernel.
        """
        observed, shares = self.observe(rated), self.prior_shares(rated)
        ridge = self.ridge(observed)
        side = self._empty(observed.n_rows)
        for share in np.unique(shares):
            rows = np.flatnonzero(shares == share)
            if len(rows) == observed.n_rows:
                self._solve(observed, side, ridge, share, n_threads, solver)
                return side
            part = self._empty(len(rows))
            self._solve(observed.pick(rows), part, ridge[rows], share, n_threads, solver)
            side.put(rows, part)
        return side

    def _empty(self, n_rows: int) -> Side:
        return Side.empty(n_rows, self.items.factors.shape[1], biases=self.items.biases is not None)

    def _solve(
        self, observed: Rows, side: Side, ridge: Floats, share: float, n_threads: int, solver: Solver
    ) -> None:
        solve_rows(
            observed,
            self.items,
            side,
            ridge=ridge,
            terms=self.terms.with_unobserved_share(share),
            n_threads=min(n_threads, observed.n_rows),
            solver=solver,
            prior=None if self.prior is None else share * self.prior,
        )

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
        observed = self.observe(rated)
        factors = self._bordered(rated.columns)
        biases = None if self.items.biases is None else self.items.biases[rated.columns]
        share = float(self.prior_shares(rated)[0])
        weights, targets = self.terms.with_unobserved_share(share).weigh(observed.values, biases)
        precision = (factors.T * weights) @ factors
        if self.prior is not None:
            precision += share * self.prior
        precision[np.diag_indices_from(precision)] += float(self.ridge(observed)[0])
        responses = solved(precision, self._bordered(columns).T)
        parts: NDArray[np.float64] = (factors @ responses).T * targets
        return parts

    def _bordered(self, columns: NDArray[Any]) -> NDArray[np.float64]:
        """The items' factors in the row problem: with a 1 at the end if there are biases."""
        factors = self.items.factors[columns]
        return factors.astype(np.float64) if self.items.biases is None else with_ones(factors)
