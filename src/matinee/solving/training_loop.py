"""The one training loop: all users, all items, and again, by whatever row problem the model has."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from matinee.errors import DataError
from matinee.ratings import Ratings, Rows
from matinee.solving.history import Callback, Iteration, has_flattened, iteration_progress
from matinee.solving.row_problem import (
    CHOLESKY,
    TO_THE_LAST_DIGIT,
    Floats,
    Losses,
    Side,
    Solver,
    Terms,
    solve_rows,
)

# What a model notes down after an iteration, from the squared error and the objective.
Measure = Callable[[Any, float], dict[str, float | None]]


class Alternation(ABC):
    """A fit under way: both sides, and what stays the same from half-step to half-step.

    Parameters
    ----------
    users, items : Side
        Where the fit starts, and where its answer is found.
    terms : Terms
    solver : Solver
        Of every half-step but the last, which is exact.
    momentum : float
        How much of the items' last step is taken once more before the next, of 0 to 1. Without biases only.
    """

    def __init__(
        self, *, users: Side, items: Side, terms: Terms, solver: Solver = CHOLESKY, momentum: float = 0.0
    ) -> None:
        self.users, self.items = users, items
        self.terms = terms
        self.solver = solver
        self.momentum = momentum
        self._previous_items: Floats | None = None
        self.history: list[Iteration] = []
        self._objective = np.inf
        self._penalties = (0.0, 0.0)

    @abstractmethod
    def solve_users(self, solver: Solver) -> Losses:
        """Solve all users against the items."""

    @abstractmethod
    def solve_items(self, solver: Solver) -> Losses:
        """Solve all items against the users."""

    def run(
        self,
        n_iterations: int,
        *,
        measure: Measure,
        tolerance: float | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> list[Iteration]:
        """Alternate until the curve flattens, the callback says so, or n_iterations are done."""
        history = self.history = []
        # What numpy asks of a BLAS between the half-steps is small, and its threads would only be in the way.
        with (
            threadpool_limits(limits=1, user_api="blas"),
            iteration_progress(n_iterations, shown=progress) as show,
        ):
            for iteration in range(1, n_iterations + 1):
                history.append(self._iterate(iteration, measure))
                show(history[-1])
                stop = callback is not None and callback(history[-1])
                if stop or self.has_flattened(tolerance):
                    break
        self.finish()
        return history

    def has_flattened(self, tolerance: float | None) -> bool:
        """Whether going on would change little."""
        return has_flattened(self.history, tolerance)

    def finish(self) -> None:
        """The last half-step: the users as the exact answer to the items."""
        self.solve_users(TO_THE_LAST_DIGIT)

    def _iterate(self, iteration: int, measure: Measure) -> Iteration:
        began = time.perf_counter()
        losses = self.improve()
        seconds = time.perf_counter() - began
        return Iteration(
            iteration=iteration,
            objective=self._objective,
            seconds=seconds,
            **measure(self, losses.squared_error),
        )

    def improve(self) -> Losses:
        """Both half-steps; with momentum from where the items are heading, unless the objective rises there.

        Returns
        -------
        Losses
            Of the items' half-step.
        """
        if not self.momentum:
            return self._both_sides()
        factors = self.items.factors
        here, before = factors.copy(), self._objective
        if self._previous_items is not None:
            factors += np.float32(self.momentum) * (here - self._previous_items)
        losses = self._both_sides()
        # The first step, from the start, leads nowhere in particular.
        self._previous_items = here if np.isfinite(before) else None
        if self._objective > before:
            factors[:] = here
            self._previous_items = None
            losses = self._both_sides()
        self._balance()
        return losses

    def _both_sides(self) -> Losses:
        users = self.solve_users(self.solver)
        items = self.solve_items(self.solver)
        self._penalties = users.penalty, items.penalty
        self._objective = items.squared_error + items.penalty + users.penalty
        return items

    def _balance(self) -> None:
        """Scale both sides, whose products stay the same, to the same penalty: the least in sum."""
        of_users, of_items = self._penalties
        if not (of_users > 0 and of_items > 0):
            return
        scale = np.float32((of_users / of_items) ** 0.25)
        np.multiply(self.items.factors, scale, out=self.items.factors)
        np.divide(self.users.factors, scale, out=self.users.factors)
        if self._previous_items is not None:
            self._previous_items *= scale
        self._objective -= (np.sqrt(of_users) - np.sqrt(of_items)) ** 2


class AlternationInMemory(Alternation):
    """An alternation over ratings that this process holds.

    Parameters
    ----------
    by_user, by_item : Rows
    user_ridge, item_ridge : ndarray of float32
    n_threads : int
    more
        As `Alternation` takes it.
    """

    def __init__(
        self,
        by_user: Rows,
        by_item: Rows,
        *,
        user_ridge: Floats,
        item_ridge: Floats,
        n_threads: int,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.by_user, self.by_item = by_user, by_item
        self.user_ridge, self.item_ridge = user_ridge, item_ridge
        self.n_threads = n_threads

    def solve_users(self, solver: Solver) -> Losses:
        """Solve all users against the items."""
        return self._solve(self.by_user, self.items, self.users, self.user_ridge, solver)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve all items against the users."""
        return self._solve(self.by_item, self.users, self.items, self.item_ridge, solver)

    def _solve(self, observed: Rows, fixed: Side, solved: Side, ridge: Floats, solver: Solver) -> Losses:
        return solve_rows(
            observed,
            fixed,
            solved,
            ridge=ridge,
            terms=self.terms,
            n_threads=self.n_threads,
            solver=solver,
        )


def take_start(start: tuple[Any, Any], users: Side, items: Side) -> None:
    """Copy starting factors that a caller gives into both sides.

    Raises
    ------
    DataError
        If they are of another shape or not finite.
    """
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise DataError(f"start={type(start).__name__}; expected (user_factors, item_factors)")
    for side, given, name in zip((users, items), start, ("user", "item"), strict=True):
        try:
            factors = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"starting {name} factors are not numbers") from None
        if factors.shape != side.factors.shape:
            expected = side.factors.shape
            raise DataError(f"starting {name} factors have shape {factors.shape}; expected {expected}")
        side.factors[:] = factors
        if not np.isfinite(side.factors).all():
            raise DataError(f"starting {name} factors hold a NaN or an infinity")


def draw_start(generator: np.random.Generator, side: Side, scale: float = 1.0) -> None:
    """Fill a side with normal draws: rows of length ``scale`` on average, whatever the rank."""
    factors = side.factors
    generator.standard_normal(dtype=np.float32, out=factors)
    factors *= np.float32(scale / np.sqrt(factors.shape[1]))


class HeldOut:
    """Ratings held out, by the positions of their users and items in the training ratings.

    Attributes
    ----------
    rows, columns : ndarray of int32, shape (n_ratings,)
        −1 where the user or the item is not among the training ratings.
    values : ndarray of float32, shape (n_ratings,)
    """

    def __init__(self, train: Ratings, held_out: Ratings) -> None:
        users = train.user_index.positions(held_out.users)
        items = train.item_index.positions(held_out.items)
        self.rows = users[held_out.user_positions].astype(np.int32)
        self.columns = items[held_out.by_user.columns].astype(np.int32)
        self.values = held_out.values
