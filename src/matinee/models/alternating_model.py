"""What the models fitted by alternation share: a fit, and what it asks of each of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from matinee.models.parameters import thread_count
from matinee.models.solved_model import SolvedModel
from matinee.ratings import Ratings, Rows
from matinee.solving.history import Callback
from matinee.solving.row_problem import CHOLESKY, Floats, Side, Solver, Terms
from matinee.solving.training_loop import AlternationInMemory, Measure, take_start


class AlternatingModel(SolvedModel):
    """A model whose users and items are solved in turn, and what its row problem is made of."""

    n_factors: int
    n_iterations: int
    tolerance: float | None = None
    momentum: float = 0.0
    random_state: int | np.random.Generator | None
    # Of the rows of starting factors, on average.
    starting_length: ClassVar[float] = 1.0

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
            Ratings held out, which teach nothing: the error on them, or NDCG at 10 of a model that predicts
            no ratings, is followed from iteration to iteration.
        start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
            Starting factors, rows as in ``train.users`` and ``train.items``. As the users are solved first,
            theirs matter only to a solver that goes on from them.
        progress : bool
            Show a bar on a terminal, if it takes over a second.
        callback : callable, optional
            Called with every `Iteration`; a true answer ends the fit there.

        Raises
        ------
        DataError
            For a parameter out of its range or starting factors of another shape.
        KeyboardInterrupt
            On Ctrl-C, within a second; the model is then as it was before.
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
        """The fit of some ratings, before its first iteration."""
        users, items = self.empty_side(train.n_users), self.empty_side(train.n_items)
        if start is None:
            self.draw_start(users, items)
        else:
            take_start(start, users, items)
        by_user, by_item = self.observed(train.by_user), self.observed(train.by_item)
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
        )

    def empty_side(self, n_rows: int) -> Side:
        """Zeros for so many users or items."""
        return Side.empty(n_rows, self.n_factors, biases=self.has_biases)

    @property
    def half_step_solver(self) -> Solver:
        """Of every half-step but the last."""
        return CHOLESKY

    @abstractmethod
    def draw_start(self, users: Side, items: Side) -> None:
        """Fill what starting factors the fit needs."""

    @abstractmethod
    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        """The regularisation of rows, of which each could have a rating in so many columns."""

    @abstractmethod
    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        """What a value stands for in a fit to ratings of that mean, observed from low to high."""

    @abstractmethod
    def _measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        """What to note down after an iteration."""

    def user_ridge(self, observed: Rows) -> Floats:
        return self.ridge(observed, len(self.item_index_))
