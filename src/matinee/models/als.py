"""Explicit ratings: alternating least squares with biases."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError
from matinee.models.alternation import Alternation, HeldOut, Measure, check_fit, draw_start, take_start
from matinee.models.base import Model
from matinee.models.history import Callback
from matinee.models.parameters import thread_count
from matinee.models.row_problem import LARGEST_REGULARIZATION, Floats, Side, Terms, as_ridge, predict_pairs
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
        λ; what is below 1e-6 a row counts as that, so that every row has one answer.
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
        check_fit(self, train, validation)
        alternation = self._alternation(train, start)
        history = alternation.run(
            self.n_iterations,
            measure=_errors_on(train, validation),
            tolerance=self.tolerance,
            progress=progress,
            callback=callback,
        )
        self._keep(train, alternation.users, alternation.items, alternation.terms.offset, history)
        return self

    def _alternation(self, train: Ratings, start: tuple[Any, Any] | None) -> Alternation:
        users = Side.empty(train.n_users, self.n_factors, biases=self._with_biases)
        items = Side.empty(train.n_items, self.n_factors, biases=self._with_biases)
        if start is None:
            draw_start(random_generator(self.random_state), items)
        else:
            take_start(start, users, items)
        mean = float(train.values.mean(dtype=np.float64)) if self.biases else 0.0
        return Alternation(
            train.by_user,
            train.by_item,
            users=users,
            items=items,
            user_ridge=self._ridge(np.diff(train.by_user.indptr)),
            item_ridge=self._ridge(np.diff(train.by_item.indptr)),
            terms=Terms(offset=mean),
            n_threads=thread_count(self.n_threads),
        )

    def _check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_iterations", self.n_iterations, least=1)
        number("regularization", self.regularization, least=0, most=LARGEST_REGULARIZATION)
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

    @property
    def _terms(self) -> Terms:
        return Terms(offset=self.mean_)

    def _user_ridge(self, observed: Rows) -> Floats:
        return self._ridge(np.diff(observed.indptr))

    def _ridge(self, counts: NDArray[Any]) -> Floats:
        return as_ridge(self.regularization * counts ** self._weighting_exponent())


def _errors_on(train: Ratings, validation: Ratings | None) -> Measure:
    """What ALS notes down after an iteration: the errors on the ratings fitted and on those held out."""
    held_out = None if validation is None else HeldOut(train, validation)

    def measure(fit: Alternation, squared_error: float) -> dict[str, float | None]:
        train_rmse = float(np.sqrt(squared_error / len(train)))
        return {
            "train_rmse": train_rmse,
            "validation_rmse": None if held_out is None else _rmse(fit, held_out),
        }

    return measure


def _rmse(fit: Alternation, held_out: HeldOut) -> float:
    predicted = predict_pairs(
        held_out.rows,
        held_out.columns,
        fit.users,
        fit.items,
        offset=fit.terms.offset,
        n_threads=fit.n_threads,
    )
    return float(np.sqrt(np.mean((predicted - held_out.values) ** 2, dtype=np.float64)))
