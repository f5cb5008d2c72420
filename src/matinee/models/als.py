"""Explicit ratings: alternating least squares with biases."""

from __future__ import annotations

import time
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.base import Model, check_ratings
from matinee.models.history import Callback, Iteration, has_flattened, iteration_progress
from matinee.models.parameters import number, random_generator, thread_count, whole_number
from matinee.models.row_problem import Floats, Side, predict_pairs, solve_rows
from matinee.ratings import Ratings, Rows


class ALS(Model):
    """Ratings as a mean, a bias of the user and of the item, and a product of factors.

    Minimises ``Σ (r_ui − μ − b_u − b_i − x_uᵀ y_i)² + λ Σ n_uʷ (‖x_u‖² + b_u²) + λ Σ n_iʷ (‖y_i‖² + b_i²)``
    by solving for all users, then for all items, and so on (Zhou, Wilkinson, Schreiber & Pan 2008). The
    biases are solved together with the factors. Every row is solved exactly.

    Parameters
    ----------
    n_factors : int
        The rank.
    regularization : float
        λ.
    n_iterations : int
        At most; see ``tolerance``.
    biases : bool
        Without, μ and all biases are 0: the textbook's R ≈ U·Mᵀ.
    weighting : {"count", "none"} or float
        The exponent w on a row's number of ratings: "count" is 1, "none" is 0, and between them it may be
        any number.
    tolerance : float or None
        Stop once an iteration lowers the RMSE, on the validation ratings where there are any, by less.
    random_state : int, numpy.random.Generator or None
        Where the starting factors are drawn from.
    n_threads : int or None
        None means every processor. The result is the same bit for bit.

    Notes
    -----
    An iteration costs ``2 Σ n k² + (n_users + n_items) k³ / 3`` flops; the memory is that of the ratings,
    twice, and of the factors.
    """

    def __init__(
        self,
        *,
        n_factors: int = 10,
        regularization: float = 0.1,
        n_iterations: int = 15,
        biases: bool = True,
        weighting: Literal["count", "none"] | float = "count",
        tolerance: float | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.n_iterations = n_iterations
        self.biases = biases
        self.weighting = weighting
        self.tolerance = tolerance
        self.random_state = random_state
        self.n_threads = n_threads

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
            Ratings whose error is followed from iteration to iteration; they teach nothing.
        start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
            Starting factors, rows as in ``train.users`` and ``train.items``. As the users are solved first,
            theirs matter only where nothing is known of them.
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
        check_ratings(train)
        self._check_parameters()
        fit = _Fit(self, train, validation, start)
        history: list[Iteration] = []
        with iteration_progress(self.n_iterations, shown=progress) as show:
            for iteration in range(1, self.n_iterations + 1):
                history.append(fit.iterate(iteration))
                show(history[-1])
                stop = callback is not None and callback(history[-1])
                if stop or has_flattened(history, self.tolerance):
                    break
        fit.solve_users(exact=True)
        self._keep(train, fit.users, fit.items, fit.mean, history)
        return self

    def _check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_iterations", self.n_iterations, least=1)
        number("regularization", self.regularization, least=0)
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0)
        if not isinstance(self.biases, bool | np.bool_):
            raise DataError(f"biases={self.biases!r}; expected True or False")
        self._weighting_exponent()

    def _weighting_exponent(self) -> float:
        if isinstance(self.weighting, str):
            if self.weighting not in ("count", "none"):
                raise DataError(
                    f'weighting={self.weighting!r}; expected "count", "none" or a number from 0 to 1'
                )
            return 1.0 if self.weighting == "count" else 0.0
        return number("weighting", self.weighting, least=0, most=1)

    @property
    def _with_biases(self) -> bool:
        return bool(self.biases)

    def _ridge(self, counts: NDArray[Any]) -> Floats:
        return (self.regularization * counts ** self._weighting_exponent()).astype(np.float32)


class _Fit:
    """A fit under way: both sides, and what stays the same from half-step to half-step."""

    def __init__(
        self, model: ALS, train: Ratings, validation: Ratings | None, start: tuple[Any, Any] | None
    ) -> None:
        self.train = train
        self.n_threads = thread_count(model.n_threads)
        self.mean = float(train.values.mean(dtype=np.float64)) if model.biases else 0.0
        self.users = Side.empty(train.n_users, model.n_factors, biases=model._with_biases)
        self.items = Side.empty(train.n_items, model.n_factors, biases=model._with_biases)
        self._start(model, start)
        self.user_ridge = model._ridge(np.diff(train.by_user.indptr))
        self.item_ridge = model._ridge(np.diff(train.by_item.indptr))
        self.validation = None if validation is None else _Validation(train, validation)

    def _start(self, model: ALS, start: tuple[Any, Any] | None) -> None:
        if start is None:
            generator = random_generator(model.random_state)
            self.items.factors[:] = starting_factors(generator, self.items.factors.shape)
            return
        for side, given, name in zip((self.users, self.items), start, ("user", "item"), strict=True):
            factors = np.asarray(given)
            if factors.shape != side.factors.shape:
                expected = side.factors.shape
                raise DataError(f"starting {name} factors have shape {factors.shape}; expected {expected}")
            side.factors[:] = factors
            if not np.isfinite(side.factors).all():
                raise DataError(f"starting {name} factors hold a NaN or an infinity")

    def solve_users(self, *, exact: bool = False) -> float:
        """Solve all users; returns the penalty of their factors."""
        return self._solve(self.train.by_user, self.items, self.users, self.user_ridge, exact)[1]

    def _solve(
        self, observed: Rows, fixed: Side, solved: Side, ridge: Floats, exact: bool
    ) -> tuple[float, float]:
        losses = solve_rows(
            observed, fixed, solved, ridge=ridge, offset=self.mean, n_threads=self.n_threads, exact=exact
        )
        return losses.squared_error, losses.penalty

    def iterate(self, iteration: int) -> Iteration:
        """Solve all users, then all items."""
        began = time.perf_counter()
        user_penalty = self.solve_users()
        squared_error, item_penalty = self._solve(
            self.train.by_item, self.users, self.items, self.item_ridge, False
        )
        seconds = time.perf_counter() - began
        return Iteration(
            iteration=iteration,
            train_rmse=float(np.sqrt(squared_error / len(self.train))),
            validation_rmse=None if self.validation is None else self.validation.rmse(self),
            objective=squared_error + user_penalty + item_penalty,
            seconds=seconds,
        )


class _Validation:
    """Ratings held out, by the positions of their users and items in the training ratings."""

    def __init__(self, train: Ratings, validation: Ratings) -> None:
        users = train.user_index.positions(validation.users)
        items = train.item_index.positions(validation.items)
        self.rows = users[validation.user_positions].astype(np.int32)
        self.columns = items[validation.by_user.columns].astype(np.int32)
        self.values = validation.values

    def rmse(self, fit: _Fit) -> float:
        predicted = predict_pairs(
            self.rows, self.columns, fit.users, fit.items, offset=fit.mean, n_threads=fit.n_threads
        )
        return float(np.sqrt(np.mean((predicted - self.values) ** 2, dtype=np.float64)))


def starting_factors(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Normal draws whose products are of the size of a rating's deviation, whatever the rank."""
    factors: Floats = generator.standard_normal(shape, dtype=np.float32)
    factors /= np.float32(np.sqrt(shape[1]))
    return factors
