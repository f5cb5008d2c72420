"""A fit that goes on with new ratings, and solves only the rows that they touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.contexts import ContextValues
from matinee.solving.expected_rows import solve_towards
from matinee.solving.row_problem import (
    CHOLESKY,
    Floats,
    Losses,
    Side,
    Solver,
    Terms,
)
from matinee.solving.training_loop import Alternation

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TouchedSide:
    """The users or the items of a fit that goes on.

    Attributes
    ----------
    observed : Rows
        The values of the row problem; rows that are not touched may lack theirs.
    side : Side
        Solved in place.
    ridge : callable
        Computes the regularisation of rows from their values.
    touched : ndarray of bool
        The rows to solve.
    unsolved : ndarray of bool
        Those of them whose factors say little: to be solved exactly before they are used.
    means : ndarray of float32, shape (n_rows, n_factors + 1), or None
        What features make one expect of the rows, by a link that is not learned again.
    counted : ndarray of int64 or None
        The positions of the rows that the other side is learned from; None if all are.
    contexts : ContextValues or None
        The contexts that ratings are in, which stay as they are; None if there are none.
    """

    observed: Rows
    side: Side
    ridge: Callable[[Rows], Floats]
    touched: Chosen
    unsolved: Chosen
    means: Floats | None = None
    counted: NDArray[np.int64] | None = None
    contexts: ContextValues | None = None

    def solve(
        self, chosen: Chosen, across: TouchedSide, terms: Terms, solver: Solver, threads: int
    ) -> Losses:
        """Solve the chosen rows against the other side, in place."""
        if chosen.all():
            return self._solve(self.observed, self.side, self.means, across, terms, solver, threads)
        rows = np.flatnonzero(chosen)
        if not len(rows):
            return Losses(0.0, 0.0)
        part, means = self.side.pick(rows), None if self.means is None else self.means[rows]
        losses = self._solve(self.observed.pick(rows), part, means, across, terms, solver, threads)
        self.side.put(rows, part)
        return losses

    def _solve(
        self,
        observed: Rows,
        solved: Side,
        means: Floats | None,
        across: TouchedSide,
        terms: Terms,
        solver: Solver,
        threads: int,
    ) -> Losses:
        threads = min(threads, observed.n_rows)
        return solve_towards(
            means,
            observed,
            across.side,
            solved,
            ridge=self.ridge(observed),
            terms=terms,
            n_threads=threads,
            solver=solver,
            prior=across.prior(terms, threads),
            second=None if self.contexts is None else self.contexts.beside(observed),
        )

    def prior(self, terms: Terms, threads: int) -> NDArray[np.float64] | None:
        """What all rows that count add to every row of the other side."""
        counted = self.side if self.counted is None else self.side.pick(self.counted)
        return terms.prior(counted, threads)


class TouchedAlternation(Alternation):
    """An alternation over some of the rows; what it leaves alone stays as it was.

    It begins with the items, as all users but the unsolved ones have factors that fit them. So it also ends
    with the items: whoever runs it solves the users afterwards, exactly.

    Parameters
    ----------
    users, items : TouchedSide
        The users to solve before every iteration but the first, and the items to solve in each.
    more
        The parameters of `Alternation`.
    """

    def __init__(self, users: TouchedSide, items: TouchedSide, *, n_threads: int, **more: Any) -> None:
        super().__init__(users=users.side, items=items.side, **more)
        self.of_users, self.of_items, self.n_threads = users, items, n_threads

    def solve_users(self, solver: Solver) -> Losses:
        """Solve the touched users; before the first iteration, only those who have no factors yet."""
        users = self.of_users
        chosen = users.touched if self.history else users.unsolved
        solver = solver if self.history else CHOLESKY
        return users.solve(chosen, self.of_items, self.terms, solver, self.n_threads)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve the touched items; a solver in steps begins at the solution of those who have none yet."""
        items = self.of_items
        if solver.n_steps and not self.history:
            items.solve(items.unsolved, self.of_users, self.terms, CHOLESKY, self.n_threads)
        return items.solve(items.touched, self.of_users, self.terms, solver, self.n_threads)

    def finish(self) -> None:
        """Do nothing: the users are solved elsewhere."""
