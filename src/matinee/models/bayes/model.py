"""Bayesian ALS: predicts ratings with error bars, by drawing every row and its prior from the posterior."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError
from matinee.models.bayes.answers import SampledModel
from matinee.models.bayes.chain import RunningAverage, SampledSide, Sampling
from matinee.models.bayes.convergence import effective_sample_size
from matinee.models.features.feature_regression import FeatureRegression
from matinee.models.features.features import FeatureTable
from matinee.models.features.side_knowledge import Encoded, encode_table, regression_features, with_ids_of
from matinee.models.memory import named_if_too_large
from matinee.models.options import N_FACTORS, TOLERANCE, Option, Switch, Whole
from matinee.models.parameters import thread_count
from matinee.models.search_space import Doubling, OnOrOff, SearchSpace
from matinee.ratings import Ratings
from matinee.solving.history import Callback
from matinee.solving.row_problem import Side
from matinee.solving.training_loop import (
    AlternationInMemory,
    HeldOut,
    Measure,
    draw_start,
    take_start,
)

MOST_SAMPLES = 100_000


class BayesianALS(SampledModel):
    """Predicts ratings as products of factors, averaged over samples of all factors that fit the ratings.

    The model is Bayesian probabilistic matrix factorisation (Salakhutdinov & Mnih 2008) with biases. Ratings
    are normal around ``mean + b_u + b_i + x_uᵀy_i`` with a precision α. Rows (x, b) are normal; each side has
    one mean and one precision for its rows, with a Normal–Wishart prior. Gibbs sampling draws every row from
    the posterior of the row problem that `ALS` solves. Only the number of factors needs tuning.

    Side knowledge f about a row, from features or from who rated what, changes its prior mean to ``μ + βᵀf``;
    β is drawn in the same sweep (Macau; Simm et al. 2015).

    Parameters
    ----------
    n_factors : int
        The number of factors (the rank).
    n_samples, n_burn_in : int
        The number of sweeps whose predictions are averaged, and of sweeps before them that are thrown away.
    implicit : bool
        Use the items that a user rated as features of the user, and the users who rated an item as features
        of the item, each scaled by n^-½ (a Bayesian SVD++ and its mirror).
    n_kept : int
        The number of samples to keep, evenly spaced, for answers after the fit. Each is as large as an `ALS`
        model.
    tolerance : float or None
        Stop once the last 20 samples have lowered the validation error of the running average by less than
        this. It has no effect without validation ratings.
    random_state : int, numpy.random.Generator or None
        The seed of all draws, or the generator that makes them.
    n_threads : int or None
        None means every processor. The result is bit for bit the same with any number.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32
        The means over the samples. A prediction is not their product, but the mean of the samples' products.
    posterior_ : Posterior
        The kept samples.
    interrupted_ : bool
        Whether Ctrl-C ended the fit before all samples were drawn.
    effective_samples_ : float
        The number of independent samples that the chain is worth, computed from its training error after the
        burn-in. A few tens are enough for the mean; fewer than ten mean that the chain still drifts.
    """

    short_name = "bayes"
    takes_features = True
    options: ClassVar[Mapping[str, Option]] = {
        "n_factors": N_FACTORS,
        "tolerance": TOLERANCE,
        "n_samples": Whole("Number of samples to average.", 1, MOST_SAMPLES),
        "n_burn_in": Whole("Number of first samples to throw away.", 0, MOST_SAMPLES),
        "n_kept": Whole("Number of samples to keep in the model.", 1, MOST_SAMPLES),
        "implicit": Switch("Learn also from who rated what, whatever the rating."),
    }
    search_space = SearchSpace(
        parameters={"n_factors": Doubling(halvings=1, doublings=1), "implicit": OnOrOff()},
        metric="rmse",
        split_by="random",
        iterations=None,
        burn_in="n_burn_in",
        patience=20,
    )

    def __init__(
        self,
        *,
        n_factors: int = 32,
        n_samples: int = 200,
        n_burn_in: int = 20,
        implicit: bool = False,
        n_kept: int = 50,
        tolerance: float | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_samples = n_samples
        self.n_burn_in = n_burn_in
        self.implicit = implicit
        self.n_kept = n_kept
        self.tolerance = tolerance
        self.random_state = random_state
        self.n_threads = n_threads

    @named_if_too_large
    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        user_features: Any = None,
        item_features: Any = None,
        start: tuple[Any, Any] | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Draw the samples.

        Parameters
        ----------
        train : Ratings
        validation : Ratings, optional
            Ratings held out: the model does not learn from them. The fit records the error on them after each
            sweep.
        user_features, item_features : frame, optional
            A column of ids and other columns. The ids are in the column named "user" or "item", or else in
            the first. Columns of numbers are scaled to mean 0 and standard deviation 1; in columns of text or
            lists of text, each value becomes a feature. A column with the same value everywhere is left out.
            Every rated user or item needs a row; one without ratings gets its predictions from the features.
        start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
            Starting factors, with rows in the order of ``train.users`` and ``train.items``. Users and items
            that only the features have need rows too, in the same sorted order.
        progress : bool
            Show a progress bar on a terminal if the fit takes over a second.
        callback : callable, optional
            Called with every `Iteration`; if it returns something true, the fit ends there.

        Raises
        ------
        DataError
            If a parameter is out of its range, the starting factors have the wrong shape, or the features
            lack an id, have one twice, or hold a null, a NaN or something that is neither number nor text.
        KeyboardInterrupt
            On Ctrl-C during the burn-in. After the burn-in, Ctrl-C ends the fit with a warning, and the model
            has the samples drawn so far.
        """
        self.check_fit(train, validation)
        tables = [
            None if features is None else FeatureTable.read(features, kind)
            for features, kind in ((user_features, "user"), (item_features, "item"))
        ]
        train = with_ids_of(train, *tables)
        of_users = encode_table(tables[0], train.user_index, "user")
        of_items = encode_table(tables[1], train.item_index, "item")
        chain = self._chain(train, of_users, of_items, start)
        n_drawn = self.n_samples
        try:
            chain.run(
                self.n_burn_in + self.n_samples,
                measure=_errors_on(train, validation, self.n_burn_in),
                tolerance=None if validation is None else self.tolerance,
                progress=progress,
                callback=callback,
            )
        except KeyboardInterrupt:
            n_drawn = len(chain.history) - self.n_burn_in
            if n_drawn < 1:
                raise
            chain.finish()
        self._take_chain(train, chain, of_users)
        self.interrupted_ = n_drawn < self.n_samples
        if self.interrupted_:
            warnings.warn(
                f"interrupted after {n_drawn} of {self.n_samples} samples; the model uses only these",
                stacklevel=2,
            )
        return self

    def least_memory(self, train: Ratings) -> int:
        """The bytes of the factors in all samples that are kept."""
        return super().least_memory(train) * (1 + min(int(self.n_kept), int(self.n_samples)))

    def _chain(
        self, train: Ratings, of_users: Encoded, of_items: Encoded, start: tuple[Any, Any] | None
    ) -> Sampling:
        generator, threads = random_generator(self.random_state), thread_count(self.n_threads)
        scale = _scale(train)
        sides = [Side.empty(n, self.n_factors, biases=True) for n in (train.n_users, train.n_items)]
        if start is None:
            for side in sides:
                draw_start(generator, side, np.sqrt(scale))
        else:
            take_start(start, *sides)
        sampled = []
        for observed, side, across, encoded in zip(
            (train.by_user, train.by_item), sides, reversed(sides), (of_users, of_items), strict=True
        ):
            given = regression_features(observed, len(across.factors), *encoded, implicit=bool(self.implicit))
            regression = None if given is None else FeatureRegression(*given, self.n_factors + 1, threads)
            sampled.append(SampledSide(observed, side, regression, scale, threads))
        return Sampling(
            *sampled,
            generator=generator,
            offset=float(train.values.mean(dtype=np.float64)),
            scale=scale,
            noise_precision=1.0 / max(float(train.values.var(dtype=np.float64)), 1e-6 * scale**2),
            n_burn_in=self.n_burn_in,
            n_kept=self.n_kept,
            n_threads=threads,
        )

    def _take_chain(self, train: Ratings, chain: Sampling, of_users: Encoded) -> None:
        posterior = chain.posterior
        after = [record.train_rmse or 0.0 for record in chain.history[self.n_burn_in :]]
        users = Side(posterior.user_samples.mean(axis=1), posterior.users.biases)
        items = Side(posterior.item_samples.mean(axis=1), posterior.items.biases)
        self.posterior_ = posterior
        self.effective_samples_ = effective_sample_size(after)
        self.user_columns_, self.user_features_ = of_users
        self.keep_fit(train, users, items, chain.terms.offset, chain.history)

    def check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_samples", self.n_samples, least=1, most=MOST_SAMPLES)
        whole_number("n_burn_in", self.n_burn_in, least=0, most=MOST_SAMPLES)
        whole_number("n_kept", self.n_kept, least=1, most=MOST_SAMPLES)
        if not isinstance(self.implicit, bool | np.bool_):
            raise DataError(f"implicit={self.implicit!r}; expected True or False")
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0)


def _errors_on(train: Ratings, validation: Ratings | None, n_burn_in: int) -> Measure:
    """Measures the errors of BayesianALS after a sweep."""
    rating_range = (float(train.values.min()), float(train.values.max()))
    average = None
    if validation is not None:
        average = RunningAverage(HeldOut(train, validation), rating_range, n_burn_in)

    def measure(fit: AlternationInMemory, squared_error: float) -> dict[str, float | None]:
        train_rmse = float(np.sqrt(max(squared_error, 0.0) / len(train)))
        if average is None:
            return {"train_rmse": train_rmse}
        assert isinstance(fit, Sampling)
        alone, together = average.add(fit)
        return {"train_rmse": train_rmse, "sample_rmse": alone, "validation_rmse": together}

    return measure


def _scale(train: Ratings) -> float:
    """The power of 4 nearest to the ratings' standard deviation; multiplying by it changes no digit."""
    deviation = float(train.values.std(dtype=np.float64))
    return float(4.0 ** round(np.log(deviation) / np.log(4.0))) if deviation > 0 else 1.0
