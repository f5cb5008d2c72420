"""One person in the eyes of a Bayesian model: a mean, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, whole_number
from matinee.errors import DataError
from matinee.models.answers import Recommendation
from matinee.models.bayes.posterior import SampledRows
from matinee.models.person import Person
from matinee.ratings import Rows
from matinee.solving.row_problem import Floats, Solver, with_ones

if TYPE_CHECKING:
    from matinee.models.bayes.answers import SampledModel

# Draws of people, the same whenever they are asked for, and whoever else is.
DRAWN = Solver(spread=1.0, seed=0, same_noise=True)
LARGEST_OPTIMISM = 1e6


class SampledPerson(Person):
    """A `Person` as every kept sample sees them. `BayesianALS.fold_in` makes one; nothing is retrained.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,)
        The mean over the samples.
    bias : float
    """

    _model: SampledModel

    def __init__(
        self, model: SampledModel, side: SampledRows, rated: Rows, features: Callable[[], Rows | None]
    ) -> None:
        super().__init__(model, side, rated)
        self._make_features = features

    @property
    def factors(self) -> Floats:
        """The mean over the samples; float32, shape (n_factors,)."""
        n_samples = self._model.posterior_.n_samples
        mean: Floats = self._side.factors.reshape(n_samples, -1).mean(axis=0)
        return mean

    @cached_property
    def _features(self) -> Rows | None:
        return self._make_features()

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        optimism: float = 0.0,
    ) -> list[Recommendation]:
        """The n items of the highest score, best first; fewer only where there are fewer.

        Parameters
        ----------
        n : int
        exclude_seen : bool
        items : ids, optional
        optimism : float
            Rank by the mean and so many standard deviations.

        Raises
        ------
        UnknownItemError
        DataError
        """
        optimism = number("optimism", optimism, least=-LARGEST_OPTIMISM, most=LARGEST_OPTIMISM)
        if optimism == 0:
            return super().recommend(n, exclude_seen=exclude_seen, items=items)
        model = self._model
        columns = (
            np.arange(len(model.item_index_)) if items is None else np.unique(model._item_positions(items))
        )
        if exclude_seen:
            columns = np.setdiff1d(columns, self._rated.columns)
        scores = model._raw_predictions(np.zeros_like(columns), columns, self._side)
        scores = scores + optimism * self._deviations(columns)
        best = np.argsort(-scores, kind="stable")[: whole_number("n", n, least=1)]
        ids = model.item_index_.ids[columns[best]].tolist()
        return list(map(Recommendation, ids, scores[best].tolist()))

    def predict(
        self,
        items: Any,
        *,
        unknown: str = "fallback",
        return_std: bool = False,
        interval: float | None = None,
    ) -> Any:
        """The ratings expected of this person, and how sure; as `BayesianALS.predict`, for one user.

        Parameters
        ----------
        items : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}
        return_std : bool
        interval : float, optional

        Returns
        -------
        float or ndarray of float32, shape (n,), or a tuple of them
        """
        items = list(items) if isinstance(items, Iterator) else items
        mean = super().predict(items, unknown=unknown)
        if not return_std and interval is None:
            return mean
        columns, _ = self._model._positions(items, "item", unknown)
        deviations = self._deviations(columns)
        if unknown == "nan":
            deviations[columns < 0] = np.nan
        rating_range = self._model.rating_range_
        return with_error(mean, deviations, rating_range, return_std=return_std, interval=interval)

    def _deviations(self, columns: Any) -> Floats:
        return self._model._deviations_of(self._rated, self._features, np.zeros_like(columns), columns)

    def _score_parts(self, columns: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean over the samples: in each the score is linear in the targets, from the prior's mean on."""
        model, posterior = self._model, self._model.posterior_
        rated = self._rated
        baselines, parts = np.zeros(len(columns)), np.zeros((len(columns), len(rated.columns)))
        for sample in range(posterior.n_samples):
            biases = posterior.item_bias_samples[:, sample]
            factors = with_ones(posterior.item_samples[rated.columns, sample])
            asked = with_ones(posterior.item_samples[columns, sample])
            prior = posterior.prior_precisions[sample] / posterior.noise_precisions[sample]
            responses = np.linalg.solve(prior + factors.T @ factors, asked.T)
            mean = posterior.prior_mean_of(sample, self._features)[0]
            targets = rated.values - model.mean_ - biases[rated.columns]
            parts += (factors @ responses).T * targets
            baselines += responses.T @ (prior @ mean) + biases[columns]
        return model.mean_ + baselines / posterior.n_samples, parts / posterior.n_samples


def with_error(
    mean: Any,
    deviations: Floats,
    rating_range: tuple[float, float],
    *,
    return_std: bool,
    interval: float | None,
) -> Any:
    """A prediction with what else is asked for: its deviation, and the ends of a central interval.

    Raises
    ------
    DataError
        For an interval that is no share between 0 and 1.
    """
    scalar = np.ndim(mean) == 0
    answers = [mean]
    if return_std:
        answers.append(float(deviations[0]) if scalar else deviations)
    if interval is not None:
        reach = np.float32(_deviations_within(interval)) * deviations
        for end in (mean - reach, mean + reach):
            clipped = np.clip(end, *rating_range)
            answers.append(float(clipped[0]) if scalar else clipped)
    return tuple(answers)


def _deviations_within(share: float) -> float:
    """How many deviations on either side of the mean hold a share of a normal distribution."""
    tail = 0.5 - number("interval", share, least=0, most=1) / 2
    if not 0 < tail < 0.5:
        raise DataError(f"interval={share!r}; expected a share between 0 and 1, such as 0.9")
    return -NormalDist().inv_cdf(tail)
