"""Bayesian ALS: predicts ratings with error bars, by drawing every row and its prior from the posterior."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError
from matinee.models.bayes.answers import SampledModel
from matinee.models.bayes.chain import RunningAverage, Sampling
from matinee.models.bayes.contexts import SampledContexts
from matinee.models.bayes.convergence import effective_sample_size
from matinee.models.bayes.new_data import ItemPriors, Sweeps, TouchedRows, grown, in_turn, solved_item
from matinee.models.bayes.posterior import Posterior
from matinee.models.bayes.sampled_rows import SampledRows
from matinee.models.bayes.sampled_side import SampledSide, row_scales
from matinee.models.contexts_in_use import with_contexts_in_use
from matinee.models.features.feature_regression import FeatureRegression
from matinee.models.features.side_knowledge import Encoded, encode_features, regression_features
from matinee.models.half_life import check_half_life
from matinee.models.memory import named_if_too_large
from matinee.models.model import Model
from matinee.models.new_item import ItemAnswers, NewItem
from matinee.models.options import HALF_LIFE, N_FACTORS, TOLERANCE, Option, Switch, Whole
from matinee.models.parameters import thread_count
from matinee.models.search_space import Doubling, OnOrOff, SearchSpace
from matinee.models.warm_start import begin
from matinee.ratings import MergedRatings, Ratings, Rows
from matinee.solving.blas import blas_threads
from matinee.solving.history import Callback, Iteration, continued
from matinee.solving.row_problem import Floats, Side, Solver
from matinee.solving.training_loop import (
    AlternationInMemory,
    HeldOut,
    Measure,
    draw_start,
)

MOST_SAMPLES = 100_000


class BayesianALS(SampledModel):
    """Predicts ratings as products of factors, averaged over samples of all factors that fit the ratings.

    The model is Bayesian probabilistic matrix factorisation (Salakhutdinov & Mnih 2008) with biases. Ratings
    are normal around ``mean + b_u + b_i + x_uᵀy_i`` with a precision α; a rating of weight w counts as w of
    them. Rows (x, b) are normal; each side has
    one mean and one precision for its rows, with a Normal–Wishart prior. Gibbs sampling draws every row from
    the posterior of the row problem that `ALS` solves. Only the number of factors needs tuning.

    Side knowledge f about a row, from features or from who rated what, changes its prior mean to ``μ + βᵀf``;
    β is drawn in the same sweep (Macau; Simm et al. 2015).

    If ratings have contexts c, such as the day or the device, they are a third side, drawn after users and
    items: ratings are normal around ``mean + b_u + b_i + b_c + x_uᵀy_i + x_uᵀz_c + y_iᵀz_c``. Several
    contexts of a rating add up.

    Parameters
    ----------
    n_factors : int
        The number of factors (the rank).
    n_samples, n_burn_in : int
        The number of sweeps whose predictions are averaged, and of sweeps before them that are thrown away.
    implicit : bool
        Use the items that a user rated as features of the user, and the users who rated an item as features
        of the item, each scaled by n^-½ (a Bayesian SVD++ and its mirror).
    user_noise : bool
        Give every user noise of their own: the ratings of user u have the precision ``α a_u``. Whoever rates
        erratically counts for less in what is learned of items, and has wider intervals; who rates steadily
        has narrower ones.
    item_noise : bool
        Give every item noise of its own, in the same way: the ratings of item i have the precision ``α d_i``,
        or ``α a_u d_i`` with both. An item about which people disagree counts for less in what is learned of
        them, and has wider intervals.
    n_kept : int
        The number of samples to keep, evenly spaced, for answers after the fit. Each is as large as an `ALS`
        model.
    tolerance : float or None
        Stop once the last 20 samples have lowered the validation error of the running average by less than
        this. It has no effect without validation ratings.
    half_life : str or None
        The age at which a rating counts half, such as "180d": a number, and h, d, w or y for hours, days,
        weeks or years. Ratings then need timestamps, and age from the latest of them.
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
        "user_noise": Switch("Learn how erratically each person rates, and make intervals that suit them."),
        "item_noise": Switch(
            "Learn how much people disagree about each item, and make intervals that suit it."
        ),
        "half_life": HALF_LIFE,
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
        user_noise: bool = False,
        item_noise: bool = False,
        n_kept: int = 50,
        tolerance: float | None = None,
        half_life: str | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_samples = n_samples
        self.n_burn_in = n_burn_in
        self.implicit = implicit
        self.user_noise = user_noise
        self.item_noise = item_noise
        self.n_kept = n_kept
        self.tolerance = tolerance
        self.half_life = half_life
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
        start: tuple[Any, Any] | Model | None = None,
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
        user_features, item_features : frame, or (ids, matrix), optional
            A column of ids and other columns. The ids are in the column named "user" or "item", or else in
            the first. Columns of numbers are scaled to mean 0 and standard deviation 1; in columns of text or
            lists of text, each value becomes a feature. A column with the same value everywhere is left out.
            Or ids, and a matrix of numpy or scipy with a row for each, which is taken as it is.
            A user or item without ratings gets its predictions from the features; one that the frame lacks
            counts as average, with a warning.
        start : fitted model, or two ndarray of shapes (n_users, n_factors), (n_items, n_factors), optional
            Where the chain starts: at the last sample of another `BayesianALS`, or at an `ALS`, with as many
            factors; users and items are found by their ids, and those that it does not know start at random.
            Or at these factors, with rows in the order of ``train.users`` and ``train.items``. Users and
            items that only the features have need rows too, in the same sorted order.
        progress : bool
            Show a progress bar, on a terminal or in a notebook, if the fit takes over a second.
        callback : callable, optional
            Called with every `Iteration`; if it returns something true, the fit ends there.

        Raises
        ------
        DataError
            If a parameter is out of its range, the starting factors have the wrong shape, or the features
            have an id twice, or hold a null, a NaN or something that is neither number nor text. With a
            half-life, also if a rating has no timestamp; with contexts, if they have more values than there
            are ratings.
        KeyboardInterrupt
            On Ctrl-C during the burn-in. After the burn-in, Ctrl-C ends the fit with a warning, and the model
            has the samples drawn so far.
        """
        self.check_fit(train, validation)
        train, newest = self.by_age(train)
        train, of_users, of_items = encode_features(train, user_features, item_features)
        train = with_contexts_in_use(train)
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
        self.newest_ = newest
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
        self, train: Ratings, of_users: Encoded, of_items: Encoded, start: tuple[Any, Any] | Model | None
    ) -> Sampling:
        generator, threads = random_generator(self.random_state), thread_count(self.n_threads)
        scale = rating_scale(train.by_user)
        sides = [Side.empty(n, self.n_factors, biases=True) for n in (train.n_users, train.n_items)]
        if start is None or isinstance(start, Model):
            for side in sides:
                draw_start(generator, side, np.sqrt(scale))
        if start is not None:
            begin(self, start, train, *sides)
        sampled = []
        for observed, side, across, encoded in zip(
            (train.by_user, train.by_item), sides, reversed(sides), (of_users, of_items), strict=True
        ):
            given = regression_features(observed, len(across.factors), *encoded, implicit=bool(self.implicit))
            regression = None if given is None else FeatureRegression(*given, self.n_factors + 1, threads)
            sampled.append(SampledSide(observed, side, regression, scale, threads))
        contexts = None
        if train.contexts is not None:
            both = train.by_user, train.by_item
            contexts = SampledContexts(*both, train.contexts, self.n_factors, scale, threads)
        return Sampling(
            *sampled,
            generator=generator,
            offset=train.by_user.mean,
            scale=scale,
            noise_precision=1.0 / max(train.by_user.variance, 1e-6 * scale**2),
            n_burn_in=self.n_burn_in,
            n_kept=self.n_kept,
            n_threads=threads,
            user_noise=bool(self.user_noise),
            item_noise=bool(self.item_noise),
            contexts=contexts,
        )

    def learn_more(self, merged: MergedRatings, n_iterations: int) -> None:
        """Draw the rows that new ratings touch once more in every kept sample, and solve its users."""
        began, train, threads = time.perf_counter(), merged.ratings, thread_count(self.n_threads)
        rating_range = merged.widened(self.rating_range_)
        known, n_given = self.user_features_, 0
        if self.user_columns_ is not None and known is not None:
            known, n_given = known.spread(merged.old_users, train.n_users), self.user_columns_.n_features
        features = regression_features(
            train.by_user, train.n_items, self.user_columns_, known, implicit=bool(self.implicit)
        )
        touched = TouchedRows.of(merged, None if features is None else features[0])
        posterior = grown(self.posterior_, merged, n_given)
        sweeps = Sweeps(posterior, touched, self._item_priors, merged.old_items, self.mean_, threads)
        seeds = self._more_seeds().integers(2**63, size=(posterior.n_samples, n_iterations, 2))
        with blas_threads(1):
            errors = np.mean([sweeps.run(sample, each) for sample, each in enumerate(seeds)], axis=0)
        seconds = (time.perf_counter() - began) / n_iterations
        n_ratings = touched.by_item.total or 1.0
        more = [
            Iteration(
                iteration=iteration,
                train_rmse=float(np.sqrt(max(error, 0.0) / n_ratings)),
                objective=float(error),
                seconds=seconds,
            )
            for iteration, error in enumerate(errors, start=1)
        ]
        self.user_features_ = known
        train = train.with_rows(train.by_user, self.contexts_)
        self._take_posterior(train, posterior, self.mean_, continued(self.history_, more))
        self.rating_range_ = rating_range
        self.settle()

    def _more_seeds(self) -> np.random.Generator:
        """The generator of what is drawn after the fit: another one each time, and the same again."""
        if self.random_state is None or isinstance(self.random_state, np.random.Generator):
            return random_generator(self.random_state)
        return np.random.Generator(np.random.PCG64([self.random_state, len(self.history_)]))

    def item_by(self, rated: Rows) -> NewItem:
        """An item that the model has never seen, from its ratings; one row, whose columns are users."""
        raters = rated._replace(columns=np.arange(len(rated.columns), dtype=np.int32))
        people = self.people.pick(rated.columns)
        # Draws and not means, as the items of the fit were drawn given draws.
        drawn = self.posterior_.people_given(
            people.rated,
            self._sampled_items.features(people.rated, people.known),
            self.mean_,
            Solver(spread=1.0),
            thread_count(self.n_threads),
        )
        here = in_turn(self.posterior_, drawn, people.codes)
        solved = solved_item(self._item_priors, raters, here, offset=self.mean_)
        return NewItem(self.user_index_, self.item_index_, rated, self._answers_for(*solved))

    def _answers_for(self, item: SampledRows, precisions: Floats) -> ItemAnswers:
        n_samples, n_factors = self.posterior_.n_samples, self.item_factors_.shape[1]
        alone = replace(
            self.posterior_,
            item_samples=item.factors.reshape(1, n_samples, n_factors),
            item_bias_samples=item.bias_samples,
            item_precisions=precisions,
        )
        items = replace(self._sampled_items, posterior=alone)
        people = replace(self.people, items=items)
        return replace(
            self.item_answers(items.side),
            factors=item.factors.reshape(n_samples, n_factors).mean(axis=0),
            predict=lambda rows: people.predict(rows, np.zeros_like(rows)),
        )

    @property
    def _item_priors(self) -> ItemPriors:
        scales = row_scales(self.item_factors_.shape[1], rating_scale(self.rated_))
        return ItemPriors(self.posterior_, scales, thread_count(self.n_threads))

    def _take_chain(self, train: Ratings, chain: Sampling, of_users: Encoded) -> None:
        posterior = chain.posterior
        after = [record.train_rmse or 0.0 for record in chain.history[self.n_burn_in :]]
        self.effective_samples_ = effective_sample_size(after)
        self.user_columns_, self.user_features_ = of_users
        self._take_posterior(train, posterior, chain.terms.offset, chain.history)

    def _take_posterior(
        self, train: Ratings, posterior: Posterior, mean: float, history: list[Iteration]
    ) -> None:
        users = Side(posterior.user_samples.mean(axis=1), posterior.users.biases)
        items = Side(posterior.item_samples.mean(axis=1), posterior.items.biases)
        self.posterior_ = posterior
        self.keep_fit(train, users, items, mean, history)

    def check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_samples", self.n_samples, least=1, most=MOST_SAMPLES)
        whole_number("n_burn_in", self.n_burn_in, least=0, most=MOST_SAMPLES)
        whole_number("n_kept", self.n_kept, least=1, most=MOST_SAMPLES)
        for name in ("implicit", "user_noise", "item_noise"):
            given = getattr(self, name)
            if not isinstance(given, bool | np.bool_):
                raise DataError(f"{name}={given!r}; expected True or False")
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0)
        check_half_life(self.half_life)


def _errors_on(train: Ratings, validation: Ratings | None, n_burn_in: int) -> Measure:
    """Measures the errors of BayesianALS after a sweep."""
    rating_range = (float(train.values.min()), float(train.values.max()))
    average = None
    if validation is not None:
        average = RunningAverage(HeldOut(train, validation), rating_range, n_burn_in)

    def measure(fit: AlternationInMemory, squared_error: float) -> dict[str, float | None]:
        train_rmse = float(np.sqrt(max(squared_error, 0.0) / train.by_user.total))
        if average is None:
            return {"train_rmse": train_rmse}
        assert isinstance(fit, Sampling)
        alone, together = average.add(fit)
        return {"train_rmse": train_rmse, "sample_rmse": alone, "validation_rmse": together}

    return measure


def rating_scale(rated: Rows) -> float:
    """The power of 4 nearest to the ratings' standard deviation; multiplying by it changes no digit."""
    deviation = math.sqrt(rated.variance)
    return float(4.0 ** round(np.log(deviation) / np.log(4.0))) if deviation > 0 else 1.0
