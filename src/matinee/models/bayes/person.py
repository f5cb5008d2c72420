"""One person as a Bayesian model sees them: a mean and its uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from matinee.checks import number, whole_number
from matinee.models.answers import Listing, Recommendation
from matinee.models.bayes.people import SampledPeople, deviations_within
from matinee.models.diversity import pool_size, rerank
from matinee.models.id_lookup import positions_of
from matinee.models.person import Person
from matinee.solving.row_problem import Floats, bias_of

LARGEST_OPTIMISM = 1e6


class SampledPerson(Person):
    """A `Person` in every kept sample. `BayesianALS.fold_in` makes one, without retraining.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,)
        The person's factors: the mean over the samples.
    bias : float
        How much higher than others this person rates: the mean over the samples.
    """

    _people: SampledPeople

    @property
    def factors(self) -> Floats:
        """The person's factors, averaged over the samples; float32, shape (n_factors,)."""
        n_samples = self._people.items.posterior.n_samples
        mean: Floats = self._people.own.factors.reshape(n_samples, -1).mean(axis=0)
        return mean

    @property
    def bias(self) -> float:
        """How much higher than others this person rates: the mean over the samples."""
        return float(bias_of(self._people.own)[0])

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        optimism: float = 0.0,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items with the highest scores, best first; fewer if there are fewer items.

        Parameters
        ----------
        n : int
            The number of items.
        exclude_seen : bool
            Leave out the items that the person has rated.
        items, exclude, min_ratings
            As in `Model.recommend`.
        optimism : float
            Rank by the mean plus this many standard deviations.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, as in `Model.recommend`.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``n``, ``optimism`` or ``diversity`` is out of its range, or a filter is refused as in
            `Model.recommend`.
        """
        optimism = number("optimism", optimism, least=-LARGEST_OPTIMISM, most=LARGEST_OPTIMISM)
        if optimism == 0:
            return super().recommend(
                n,
                exclude_seen=exclude_seen,
                items=items,
                exclude=exclude,
                min_ratings=min_ratings,
                diversity=diversity,
            )
        people = self._people
        chosen = self.candidates.positions(items, exclude, min_ratings)
        columns = np.arange(len(self._item_index)) if chosen is None else chosen
        if exclude_seen:
            columns = np.setdiff1d(columns, people.rated.columns)
        scores = people.means(columns) + optimism * self._deviations(columns)
        share, n = number("diversity", diversity, least=0, most=1), whole_number("n", n, least=1)
        best = np.argsort(-scores, kind="stable")[: pool_size(n) if share else n]
        if share:
            pool = columns[best].astype(np.int32)[None], scores[best].astype(np.float32)[None]
            varied, _ = rerank(*pool, min(n, len(best)), self.candidates, share)
            best = np.searchsorted(columns, varied[0])
        ids = self._item_index.ids[columns[best]].tolist()
        return Listing(map(Recommendation, ids, scores[best].tolist()))

    def predict(
        self,
        items: Any,
        *,
        unknown: str = "fallback",
        return_std: bool = False,
        interval: float | None = None,
    ) -> Any:
        """The predicted ratings of this person, as `BayesianALS.predict` gives them for one user.

        Parameters
        ----------
        items : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}
        return_std : bool
        interval : float, optional
            All as in `BayesianALS.predict`.

        Returns
        -------
        float or ndarray of float32, shape (n,), or a tuple of them
        """
        items = list(items) if isinstance(items, Iterator) else items
        mean = super().predict(items, unknown=unknown)
        if not return_std and interval is None:
            return mean
        columns, _ = positions_of(self._item_index, items, "item", unknown)
        deviations = self._deviations(columns)
        if unknown == "nan":
            deviations[columns < 0] = np.nan
        rating_range = self._people.items.rating_range
        return with_error(mean, deviations, rating_range, return_std=return_std, interval=interval)

    def _deviations(self, columns: Any) -> Floats:
        return self._people.deviations(np.zeros_like(columns), columns)


def with_error(
    mean: Any,
    deviations: Floats,
    rating_range: tuple[float, float],
    *,
    return_std: bool,
    interval: float | None,
) -> Any:
    """A prediction, followed by its deviation and the ends of a central interval if these are asked for.

    Raises
    ------
    DataError
        If the interval is not a share between 0 and 1.
    """
    scalar = np.ndim(mean) == 0
    answers = [mean]
    if return_std:
        answers.append(float(deviations[0]) if scalar else deviations)
    if interval is not None:
        reach = np.float32(deviations_within(interval)) * deviations
        for end in (mean - reach, mean + reach):
            clipped = np.clip(end, *rating_range)
            answers.append(float(clipped[0]) if scalar else clipped)
    return tuple(answers)
