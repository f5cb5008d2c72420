"""The training loop of all models: it solves all users, then all items and contexts, and so on."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from matinee.errors import DataError
from matinee.progress import progress_bar
from matinee.ratings import Ratings, Rows
from matinee.solving.blas import blas_threads
from matinee.solving.contexts import NumberedContexts, SolvedContexts, numbered
from matinee.solving.history import Callback, Iteration, has_flattened
from matinee.solving.row_problem import (
    CHOLESKY,
    TO_THE_LAST_DIGIT,
    Floats,
    Losses,
    SecondRows,
    Side,
    Solver,
    Terms,
    solve_rows,
)

# Computes the figures that a model records after an iteration, from the fit and its squared error.
Measure = Callable[[Any, float], dict[str, float | None]]


class Alternation(ABC):
    """A running fit: its sides, and everything that stays the same from half-step to half-step.

    Parameters
    ----------
    users, items : Side
        The starting factors and biases; the fit writes its results into them.
    terms : Terms
        The weights and targets of the row problem.
    solver : Solver
        The solver of every half-step but the last, which is exact.
    momentum : float
        The share of the items' last step that is repeated before the next one, from 0 to 1. It works only
        without biases.
    balanced : bool
        Whether to scale both sides to about the same penalty after each iteration. It works only without
        biases, and momentum does it anyway.
    """

    # The third side of a fit in contexts; only in memory.
    contexts: SolvedContexts | None = None

    def __init__(
        self,
        *,
        users: Side,
        items: Side,
        terms: Terms,
        solver: Solver = CHOLESKY,
        momentum: float = 0.0,
        balanced: bool = False,
    ) -> None:
        self.users, self.items = users, items
        self.terms = terms
        self.solver = solver
        self.momentum = momentum
        self.balanced = balanced
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

    def solve_contexts(self) -> Losses | None:
        """Solve all contexts against the users and the items; None if ratings have none."""
        return None

    def remember(self) -> Any:
        """What an iteration changes, for `go_back`."""
        return self.items.factors.copy(), self.users.factors.copy()

    def go_back(self, remembered: Any) -> None:
        """Undo what has changed since `remember`."""
        self.items.factors[:], self.users.factors[:] = remembered

    def follow_scale(self, scale: float) -> None:
        """Follow the items, which have been multiplied by this, and the users, which have been divided."""
        if self._previous_items is not None:
            self._previous_items *= np.float32(scale)

    def run(
        self,
        n_iterations: int,
        *,
        measure: Measure,
        tolerance: float | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> list[Iteration]:
        """Alternate until the curve flattens, the callback ends the fit, or n_iterations are done."""
        history = self.history = []
        # numpy does little work in BLAS between the half-steps, and the threads of BLAS would slow ours down.
        with (
            blas_threads(1),
            progress_bar("fit", n_iterations, shown=progress) as bar,
        ):
            for iteration in range(1, n_iterations + 1):
                history.append(self._iterate(iteration, measure))
                bar.update(iteration, note=history[-1].summary)
                stop = callback is not None and callback(history[-1])
                if stop or self.has_flattened(tolerance):
                    break
        self.finish()
        return history

    def has_flattened(self, tolerance: float | None) -> bool:
        """Whether further iterations would change little."""
        return has_flattened(self.history, tolerance)

    def finish(self) -> None:
        """Do the last half-step: solve the users exactly against the items."""
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
        """Do all half-steps; with momentum, the items first repeat a share of their last step.

        If the objective rises with momentum, the half-steps are repeated without it.

        Returns
        -------
        Losses
            The losses of the last half-step.
        """
        if not self.momentum:
            losses = self._all_sides()
            if self.balanced:
                self._balance_without_rounding()
            return losses
        remembered, before = self.remember(), self._objective
        factors, here = self.items.factors, remembered[0]
        if self._previous_items is not None:
            factors += np.float32(self.momentum) * (here - self._previous_items)
        losses = self._all_sides()
        # The first step starts from random factors, so its direction means nothing.
        self._previous_items = here if np.isfinite(before) else None
        if self._objective > before:
            self.go_back(remembered)
            self._previous_items = None
            losses = self._all_sides()
        self._balance()
        return losses

    def _all_sides(self) -> Losses:
        users = self.solve_users(self.solver)
        items = self.solve_items(self.solver)
        self._penalties = users.penalty, items.penalty
        self._objective = items.squared_error + items.penalty + users.penalty
        contexts = self.solve_contexts()
        if contexts is None:
            return items
        self._objective = contexts.squared_error + contexts.penalty + items.penalty + users.penalty
        return contexts

    def _balance(self) -> None:
        """Scale both sides to the same penalty, which minimises the sum; their products stay the same."""
        of_users, of_items = self._penalties
        if not (of_users > 0 and of_items > 0):
            return
        scale = np.float32((of_users / of_items) ** 0.25)
        np.multiply(self.items.factors, scale, out=self.items.factors)
        np.divide(self.users.factors, scale, out=self.users.factors)
        self.follow_scale(float(scale))
        self._objective -= (np.sqrt(of_users) - np.sqrt(of_items)) ** 2

    def _balance_without_rounding(self) -> None:
        """Scale both sides to about the same penalty by a power of two, which changes no digit of theirs."""
        of_users, of_items = self._penalties
        if not (of_users > 0 and of_items > 0):
            return
        doublings = int(np.round(np.log2(of_users / of_items) / 4))
        np.ldexp(self.items.factors, doublings, out=self.items.factors)
        np.ldexp(self.users.factors, -doublings, out=self.users.factors)
        self.follow_scale(2.0**doublings)
        share = 4.0**doublings
        self._objective += of_users / share - of_users + of_items * share - of_items


class AlternationInMemory(Alternation):
    """An alternation over ratings in the memory of this process.

    Parameters
    ----------
    by_user, by_item : Rows
        The ratings, one row for each user and one for each item.
    user_ridge, item_ridge : ndarray of float32
        The regularisation of each user and each item.
    n_threads : int
    contexts : SolvedContexts or None
        The contexts of the ratings, if they have any.
    more
        The parameters of `Alternation`.
    """

    def __init__(
        self,
        by_user: Rows,
        by_item: Rows,
        *,
        user_ridge: Floats,
        item_ridge: Floats,
        n_threads: int,
        contexts: SolvedContexts | None = None,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.by_user, self.by_item = by_user, by_item
        self.user_ridge, self.item_ridge = user_ridge, item_ridge
        self.n_threads, self.contexts = n_threads, contexts

    @property
    def beside_items(self) -> SecondRows | None:
        """The contexts of the ratings by user."""
        return None if self.contexts is None else self.contexts.beside_items

    @property
    def beside_users(self) -> SecondRows | None:
        """The contexts of the ratings by item."""
        return None if self.contexts is None else self.contexts.beside_users

    def solve_users(self, solver: Solver) -> Losses:
        """Solve all users against the items."""
        return self._solve(self.by_user, self.items, self.users, self.user_ridge, solver, self.beside_items)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve all items against the users."""
        return self._solve(self.by_item, self.users, self.items, self.item_ridge, solver, self.beside_users)

    def solve_contexts(self) -> Losses | None:
        """Solve all contexts against the users and the items; None if ratings have none."""
        contexts = self.contexts
        return None if contexts is None else contexts.solve(self.users, self.items, self.terms)

    def _solve(
        self,
        observed: Rows,
        fixed: Side,
        solved: Side,
        ridge: Floats,
        solver: Solver,
        second: SecondRows | None,
    ) -> Losses:
        return solve_rows(
            observed,
            fixed,
            solved,
            ridge=ridge,
            terms=self.terms,
            n_threads=self.n_threads,
            solver=solver,
            second=second,
        )


def take_start(start: tuple[Any, Any], users: Side, items: Side) -> None:
    """Copy a caller's starting factors into both sides.

    Raises
    ------
    DataError
        If they have the wrong shape or are not finite.
    """
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise DataError(
            f"start={type(start).__name__}; expected a fitted model, or (user_factors, item_factors)"
        )
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
    """Fill a side with normal draws; the average length of a row is ``scale``, whatever the rank."""
    factors = side.factors
    generator.standard_normal(dtype=np.float32, out=factors)
    factors *= np.float32(scale / np.sqrt(factors.shape[1]))


class HeldOut:
    """Held-out ratings, with the positions that their users and items have in the training ratings.

    Attributes
    ----------
    rows, columns : ndarray of int32, shape (n_ratings,)
        The positions of the user and the item of each rating; −1 if the training ratings do not have it.
    values : ndarray of float32, shape (n_ratings,)
        The held-out ratings.
    contexts : ndarray of int64, shape (n_ratings,)
        The codes of their contexts among those of the training ratings.
    """

    def __init__(self, train: Ratings, held_out: Ratings) -> None:
        users = train.user_index.positions(held_out.users)
        items = train.item_index.positions(held_out.items)
        self.rows = users[held_out.user_positions].astype(np.int32)
        self.columns = items[held_out.by_user.columns].astype(np.int32)
        self.values = held_out.values
        self.contexts = np.zeros(len(held_out), dtype=np.int64)
        if train.contexts is not None and held_out.contexts is not None:
            self.contexts = train.contexts.recoded(held_out.context_codes, held_out.contexts)

    @cached_property
    def numbered_contexts(self) -> NumberedContexts:
        """The different ones of these contexts, and which of them each rating has."""
        return numbered(self.contexts, len(self.values))
