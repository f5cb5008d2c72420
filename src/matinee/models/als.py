"""Explicit ratings: alternating least squares with biases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError
from matinee.models.contextual_model import ContextualModel
from matinee.models.half_life import check_half_life
from matinee.models.options import (
    FEATURE_REGULARIZATION,
    HALF_LIFE,
    N_FACTORS,
    N_ITERATIONS,
    REGULARIZATION,
    TOLERANCE,
    Number,
    Option,
    Switch,
    Word,
)
from matinee.models.search_space import OF_FEATURES, Doubling, Real, SearchSpace, ratings_per_row
from matinee.ratings import Ratings, Rows
from matinee.solving.contexts import said_by_contexts
from matinee.solving.row_problem import LARGEST_REGULARIZATION, Floats, Side, Terms, as_ridge, predict_pairs
from matinee.solving.training_loop import AlternationInMemory, HeldOut, Measure, draw_start


def _explicit_ridge(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The λ that gives a typical row a penalty of one standard deviation of the ratings.

    With this λ, λ·n̄ʷ is the same for every exponent w. (A good penalty is the variance of the errors divided
    by the variance of the factors. Products of factors vary as much as the ratings do, so a good penalty is
    proportional to the spread of the ratings.)
    """
    spread = float(ratings.values.std(dtype=np.float64)) or 1.0
    exponent: float = parameters["weighting"]
    return spread / math.pow(ratings_per_row(ratings), exponent)


class ALS(ContextualModel):
    """Predicts a rating as the mean, the user's bias, the item's bias and a product of factors.

    Minimises ``Σ (r_ui − μ − b_u − b_i − x_uᵀ y_i)² + λ Σ n_uʷ (‖x_u‖² + b_u²) + λ Σ n_iʷ (‖y_i‖² + b_i²)``
    by solving for all users, then for all items, and so on (Zhou, Wilkinson, Schreiber & Pan 2008). The
    biases are solved together with the factors. Every row is solved exactly. If ratings have weights, the
    squares and the mean μ are weighted, and n_u is the sum of the weights.

    If ratings have contexts c, such as the day or the device, they are a third side, solved after users and
    items: a rating is predicted as ``μ + b_u + b_i + b_c + x_uᵀy_i + x_uᵀz_c + y_iᵀz_c``. Several contexts of
    a rating add up.

    ``recommend`` ranks by predicted stars. That answers what somebody would rate highest if they saw it, and
    puts films first that hardly anybody sees. For lists to show to people take a `Recommender`, or
    `ImplicitALS`.

    Parameters
    ----------
    n_factors : int
        The number of factors (the rank).
    regularization : float
        λ. A row's regularisation is at least 1e-6, so that every row has one solution.
    feature_regularization : float
        κ: how strongly what a feature says is pulled towards 0, in rated rows of the mean regularisation. It
        counts only if ``fit`` is given features.
    context_regularization : float
        How much more strongly than those of users and items the rows of contexts are pulled towards 0: λ is
        multiplied by it. It counts only if ratings have contexts.
    n_iterations : int
        The largest number of iterations; see ``tolerance``.
    biases : bool
        False sets μ and all biases to 0: the textbook's R ≈ U·Mᵀ.
    weighting : {"count", "none"} or float
        The exponent w on a row's number of ratings: "count" is 1, "none" is 0, and any number between them is
        allowed.
    tolerance : float or None
        Stop once an iteration lowers the RMSE by less than this. The RMSE is that of the validation ratings,
        or of the training ratings if there are none.
    half_life : str or None
        The age at which a rating counts half, such as "180d": a number, and h, d, w or y for hours, days,
        weeks or years. Ratings then need timestamps, and age from the latest of them.
    random_state : int, numpy.random.Generator or None
        The seed of the starting factors, or the generator that draws them.
    n_threads : int or None
        None means every processor. The result is bit for bit the same with any number.

    Notes
    -----
    An iteration takes ``2 Σ n k² + (n_users + n_items) k³ / 3`` flops. The fit needs memory for two copies of
    the ratings and for the factors.
    """

    short_name = "als"
    runs_on_spark = True
    options: ClassVar[Mapping[str, Option]] = {
        "n_factors": N_FACTORS,
        "n_iterations": N_ITERATIONS,
        "regularization": REGULARIZATION,
        "feature_regularization": FEATURE_REGULARIZATION,
        "context_regularization": Number(
            "What multiplies λ for the values of --contexts, which tell ratings apart less than people do."
        ),
        "biases": Switch("Learn a bias for each user and each movie."),
        "weighting": Word(
            "What multiplies λ for a user or movie: count (its number of ratings), none (1), or a number "
            "from 0 to 1 (its number of ratings to this power)."
        ),
        "tolerance": TOLERANCE,
        "half_life": HALF_LIFE,
    }
    search_space = SearchSpace(
        parameters={
            "n_factors": Doubling(halvings=1, doublings=1),
            "weighting": Real(0.3, 1.0, words={"count": 1.0, "none": 0.0}),
            "regularization": Real(1.0, 100.0, is_log=True, unit=_explicit_ridge),
        },
        metric="rmse",
        split_by="random",
        of_features=OF_FEATURES,
        # With the days of MovieLens 100K as contexts, the best lie between 2 and 10.
        of_contexts={"context_regularization": Real(1.0, 100.0, is_log=True)},
    )

    def __init__(
        self,
        *,
        n_factors: int = 10,
        regularization: float = 0.1,
        feature_regularization: float = 10.0,
        context_regularization: float = 3.0,
        n_iterations: int = 15,
        biases: bool = True,
        weighting: Literal["count", "none"] | float = "count",
        tolerance: float | None = None,
        half_life: str | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.feature_regularization = feature_regularization
        self.context_regularization = context_regularization
        self.n_iterations = n_iterations
        self.biases = biases
        self.weighting = weighting
        self.tolerance = tolerance
        self.half_life = half_life
        self.random_state = random_state
        self.n_threads = n_threads

    def check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_iterations", self.n_iterations, least=1)
        number("regularization", self.regularization, least=0, most=LARGEST_REGULARIZATION)
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0)
        if not isinstance(self.biases, bool | np.bool_):
            raise DataError(f"biases={self.biases!r}; expected True or False")
        check_half_life(self.half_life)
        self._check_feature_regularization()
        self._check_context_regularization()
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
    def has_biases(self) -> bool:
        return bool(self.biases)

    @property
    def terms(self) -> Terms:
        return Terms(offset=self.mean_)

    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        return Terms(offset=mean if self.biases else 0.0)

    def draw_start(self, users: Side, items: Side) -> None:
        draw_start(random_generator(self.random_state), items)

    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        return as_ridge(self.regularization * observed.totals ** self._weighting_exponent())

    def context_ridge(self, observed: Rows) -> Floats:
        strength = self.regularization * self.context_regularization
        return as_ridge(strength * observed.totals ** self._weighting_exponent())

    def measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        return _errors_on(train, validation)


def _errors_on(train: Ratings, validation: Ratings | None) -> Measure:
    """Measures the errors of ALS after an iteration, on the training and the validation ratings."""
    held_out = None if validation is None else HeldOut(train, validation)

    def measure(fit: AlternationInMemory, squared_error: float) -> dict[str, float | None]:
        train_rmse = float(np.sqrt(squared_error / train.by_user.total))
        return {
            "train_rmse": train_rmse,
            "validation_rmse": None if held_out is None else _rmse(fit, held_out),
        }

    return measure


def _rmse(fit: AlternationInMemory, held_out: HeldOut) -> float:
    pairs = held_out.rows, held_out.columns, fit.users, fit.items
    predicted = predict_pairs(*pairs, offset=fit.terms.offset, n_threads=fit.n_threads)
    if fit.contexts is not None:
        codes, places = held_out.numbered_contexts
        predicted += said_by_contexts(*pairs, fit.contexts.values.of(codes), places, fit.n_threads)
    return float(np.sqrt(np.mean((predicted - held_out.values) ** 2, dtype=np.float64)))
