"""The link between the features of rows and their factors, fitted in turn with the factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.blas import blas_threads
from matinee.solving.expected_rows import solve_towards
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    Losses,
    SecondRows,
    Side,
    Solver,
    Terms,
    bordered_rows,
    side_of,
)
from matinee.solving.sparse_products import multiply
from matinee.solving.training_loop import AlternationInMemory

Doubles = NDArray[np.float64]

# Numbers of the dense features that are summed at a time: 32 MiB.
NUMBERS_AT_ONCE = 1 << 22


class Link:
    """The ridge regression of the rated rows of one side on their features, and what it expects of them.

    Minimises ``Σ ρ_i ‖y_i − Bᵀf_i‖² + κ ‖B‖²`` for rows y_i with the ridges ρ_i. The last feature is 1 in
    every row; its weights, the intercept, are not penalised.

    Parameters
    ----------
    features : Rows
        f: the features of all rows of the side, rated or not.
    ridge : ndarray of float32, shape (n_rows,)
        ρ.
    rated : ndarray of int64
        The positions of the rows with ratings, ascending.
    n_features, n_columns : int
        The numbers of features, and of factors and bias.
    shrinkage : float
        κ, as a multiple of the mean ρ of the rated rows.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_features, n_columns)
        B.
    means : ndarray of float32, shape (n_rows, n_columns)
        Bᵀf of every row.
    """

    def __init__(
        self,
        features: Rows,
        ridge: Floats,
        rated: NDArray[np.int64],
        *,
        n_features: int,
        n_columns: int,
        shrinkage: float,
        n_threads: int,
    ) -> None:
        self.features, self.rated, self.n_threads = features, rated, n_threads
        self.ridge = ridge[rated]
        of_rated = features.pick(rated)
        self._by_feature = of_rated.transposed(n_features)
        self.weights = np.zeros((n_features, n_columns), dtype=np.float32)
        self.means = np.zeros((features.n_rows, n_columns), dtype=np.float32)
        self._penalties = np.full(n_features, shrinkage * float(self.ridge.mean(dtype=np.float64)))
        self._penalties[-1] = 0.0
        # With one thread, as more would add in another order.
        with blas_threads(1):
            self._system = weighted_gram(of_rated, n_features, self.ridge) + np.diag(self._penalties)
            self._inverse = np.linalg.inv(self._system)

    def learn(self, rows: Floats) -> None:
        """Fit B to the rated rows; float32, shape (n_rated, n_columns)."""
        right_side = multiply(self._by_feature, self.ridge[:, None] * rows, self.n_threads).astype(np.float64)
        weights = self._inverse @ right_side
        # One step of refinement, for features that are nearly sums of others.
        weights += self._inverse @ (right_side - self._system @ weights)
        self.take(weights.astype(np.float32))

    def take(self, weights: Floats) -> None:
        """Set B."""
        self.weights = weights
        self.means = multiply(self.features, weights, self.n_threads)

    def penalty(self, rows: Floats) -> float:
        """The sum ``Σ ρ_i ‖y_i − Bᵀf_i‖² + κ ‖B‖²`` over the rated rows."""
        away = np.square(rows - self.means[self.rated], dtype=np.float64).sum(axis=1)
        of_weights = np.square(self.weights, dtype=np.float64).sum(axis=1)
        return float(self.ridge @ away + self._penalties @ of_weights)


def weighted_gram(features: Rows, n_features: int, weights: Floats) -> Doubles:
    """The matrix FᵀDF of sparse rows F, with the weights of the rows in the diagonal of D; in float64."""
    found = np.zeros((n_features, n_features))
    step = max(1, NUMBERS_AT_ONCE // n_features)
    for first in range(0, features.n_rows, step):
        rows = np.arange(first, min(first + step, features.n_rows))
        part = features.pick(rows)
        dense = np.zeros((len(rows), n_features))
        dense[np.repeat(np.arange(len(rows)), part.counts), part.columns] = part.values
        found += (dense.T * weights[rows].astype(np.float64)) @ dense
    return found


class LinkedSide:
    """One side of a linked alternation: its ratings, its rows and, if it has features, its link.

    Parameters
    ----------
    observed : Rows
        The values of the row problem, a row for each row of the side.
    side : Side
    ridge : ndarray of float32, shape (n_rows,)
    link : Link or None
    """

    def __init__(self, observed: Rows, side: Side, ridge: Floats, link: Link | None) -> None:
        self.observed, self.side, self.ridge, self.link = observed, side, ridge, link
        self._unrated = np.flatnonzero(observed.counts == 0)
        if link is not None and len(self._unrated):
            self.observed, self.ridge = observed.pick(link.rated), link.ridge

    @property
    def counted(self) -> Side:
        """The rows that other rows are learned from."""
        if self.link is None or not len(self._unrated):
            return self.side
        return self.side.pick(self.link.rated)

    def solve(
        self,
        across: LinkedSide,
        terms: Terms,
        solver: Solver,
        n_threads: int,
        second: SecondRows | None = None,
    ) -> Losses:
        """Solve the rows that have ratings; the penalty is then of no use if there is a link."""
        part = self.counted
        losses = solve_towards(
            None if self.link is None else self.link.means[self.link.rated],
            self.observed,
            across.side,
            part,
            ridge=self.ridge,
            terms=terms,
            n_threads=n_threads,
            solver=solver,
            prior=terms.prior(across.counted, n_threads),
            second=second,
        )
        if self.link is not None and part is not self.side:
            self.side.put(self.link.rated, part)
        return losses

    def learn(self) -> float:
        """Fit the link to the rows, and put what it expects where there are no ratings.

        Returns
        -------
        float
            The penalty of the side.
        """
        assert self.link is not None
        rows = bordered_rows(self.counted)
        self.link.learn(rows)
        if len(self._unrated):
            self.side.put(self._unrated, side_of(self.link.means[self._unrated], self.side))
        return self.link.penalty(rows)


class LinkedAlternation(AlternationInMemory):
    """An alternation whose users or items, or both, are drawn towards what their features say.

    A row is penalised by ``ρ ‖y − Bᵀf‖²`` in place of ``ρ ‖y‖²``. After its half-step, a side's link B is
    fitted to it, which minimises the same objective. A row without ratings is ``Bᵀf``, and is left out of
    everything that other rows are learned from.

    Parameters
    ----------
    user_link, item_link : Link or None
    more
        The parameters of `AlternationInMemory`.
    """

    def __init__(self, *rows: Rows, user_link: Link | None, item_link: Link | None, **more: Any) -> None:
        super().__init__(*rows, **more)
        self.of_users = LinkedSide(self.by_user, self.users, self.user_ridge, user_link)
        self.of_items = LinkedSide(self.by_item, self.items, self.item_ridge, item_link)

    def learn_links(self) -> None:
        """Fit the links to the factors that the alternation starts from."""
        for each in (self.of_users, self.of_items):
            if each.link is not None:
                each.learn()

    def solve_users(self, solver: Solver) -> Losses:
        """Solve all users against the items, and fit their link."""
        return self._solve_and_learn(self.of_users, self.of_items, solver, self.beside_items)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve all items against the users, and fit their link."""
        return self._solve_and_learn(self.of_items, self.of_users, solver, self.beside_users)

    def finish(self) -> None:
        """Do the last half-step; the link stays, as people will be folded in with it."""
        self.of_users.solve(self.of_items, self.terms, TO_THE_LAST_DIGIT, self.n_threads, self.beside_items)

    def _solve_and_learn(
        self, solved: LinkedSide, fixed: LinkedSide, solver: Solver, second: SecondRows | None
    ) -> Losses:
        losses = solved.solve(fixed, self.terms, solver, self.n_threads, second)
        return losses if solved.link is None else Losses(losses.squared_error, solved.learn())

    def remember(self) -> Any:
        """What an iteration changes, for `go_back`; with the weights of the links."""
        return *super().remember(), *(link.weights for link, _ in self._links)

    def go_back(self, remembered: Any) -> None:
        """Undo what has changed since `remember`."""
        super().go_back(remembered[:2])
        for (link, _), weights in zip(self._links, remembered[2:], strict=True):
            link.take(weights)

    def follow_scale(self, scale: float) -> None:
        """Scale the links with their sides."""
        super().follow_scale(scale)
        for link, side in self._links:
            link.take(link.weights * np.float32(scale if side is self.items else 1 / scale))

    @property
    def _links(self) -> list[tuple[Link, Side]]:
        return [(each.link, each.side) for each in (self.of_users, self.of_items) if each.link is not None]
