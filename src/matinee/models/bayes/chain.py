"""The Gibbs sampler: the same alternation as in other models, but each half-step draws rows at random."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.bayes.hyperprior import (
    RowPrior,
    draw_noise_precision,
    draw_row_prior,
)
from matinee.models.bayes.posterior import Posterior, State, predict_with_strangers
from matinee.models.bayes.row_posterior import solve_under_prior
from matinee.models.bayes.user_noise import UserNoise
from matinee.models.features.feature_regression import FeatureRegression
from matinee.ratings import Rows
from matinee.solving.draws import Doubles
from matinee.solving.history import Iteration
from matinee.solving.row_problem import (
    Floats,
    Losses,
    Side,
    Solver,
    Terms,
    bias_of,
    gram,
    predict_pairs,
    rows_of,
)
from matinee.solving.training_loop import AlternationInMemory, HeldOut

# The running average has flattened if this many more samples lower its error by less than the tolerance.
SAMPLES_TO_JUDGE_BY = 20


class SampledSide:
    """One side of a chain: the last draw of its rows, and the distribution that the rows come from.

    Parameters
    ----------
    observed : Rows
        The ratings of the side.
    side : Side
        The start of the chain; every draw is written into it.
    regression : FeatureRegression or None
        The regression on features; None without any.
    scale : float
        A typical difference between ratings. A rating is a product of two factors, so a factor is about as
        large as the square root of the scale.
    """

    def __init__(
        self, observed: Rows, side: Side, regression: FeatureRegression | None, scale: float, n_threads: int
    ) -> None:
        self.observed = observed
        self.side = side
        self.regression = regression
        self.scales = row_scales(side.factors.shape[1], scale)
        self.n_threads = n_threads
        self.prior = RowPrior(np.zeros(0), np.zeros((0, 0)))
        self._offsets: Floats | None = None

    def draw_prior(self, generator: np.random.Generator) -> None:
        """Draw the mean and precision of the rows, and β of the regression, given the rows."""
        rows = rows_of(self.side)
        if self.regression is None:
            total = rows.sum(axis=0, dtype=np.float64)
            squares = gram(rows, self.n_threads)
            self.prior = draw_row_prior(generator, len(rows), total, squares, scales=self.scales)
            return
        residual = rows if self._offsets is None else rows - self._offsets
        self.prior = draw_row_prior(
            generator,
            len(rows),
            residual.sum(axis=0, dtype=np.float64),
            gram(residual, self.n_threads),
            scales=self.scales,
            n_more=len(self.regression.weights),
            scatter=self.regression.scatter,
        )
        self.regression.draw(generator, rows - self.prior.mean, self.prior.precision)
        self._offsets = self.regression.means

    @property
    def prior_means(self) -> Doubles:
        """The prior means of the rows; shape (n, d), or (1, d) if they are the same for all rows."""
        mean = self.prior.mean[None, :]
        return mean if self._offsets is None else mean + self._offsets

    def draw(
        self,
        fixed: Side,
        offset: float,
        noise_precision: float,
        seed: int,
        row_errors: Doubles | None = None,
    ) -> float:
        """Draw the rows given the other side and their prior, and return their squared error.

        Parameters
        ----------
        row_errors : ndarray of float64, shape (n_rows,), optional
            Takes the squared error of each row.
        """
        losses, prior, shift = solve_under_prior(
            self.observed,
            fixed,
            self.side,
            precision=self.prior.precision,
            means=self.prior_means,
            noise_precision=noise_precision,
            offset=offset,
            n_threads=self.n_threads,
            solver=Solver(spread=1.0, seed=seed),
            row_errors=row_errors,
        )
        if row_errors is not None:
            return float(row_errors.sum())
        rows = rows_of(self.side)
        of_prior = float(np.sum(prior * gram(rows, self.n_threads)))
        of_shift = (
            float(np.sum(rows.sum(axis=0, dtype=np.float64) * shift[0]))
            if len(shift) == 1
            else float(np.einsum("ij,ij->", rows, shift, dtype=np.float64))
        )
        return losses.squared_error - of_prior + 2 * of_shift


def row_scales(n_factors: int, scale: float) -> Doubles:
    """The typical sizes of a row's numbers, the bias last; ``scale`` is as in `SampledSide`."""
    return np.append(np.full(n_factors, np.sqrt(scale)), scale)


class States:
    """Keeps a number of states of a chain, evenly spaced, whatever the length of the chain.

    It holds up to twice that number. Then it drops every second state, and takes new ones half as often.
    """

    def __init__(self, n_kept: int) -> None:
        self.n_kept = n_kept
        self._held: list[State] = []
        self._spacing, self._n_offered = 1, 0

    def offer(self, state: Callable[[], State]) -> None:
        """Keep the state if it is its turn."""
        self._n_offered += 1
        if self._n_offered % self._spacing:
            return
        self._held.append(state())
        if len(self._held) == 2 * self.n_kept:
            self._held = self._held[1::2]
            self._spacing *= 2

    @property
    def kept(self) -> list[State]:
        """The kept states: ``n_kept`` of them, or fewer if fewer were offered."""
        n_held = len(self._held)
        n = min(self.n_kept, n_held)
        return [self._held[(place + 1) * n_held // n - 1] for place in range(n)]


class Sampling(AlternationInMemory):
    """A running chain.

    Parameters
    ----------
    generator : numpy.random.Generator
    n_burn_in, n_kept : int
        The number of sweeps before the first sample, and of evenly spaced samples to keep.
    user_noise : bool
        Whether every user has noise of their own.

    Attributes
    ----------
    posterior : Posterior
        The kept samples; set when the chain is finished.
    """

    def __init__(
        self,
        users: SampledSide,
        items: SampledSide,
        *,
        generator: np.random.Generator,
        offset: float,
        scale: float,
        noise_precision: float,
        n_burn_in: int,
        n_kept: int,
        n_threads: int,
        user_noise: bool = False,
    ) -> None:
        nothing = np.zeros(0, dtype=np.float32)
        super().__init__(
            users.observed,
            items.observed,
            users=users.side,
            items=items.side,
            user_ridge=nothing,
            item_ridge=nothing,
            terms=Terms(offset=offset),
            n_threads=n_threads,
        )
        self.sampled_users, self.sampled_items = users, items
        self.generator = generator
        self.scale = scale
        self.noise_precision = noise_precision
        self.user_noise = UserNoise(users.observed, items.observed) if user_noise else None
        self.n_burn_in = n_burn_in
        self.states = States(n_kept)
        self.posterior: Posterior

    def improve(self) -> Losses:
        """Do one sweep: draw the priors, users, items and the noise precision, each given the others."""
        unweighed = self._draw_users()
        squared_error = self._draw(self.sampled_items, self.users)
        n_ratings = self.by_user.total
        self.noise_precision = draw_noise_precision(
            self.generator, n_ratings, squared_error, scale=self.scale
        )
        self._objective = squared_error
        return Losses(squared_error if unweighed is None else unweighed, 0.0)

    def _draw_users(self) -> float | None:
        """Draw the users, and the noise of each if they have noise of their own.

        Returns
        -------
        float or None
            With such noise, the squared error that all ratings have, whoever gave them.
        """
        noise = self.user_noise
        if noise is None:
            self._draw(self.sampled_users, self.items)
            return None
        errors = np.zeros(self.by_user.n_rows)
        self.sampled_users.observed = noise.by_user
        self._draw(self.sampled_users, self.items, errors)
        unweighed = noise.draw(self.generator, errors, self.noise_precision)
        self.sampled_items.observed = noise.by_item
        return unweighed

    def _draw(self, sampled: SampledSide, fixed: Side, row_errors: Doubles | None = None) -> float:
        sampled.draw_prior(self.generator)
        seed = int(self.generator.integers(2**63))
        return sampled.draw(fixed, self.terms.offset, self.noise_precision, seed, row_errors)

    def _iterate(self, iteration: int, measure: Any) -> Iteration:
        record = super()._iterate(iteration, measure)
        if iteration > self.n_burn_in:
            self.states.offer(self._state)
        return record

    def _state(self) -> State:
        items = Side(self.items.factors.copy(), bias_of(self.items).copy())
        regression = self.sampled_users.regression
        weights = None if regression is None else regression.weights.copy()
        degrees = None if self.user_noise is None else self.user_noise.degrees
        return State(items, self.sampled_users.prior, weights, self.noise_precision, degrees)

    @property
    def stranger(self) -> Side:
        """A person about whom nothing is known, in the current state of the chain."""
        mean = self.sampled_users.prior.mean.astype(np.float32)
        return Side(mean[None, :-1].copy(), mean[-1:].copy())

    def finish(self) -> None:
        """Make a posterior from the kept states; a chain that ended in the burn-in keeps its last state."""
        if not self.states.kept:
            self.states.offer(self._state)
        regression = self.sampled_users.regression
        features = None if regression is None else regression.features
        self.posterior = Posterior.of(
            self.states.kept, self.by_user, features, self.terms.offset, self.n_threads
        )

    def has_flattened(self, tolerance: float | None) -> bool:
        """Whether the latest samples have hardly lowered the error of the running average."""
        history = self.history
        if tolerance is None or len(history) < self.n_burn_in + 2 * SAMPLES_TO_JUDGE_BY:
            return False
        return history[-1 - SAMPLES_TO_JUDGE_BY].watched - history[-1].watched < tolerance


class RunningAverage:
    """Follows the error of the mean prediction of all samples so far, on held-out ratings."""

    def __init__(self, held_out: HeldOut, rating_range: tuple[float, float], n_burn_in: int) -> None:
        self.held_out = held_out
        self.rating_range = rating_range
        self.n_burn_in = n_burn_in
        self.n_seen = 0
        self.total: NDArray[np.float64] = np.zeros(len(held_out.values))

    def add(self, fit: Sampling) -> tuple[float, float]:
        """The RMSE of this sample alone, and of the mean of all since the burn-in; each is clipped first."""
        predicted = predict_with_strangers(
            partial(self._predict, fit),
            self.held_out.rows,
            self.held_out.columns,
            fit.users,
            lambda: fit.stranger,
        )
        alone = self._rmse(predicted)
        self.n_seen += 1
        if self.n_seen <= self.n_burn_in:
            return alone, alone
        self.total += predicted
        return alone, self._rmse(self.total / (self.n_seen - self.n_burn_in))

    def _predict(self, fit: Sampling, rows: Any, columns: Any, users: Side) -> Floats:
        return predict_pairs(
            rows,
            columns,
            users,
            fit.items,
            offset=fit.terms.offset,
            n_threads=fit.n_threads,
            limits=self.rating_range,
        )

    def _rmse(self, predicted: NDArray[Any]) -> float:
        return float(np.sqrt(np.mean((predicted - self.held_out.values) ** 2, dtype=np.float64)))
