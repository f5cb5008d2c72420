"""The row problem of people with fixed items: folds people in, and splits their scores into parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import ContextValues
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
    contexts : ContextValues or None
        The contexts that ratings are in; None if the model has learned none.
    """

    items: Side
    terms: Terms
    observe: Callable[[Rows], Rows]
    ridge: Callable[[Rows], Floats]
    prior: NDArray[np.float64] | None
    prior_shares: Callable[[Rows], NDArray[np.float64]]
    contexts: ContextValues | None = None

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
            second=None if self.contexts is None else self.contexts.beside(observed),
        )

    def score_parts(
        self, rated: Rows, columns: NDArray[Any], code: int = 0, mean: Floats | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The parts of a person's scores of items: what they start from, and what each rating adds.

        A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of
        item j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008,
        section 5). With biases, y stands for (y, 1), and the person's own bias is part of the sum. With a
        prior mean m, the sum has the term ``y_jᵀ A⁻¹ ρ m`` as well. With contexts, y + z stands for y.

        Parameters
        ----------
        rated : Rows
            One row.
        columns : ndarray of int, shape (n_items,)
            The positions of the items.
        code : int
            The context of the scores.
        mean : ndarray of float32, shape (n_factors + 1,), optional
            What is expected of the person before their ratings, m. The default is 0.

        Returns
        -------
        ndarray of float64, shape (n_items,) and (n_items, n_rated)
            Without the terms' offset.
        """
        contexts = self._contexts_of(np.full(len(columns), code))
        asked = self._bordered(columns, contexts)
        baselines = np.zeros(len(columns))
        said = self._said(columns, contexts)
        if said is not None:
            baselines += said
        expected = None if mean is None else mean[: asked.shape[1]].astype(np.float64)
        if len(rated.columns) == 0:
            return baselines if expected is None else baselines + asked @ expected, np.zeros(
                (len(columns), 0)
            )
        factors, weights, targets = self._weighed(rated)
        precision = (factors.T * weights) @ factors
        if self.prior is not None:
            precision += float(self.prior_shares(rated)[0]) * self.prior
        ridge = float(self.ridge(self.observe(rated))[0])
        precision[np.diag_indices_from(precision)] += ridge
        responses = solved(precision, asked.T)
        if expected is not None:
            baselines += ridge * expected @ responses
        parts: NDArray[np.float64] = (factors @ responses).T * targets
        return baselines, parts

    def _weighed(self, rated: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The factors of the rated items, the weights c and the weighted targets c·t."""
        contexts = self._contexts_of(rated.contexts, len(rated.columns))
        share = float(self.prior_shares(rated)[0])
        observed, said = self.observe(rated), self._said(rated.columns, contexts)
        weights, targets = self.terms.with_unobserved_share(share).weigh(observed, said)
        return self._bordered(rated.columns, contexts), weights, targets

    def _contexts_of(self, codes: ContextCodes | None, n: int = 0) -> Side | None:
        """The context of each item; None if the model has no contexts."""
        if self.contexts is None:
            return None
        return self.contexts.of(np.zeros(n, dtype=np.int64) if codes is None else codes)

    def _said(self, columns: NDArray[Any], contexts: Side | None) -> NDArray[Any] | None:
        """What items and their contexts say whoever the person is, ``b + b_c + yᵀz``; None if nothing."""
        biases = None if self.items.biases is None else self.items.biases[columns]
        if contexts is None:
            return biases
        said: NDArray[np.float64] = np.einsum(
            "ij,ij->i", self.items.factors[columns], contexts.factors, dtype=np.float64
        )
        for each in (biases, contexts.biases):
            said += 0.0 if each is None else each
        return said

    def _bordered(self, columns: NDArray[Any], contexts: Side | None) -> NDArray[np.float64]:
        """The items' factors in the row problem: with a 1 at the end if there are biases."""
        factors = self.items.factors[columns]
        if contexts is not None:
            factors = factors + contexts.factors
        return factors.astype(np.float64) if self.items.biases is None else with_ones(factors)
