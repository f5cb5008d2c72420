"""A fit that goes on with new ratings, and solves only the rows that they touch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.row_problem import CHOLESKY, Losses, Side, Solver, solve_rows
from matinee.solving.training_loop import Alternation

Chosen = NDArray[np.bool_]


class TouchedAlternation(Alternation):
    """An alternation over some of the rows; what it leaves alone stays as it was.

    It begins with the items, as all users but ``unsolved_users`` have factors that fit them. So it also ends
    with the items: whoever runs it solves the users afterwards, exactly.

    Parameters
    ----------
    by_user, by_item : Rows
        The values of the row problem; of other items than the touched ones ``by_item`` may lack them.
    user_ridge, item_ridge : callable
        Computes the regularisation of rows from their values.
    touched_users, touched_items : ndarray of bool
        The users to solve before every iteration but the first, and the items to solve in each.
    unsolved_users, unsolved_items : ndarray of bool
        Those of them whose factors say little: to be solved exactly in the first iteration.
    more
        The parameters of `Alternation`.
    """

    def __init__(
        self,
        by_user: Rows,
        by_item: Rows,
        *,
        touched_users: Chosen,
        touched_items: Chosen,
        unsolved_users: Chosen,
        unsolved_items: Chosen,
        user_ridge: Any,
        item_ridge: Any,
        n_threads: int,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.by_user, self.by_item = by_user, by_item
        self.touched_users, self.touched_items = touched_users, touched_items
        self.unsolved_users, self.unsolved_items = unsolved_users, unsolved_items
        self.user_ridge, self.item_ridge = user_ridge, item_ridge
        self.n_threads = n_threads

    def solve_users(self, solver: Solver) -> Losses:
        """Solve the touched users; before the first iteration, only those who have no factors yet."""
        chosen = self.touched_users if self.history else self.unsolved_users
        solver = solver if self.history else CHOLESKY
        return self._solve(self.by_user, chosen, self.items, self.users, self.user_ridge, solver)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve the touched items; a solver in steps begins at the solution of those who have none yet."""
        if solver.n_steps and not self.history:
            self._solve(self.by_item, self.unsolved_items, self.users, self.items, self.item_ridge, CHOLESKY)
        return self._solve(self.by_item, self.touched_items, self.users, self.items, self.item_ridge, solver)

    def finish(self) -> None:
        """Do nothing: the users are solved elsewhere."""

    def _solve(
        self, observed: Rows, chosen: Chosen, fixed: Side, solved: Side, ridge: Any, solver: Solver
    ) -> Losses:
        """Solve the chosen rows, in place."""
        if chosen.all():
            return self._solve_all(observed, fixed, solved, ridge, solver)
        rows = np.flatnonzero(chosen)
        if not len(rows):
            return Losses(0.0, 0.0)
        part = solved.pick(rows)
        losses = self._solve_all(observed.pick(rows), fixed, part, ridge, solver)
        solved.put(rows, part)
        return losses

    def _solve_all(self, observed: Rows, fixed: Side, solved: Side, ridge: Any, solver: Solver) -> Losses:
        return solve_rows(
            observed,
            fixed,
            solved,
            ridge=ridge(observed),
            terms=self.terms,
            n_threads=min(self.n_threads, observed.n_rows),
            solver=solver,
        )
