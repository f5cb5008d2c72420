"""The row problem of people, with the items as they are: it folds people in, and takes their scores apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.row_problem import TO_THE_LAST_DIGIT, Floats, Side, Terms, solve_rows, with_ones


@dataclass(frozen=True)
class PeopleProblem:
    """What a row problem needs besides a person's ratings.

    Attributes
    ----------
    items : Side
        With biases, people have biases too.
    terms : Terms
    observe : callable
        From ratings to the values of the row problem.
    ridge : callable
        From these to the regularisation of each row.
    prior : ndarray of float64, or None
        What all items add to every row; see `Terms.prior`.
    """

    items: Side
    terms: Terms
    observe: Callable[[Rows], Rows]
    ridge: Callable[[Rows], Floats]
    prior: NDArray[np.float64] | None

    def solve(self, rated: Rows, n_threads: int) -> Side:
        """People by their ratings alone, a row each, in one call of the kernel."""
        observed = self.observe(rated)
        n_people = observed.n_rows
        side = Side.empty(n_people, self.items.factors.shape[1], biases=self.items.biases is not None)
        solve_rows(
            observed,
            self.items,
            side,
            ridge=self.ridge(observed),
            terms=self.terms,
            n_threads=min(n_threads, n_people),
            solver=TO_THE_LAST_DIGIT,
            prior=self.prior,
        )
        return side

    def parts(self, rated: Rows, columns: NDArray[Any]) -> NDArray[np.float64]:
        """What each rating of the one row ``rated`` adds to anybody's score of each item.

        A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of
        item j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008,
        section 5). With biases, y stands for (y, 1), and the person's own bias is part of the sum.

        Parameters
        ----------
        columns : ndarray of int, shape (n_items,)

        Returns
        -------
        ndarray of float64, shape (n_items, n_rated)
        """
        if len(rated.columns) == 0:
            return np.zeros((len(columns), 0))
        observed = self.observe(rated)
        factors = self._bordered(rated.columns)
        biases = None if self.items.biases is None else self.items.biases[rated.columns]
        weights, targets = self.terms.weigh(observed.values, biases)
        precision = (factors.T * weights) @ factors
        if self.prior is not None:
            precision += self.prior
        precision[np.diag_indices_from(precision)] += float(self.ridge(observed)[0])
        responses = np.linalg.lstsq(precision, self._bordered(columns).T, rcond=None)[0]
        parts: NDArray[np.float64] = (factors @ responses).T * targets
        return parts

    def _bordered(self, columns: NDArray[Any]) -> NDArray[np.float64]:
        """Factors of items as the row problem has them: with a 1 at the end where there are biases."""
        factors = self.items.factors[columns]
        return factors.astype(np.float64) if self.items.biases is None else with_ones(factors)
