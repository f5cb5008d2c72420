"""The fit that all models fitted by alternation share, and what each of them must provide for it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from matinee.models.memory import named_if_too_large
from matinee.models.parameters import thread_count
from matinee.models.solved_model import SolvedModel
from matinee.ratings import Ratings, Rows
from matinee.solving.history import Callback
from matinee.solving.row_problem import CHOLESKY, LEAST_RIDGE, Floats, Side, Solver, Terms
from matinee.solving.training_loop import AlternationInMemory, Measure, take_start


class AlternatingModel(SolvedModel):
    """A model fitted by solving for its users and its items in turn."""

    n_factors: int
    regularization: float
    n_iterations: int
    tolerance: float | None = None
    momentum: float = 0.0
    random_state: int | np.random.Generator | None
    # The average length of a row of starting factors.
    starting_length: ClassVar[float] = 1.0

    @named_if_too_large
    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        start: tuple[Any, Any] | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Learn the factors.

        Parameters
        ----------
        train : Ratings
        validation : Ratings, optional
            Ratings held out: the model does not learn from them. After each iteration the fit records the
            error on them, or NDCG at 10 if the model predicts no ratings.
        start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
            Starting factors, with rows in the order of ``train.users`` and ``train.items``. The users are
            solved first, so their starting factors matter only to an iterative solver.
        progress : bool
            Show a progress bar on a terminal if the fit takes over a second.
        callback : callable, optional
            Called with every `Iteration`; if it returns something true, the fit ends there.

        Raises
        ------
        DataError
            If a parameter is out of its range, or the starting factors have the wrong shape.
        KeyboardInterrupt
            On Ctrl-C, within a second; the model is then as it was before the fit.
        """
        self.check_fit(train, validation)
        alternation = self.alternation(train, start)
        history = alternation.run(
            self.n_iterations,
            measure=self._measure(train, validation),
            tolerance=self.tolerance,
            progress=progress,
            callback=callback,
        )
        self.keep_fit(train, alternation.users, alternation.items, alternation.terms.offset, history)
        return self

    def alternation(self, train: Ratings, start: tuple[Any, Any] | None) -> AlternationInMemory:
        """A fit to these ratings, ready to run."""
        users, items = self.empty_side(train.n_users), self.empty_side(train.n_items)
        if start is None:
            self.draw_start(users, items)
        else:
            take_start(start, users, items)
        by_user, by_item = self.observed_sides(train)
        mean = float(train.values.mean(dtype=np.float64))
        return AlternationInMemory(
            by_user,
            by_item,
            users=users,
            items=items,
            user_ridge=self.ridge(by_user, train.n_items),
            item_ridge=self.ridge(by_item, train.n_users),
            terms=self.terms_of(mean, by_user.values.min(), by_user.values.max()),
            n_threads=thread_count(self.n_threads),
            solver=self.half_step_solver,
            momentum=self.momentum,
            balanced=self.is_balanced,
        )

    def observed_sides(self, train: Ratings) -> tuple[Rows, Rows]:
        """The ratings of a fit as the row problem takes them, by user and by item."""
        return self.observed(train.by_user), self.observed(train.by_item)

    @property
    def observes_whole_users(self) -> bool:
        """Whether a value of the row problem depends on the other ratings of its user."""
        return False

    def take_scale(self, mean: float, low: float, high: float) -> None:
        """Take over the mean and the range of ratings that are fitted elsewhere."""

    def empty_side(self, n_rows: int) -> Side:
        """The factors and biases of ``n_rows`` users or items, all zero."""
        return Side.empty(n_rows, self.n_factors, biases=self.has_biases)

    @property
    def half_step_solver(self) -> Solver:
        """The solver of every half-step but the last."""
        return CHOLESKY

    @property
    def is_balanced(self) -> bool:
        """Whether a fit scales both sides to about the same penalty after each iteration.

        A penalty brings the sides to the same size by itself, but one below the least that a row can have
        takes thousands of iterations to, and weighs on the larger side's rows as if it were much larger.
        """
        return self.regularization < LEAST_RIDGE and not self.has_biases

    @abstractmethod
    def draw_start(self, users: Side, items: Side) -> None:
        """Draw the starting factors that the fit needs, in place."""

    @abstractmethod
    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        """The regularisation of each row; ``n_columns`` is the most ratings that a row can have."""

    @abstractmethod
    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        """The terms of a fit to ratings with this mean, whose observed values lie between low and high."""

    @abstractmethod
    def _measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        """The function that computes the figures to record after an iteration."""

    def user_ridge(self, observed: Rows) -> Floats:
        return self.ridge(observed, len(self.item_index_))
