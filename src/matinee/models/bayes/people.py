"""Many people at once as the kept samples of a chain see them: their means and their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number
from matinee.errors import DataError
from matinee.models.bayes.posterior import Posterior
from matinee.models.bayes.sampled_rows import SampledRows
from matinee.models.features.features import FeatureColumns
from matinee.models.features.side_knowledge import regression_features
from matinee.models.people import ScoreParts
from matinee.models.people_in_contexts import PeopleInContexts, predict_with_strangers
from matinee.ratings import Contexts, Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import in_context
from matinee.solving.linear_systems import solved
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    Side,
    Solver,
    bias_of,
    predict_pairs,
)

# Draws people; the same person gets the same draws every time, whoever else is drawn with them.
DRAWN = Solver(spread=1.0, seed=0, same_noise=True)


@dataclass(frozen=True, eq=False)
class SampledItems:
    """The items of all samples; folds people in from their ratings and features.

    Attributes
    ----------
    posterior : Posterior
        The kept samples.
    mean : float
        The number that biases and products of factors are added to.
    rating_range : tuple of float
        The range that the prediction of each sample is clipped to.
    rating_variance : float
        The variance of the fitted ratings.
    user_columns : FeatureColumns or None
        The columns that turn knowledge about a user into features; None if the fit had no user features.
    implicit : bool
        Whether the features include who rated what.
    contexts : Contexts or None
        The contexts of the ratings; None if the fit had none.
    """

    posterior: Posterior
    mean: float
    rating_range: tuple[float, float]
    rating_variance: float
    user_columns: FeatureColumns | None
    implicit: bool
    contexts: Contexts | None = None

    @cached_property
    def samples(self) -> SampledRows:
        """The items in every sample."""
        return self.posterior.items

    @cached_property
    def side(self) -> Side:
        """The samples side by side, divided by their number, so that a product with a user's is a mean."""
        share = np.float32(1 / self.posterior.n_samples)
        return Side(share * self.samples.factors, self.samples.biases)

    @cached_property
    def ranker(self) -> Ranker:
        """Ranks items by the means over the samples."""
        return Ranker(self.side)

    @cached_property
    def stranger(self) -> SampledRows:
        """A person about whom nothing is known, in whichever context."""
        return self.in_context(self.stranger_alone, np.zeros(1, dtype=np.int64))

    @cached_property
    def stranger_alone(self) -> SampledRows:
        """The same person apart from any context."""
        return self.fold(Rows.empty(1), None, n_threads=1)

    def in_context(self, people: SampledRows, codes: ContextCodes) -> SampledRows:
        """The factors and biases of people in a context each; their own if the model has no contexts."""
        if not self.posterior.has_contexts:
            return people
        return people.in_context(self.posterior.contexts_of(codes))

    def features(self, rated: Rows, known: Rows | None) -> Rows | None:
        """The features of people for the users' regression; None if there is no regression.

        Parameters
        ----------
        rated : Rows
            The ratings, one row for each person.
        known : Rows or None
            The given features, one row for each person; None if there are none.
        """
        if self.user_columns is not None and known is None:
            known = Rows.empty(rated.n_rows)
        n_items = len(self.posterior.item_samples)
        given = regression_features(rated, n_items, self.user_columns, known, implicit=self.implicit)
        return None if given is None else given[0]

    def fold(self, rated: Rows, known: Rows | None, n_threads: int) -> SampledRows:
        """The factors and biases of people in every sample, from their ratings and features."""
        features = self.features(rated, known)
        given = self.posterior.users_given(rated, features, self.mean, TO_THE_LAST_DIGIT, n_threads)
        sides = list(given)
        factors = np.stack([side.factors for side in sides], axis=1)
        return SampledRows.of(factors, np.stack([bias_of(side) for side in sides], axis=1))


@dataclass(frozen=True, eq=False)
class SampledPeople(PeopleInContexts):
    """People in every kept sample, one row for each person."""

    side: SampledRows
    items: SampledItems
    own: SampledRows

    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        return predict_with_strangers(
            self._mean_clipped, rows, columns, self.side, lambda: self.items.stranger
        )

    def _mean_clipped(self, rows: NDArray[Any], columns: NDArray[Any], users: Side) -> Floats:
        """The mean of the samples' clipped predictions; it is nearer to the ratings than the clipped mean."""
        assert isinstance(users, SampledRows)
        return predict_pairs(
            rows,
            columns,
            users.samples,
            self.items.samples.samples,
            offset=self.items.mean,
            n_threads=self.n_threads,
            n_samples=self.items.posterior.n_samples,
            limits=self.items.rating_range,
        )

    def means(self, columns: NDArray[Any]) -> Floats:
        """The first person's scores for items: the means over the samples, not clipped."""
        rows = np.zeros_like(columns)
        items = self.items
        return predict_pairs(
            rows, columns, self.side, items.side, offset=items.mean, n_threads=self.n_threads
        )

    def deviations(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """The standard deviations of ratings around their predictions, for pairs of positions."""
        people, places = np.unique(rows, return_inverse=True)
        rated = self.rated.pick(people)
        features = self.items.features(rated, None if self.known is None else self.known.pick(people))
        posterior = self.items.posterior
        known = columns >= 0
        used, local = np.unique(columns[known], return_inverse=True)
        columns_used = np.full(len(columns), -1)
        columns_used[known] = local
        codes = np.where(people < 0, 0, self.codes[people])
        total, squared = np.zeros(len(places)), np.zeros(len(places))
        of_noise = np.zeros(len(places))
        drawn = posterior.people_given(rated, features, self.items.mean, DRAWN, self.n_threads)
        for sample, (persons, items) in enumerate(zip(drawn, posterior.items_in_turn(used), strict=True)):
            side = persons.side
            if posterior.has_contexts:
                side = in_context(side, posterior.contexts_in(sample, codes))
            scores = predict_pairs(places, columns_used, side, items, offset=0.0, n_threads=self.n_threads)
            total += scores
            squared += np.square(scores, dtype=np.float64)
            variances = 1 / posterior.noise_precisions[sample]
            if persons.noise is not None:
                variances = persons.noise[1][places]
            of_items = posterior.precisions_of_items(sample, used)
            if of_items is not None:
                # An unknown item's ratings are as precise as is expected of any.
                variances = variances / np.where(known, of_items[columns_used], 1.0)
            of_noise += variances
        n = posterior.n_samples
        of_noise /= n
        variance = np.maximum(squared - total**2 / n, 0.0) / max(n - 1, 1) + of_noise
        # For an unknown item, the variance of all ratings is all that is known.
        least = np.maximum(self.items.rating_variance, of_noise)
        variance[~known] = least[~known]
        return np.sqrt(variance).astype(np.float32)

    def interval(self, means: Floats, columns: NDArray[Any], share: float) -> tuple[Floats, Floats]:
        """The ends of the central interval that holds a share of the first person's ratings of items."""
        reach = np.float32(deviations_within(share)) * self.deviations(np.zeros_like(columns), columns)
        low, high = self.items.rating_range
        return np.clip(means - reach, low, high), np.clip(means + reach, low, high)

    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        """The parts of the scores, averaged over the samples.

        In each sample, a score is what the prior mean gives plus a sum that is linear in the targets.
        """
        posterior, rated = self.items.posterior, self.rated
        features = self.items.features(rated, self.known)
        prior = posterior.prior_precisions / posterior.noise_precisions[:, None, None]
        means = np.stack([posterior.prior_mean_of(s, features)[0] for s in range(posterior.n_samples)])
        factors, biases = self._bordered(rated.columns, rated.contexts)
        asked, asked_biases = self._bordered(columns, np.repeat(self.codes[:1], len(columns)))
        weights = self._weights_of_the_first(features)
        weighed = factors * weights[:, :, None]
        responses = solved(prior + np.swapaxes(weighed, 1, 2) @ factors, np.swapaxes(asked, 1, 2))
        targets = weights * (rated.values - self.items.mean - biases)
        parts = ((factors @ responses) * targets[:, :, None]).mean(axis=0).T
        shifts = (prior @ means[:, :, None])[:, :, 0]
        baselines = np.einsum("sk,ski->si", shifts, responses) + asked_biases
        return self.items.mean + baselines.mean(axis=0), parts

    def _weights_of_the_first(self, features: Rows | None) -> NDArray[np.float64]:
        """What each rating of the first person weighs in every sample; shape (n_samples, n_rated)."""
        posterior = self.items.posterior
        precisions = np.ones(posterior.n_samples)
        if posterior.has_user_noise:
            people = posterior.people_given(self.rated, features, self.items.mean, DRAWN, self.n_threads)
            precisions[:] = [0.0 if each.noise is None else each.noise[0][0] for each in people]
        own = np.ones(len(self.rated.columns)) if self.rated.weights is None else self.rated.weights
        weights: NDArray[np.float64] = np.outer(precisions, own)
        if posterior.has_item_noise:
            weights *= posterior.item_precisions[self.rated.columns].T
        return weights

    def _bordered(
        self, columns: NDArray[Any], codes: ContextCodes | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The vectors of ratings in every sample, with a 1 at the end, and what is taken off the targets.

        They are the items' factors and biases and, with contexts, those of each item in its context.

        Shapes (n_samples, n_items, n_factors + 1) and (n_samples, n_items).
        """
        posterior = self.items.posterior
        samples = posterior.item_samples[columns].transpose(1, 0, 2)
        factors = np.ones((*samples.shape[:2], samples.shape[2] + 1))
        factors[:, :, :-1] = samples
        biases = posterior.item_bias_samples[columns].T.astype(np.float64)
        if posterior.has_contexts:
            codes = np.zeros(len(columns), dtype=np.int64) if codes is None else codes
            contexts = posterior.contexts_of(codes)
            beside = contexts.factors.reshape(len(codes), -1, samples.shape[2]).transpose(1, 0, 2)
            biases += contexts.bias_samples.T
            biases += np.einsum("sik,sik->si", samples, beside, dtype=np.float64)
            factors[:, :, :-1] += beside
        return factors, biases


def deviations_within(share: float) -> float:
    """How many deviations on either side of the mean hold a share of a normal distribution."""
    tail = 0.5 - number("interval", share, least=0, most=1) / 2
    if not 0 < tail < 0.5:
        raise DataError(f"interval={share!r}; expected a share between 0 and 1, such as 0.9")
    return -NormalDist().inv_cdf(tail)
