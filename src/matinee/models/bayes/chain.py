"""The Gibbs sampler: the same alternation as in other models, but each half-step draws rows at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.bayes.contexts import SampledContexts
from matinee.models.bayes.hyperprior import draw_noise_precision
from matinee.models.bayes.own_noise import OwnNoise, precisions_of, weighed
from matinee.models.bayes.posterior import Posterior, State
from matinee.models.bayes.sampled_side import SampledSide
from matinee.models.people_in_contexts import predict_with_strangers
from matinee.ratings import Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import in_context
from matinee.solving.history import Iteration
from matinee.solving.row_problem import (
    Floats,
    Losses,
    SecondRows,
    Side,
    Terms,
    bias_of,
    predict_pairs,
)
from matinee.solving.training_loop import AlternationInMemory, HeldOut

# The running average has flattened if this many more samples lower its error by less than the tolerance.
SAMPLES_TO_JUDGE_BY = 20
# So many training ratings are predicted at once, as people in contexts need a copy for each.
PREDICTED_AT_ONCE = 1 << 16


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
    user_noise, item_noise : bool
        Whether every user and every item has noise of its own.
    contexts : SampledContexts or None
        The contexts of the ratings, if they have any.

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
        item_noise: bool = False,
        contexts: SampledContexts | None = None,
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
        self.user_noise = OwnNoise(users.observed) if user_noise else None
        self.item_noise = OwnNoise(items.observed) if item_noise else None
        self.sampled_contexts = contexts
        self.n_burn_in = n_burn_in
        self.states = States(n_kept)
        self.posterior: Posterior

    def improve(self) -> Losses:
        """Do one sweep: draw the priors, users, items, contexts and the noise, each given the others."""
        contexts, user_noise, item_noise = self.sampled_contexts, self.user_noise, self.item_noise
        beside_items = None if contexts is None else contexts.beside_items
        beside_users = None if contexts is None else contexts.beside_users
        _, of_users = self._draw(
            self.sampled_users, self.by_user, self.items, user_noise, item_noise, beside_items
        )
        squared_error, of_items = self._draw(
            self.sampled_items, self.by_item, self.users, item_noise, user_noise, beside_users
        )
        if contexts is not None:
            squared_error = contexts.draw(
                self.generator,
                self.users,
                self.items,
                offset=self.terms.offset,
                noise_precision=self.noise_precision,
                user_precisions=precisions_of(user_noise),
                item_precisions=precisions_of(item_noise),
            )
        n_ratings = self.by_user.total
        self.noise_precision = draw_noise_precision(
            self.generator, n_ratings, squared_error, scale=self.scale
        )
        self._objective = squared_error
        if user_noise is None and item_noise is None:
            return Losses(squared_error, 0.0)
        if user_noise is None:
            return Losses(of_items, 0.0)
        return Losses(of_users if item_noise is None else self._squared_error(), 0.0)

    def _draw(
        self,
        sampled: SampledSide,
        rated: Rows,
        fixed: Side,
        own: OwnNoise | None,
        across: OwnNoise | None,
        second: SecondRows | None,
    ) -> tuple[float, float]:
        """Draw the rows of one side, and the noise of each if they have noise of their own.

        Returns
        -------
        float, float
            The squared error of the ratings as the noise of both sides weighs them, and without that of the
            rows drawn.
        """
        sampled.draw_prior(self.generator)
        seed = int(self.generator.integers(2**63))
        sampled.observed = weighed(rated, rows=precisions_of(own), columns=precisions_of(across))
        how = self.terms.offset, self.noise_precision, seed
        if own is None:
            squared_error = sampled.draw(fixed, *how, second=second)
            return squared_error, squared_error
        errors = np.zeros(rated.n_rows)
        sampled.draw(fixed, *how, errors, second)
        errors = own.draw(self.generator, errors, self.noise_precision)
        return float(errors @ own.precisions), float(errors.sum())

    def _squared_error(self) -> float:
        """The squared error that the training ratings have, whatever the noise of their users and items."""
        rated, total = self.by_user, 0.0
        rows = np.repeat(np.arange(rated.n_rows, dtype=np.int32), rated.counts)
        for begin in range(0, len(rows), PREDICTED_AT_ONCE):
            part = slice(begin, begin + PREDICTED_AT_ONCE)
            codes = None if rated.contexts is None else rated.contexts[part]
            predicted = self.predicted(rows[part], rated.columns[part], codes)
            squares = np.square(rated.values[part] - predicted, dtype=np.float64)
            total += float(squares.sum() if rated.weights is None else squares @ rated.weights[part])
        return total

    def predicted(
        self,
        rows: NDArray[Any],
        columns: NDArray[Any],
        codes: ContextCodes | None,
        limits: tuple[float, float] = (-np.inf, np.inf),
    ) -> Floats:
        """What the current state of the chain predicts for pairs, in contexts if there are any.

        A row of −1 is a person about whom nothing is known, and a column of −1 an item without factors.
        """

        def predict(rows: Any, columns: Any, users: Side) -> Floats:
            return predict_pairs(
                rows,
                columns,
                users,
                self.items,
                offset=self.terms.offset,
                n_threads=self.n_threads,
                limits=limits,
            )

        if self.sampled_contexts is None:
            return predict_with_strangers(predict, rows, columns, self.users, lambda: self.stranger)
        assert codes is not None
        people = self.users.pick(np.maximum(rows, 0))
        strangers = np.flatnonzero(rows < 0)
        people.put(strangers, self.stranger.pick(np.zeros_like(strangers)))
        people = in_context(people, self.sampled_contexts.values.of(codes))
        return predict(np.arange(len(rows)), columns, people)

    def _iterate(self, iteration: int, measure: Any) -> Iteration:
        record = super()._iterate(iteration, measure)
        if iteration > self.n_burn_in:
            self.states.offer(self._state)
        return record

    def _state(self) -> State:
        items = Side(self.items.factors.copy(), bias_of(self.items).copy())
        regression, users, of_items = self.sampled_users.regression, self.user_noise, self.item_noise
        return State(
            items,
            self.sampled_users.prior,
            None if regression is None else regression.weights.copy(),
            self.noise_precision,
            noise_degrees=None if users is None else users.degrees,
            item_noise_degrees=None if of_items is None else of_items.degrees,
            item_precisions=None if of_items is None else of_items.precisions.astype(np.float32),
            contexts=None if self.sampled_contexts is None else self.sampled_contexts.values.side,
        )

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
            self.states.kept,
            self.by_user,
            features,
            self.terms.offset,
            self.n_threads,
            context_sizes=() if self.sampled_contexts is None else self.sampled_contexts.sizes,
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
        pairs = self.held_out.rows, self.held_out.columns, self.held_out.contexts
        predicted = fit.predicted(*pairs, self.rating_range)
        alone = self._rmse(predicted)
        self.n_seen += 1
        if self.n_seen <= self.n_burn_in:
            return alone, alone
        self.total += predicted
        return alone, self._rmse(self.total / (self.n_seen - self.n_burn_in))

    def _rmse(self, predicted: NDArray[Any]) -> float:
        return float(np.sqrt(np.mean((predicted - self.held_out.values) ** 2, dtype=np.float64)))
