"""People in the eyes of several models at once: what they would watch, and how they would rate it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.metrics import liked_and_disliked
from matinee.models.people import People, ProductPeople, ScoreParts
from matinee.ratings import Rows
from matinee.solving.ranking import Positions, Ranker, best_of_scores
from matinee.solving.row_problem import Floats, Side

Doubles = NDArray[np.float64]

# Scores that differ by less than this share of their size are all alike: rounding makes such differences.
ALIKE = 1e-6


@dataclass(frozen=True, eq=False)
class PartItems:
    """The items of one of the models, as factors whose products with people's are its scores.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_items, k)
    mean : ndarray of float64, shape (k,)
    covariance : ndarray of float64, shape (k, k)
    """

    factors: Floats
    mean: Doubles
    covariance: Doubles

    @classmethod
    def of(cls, factors: Floats) -> PartItems:
        """The items with these factors."""
        mean = factors.mean(axis=0, dtype=np.float64)
        centred = (factors - mean.astype(np.float32)).astype(np.float32)
        return cls(factors, mean, (centred.T @ centred).astype(np.float64) / len(factors))


@dataclass(frozen=True, eq=False)
class BlendedItems:
    """The items as all models see them.

    Attributes
    ----------
    popularity : ndarray of float32, shape (n_items,)
        How many users rated each, standardised over the items: what somebody without ratings would watch.
    parts : list of PartItems, or None
        One for each model, the star model last; None if the scores of one of them are no products.
    ranker : Ranker or None
        Of the factors of all parts side by side, and the popularity.
    disliked_to : float or None
        A rating of at most this says that something was disliked; None if no rating does.
    """

    popularity: Floats
    parts: list[PartItems] | None
    ranker: Ranker | None
    disliked_to: float | None

    @classmethod
    def of(
        cls, n_raters: NDArray[Any], people: list[People], rating_range: tuple[float, float]
    ) -> BlendedItems:
        """From how many rated each item, any people of each model, and the least and greatest rating."""
        _, disliked_to = liked_and_disliked(*rating_range) or (None, None)
        popularity = standardised(n_raters[None, :].astype(np.float64))[0].astype(np.float32)
        products = [each for each in people if isinstance(each, ProductPeople)]
        if len(products) < len(people):
            return cls(popularity, None, None, disliked_to)
        parts = [PartItems.of(each.item_columns) for each in products]
        columns = np.hstack([*(part.factors for part in parts), popularity[:, None]])
        return cls(popularity, parts, Ranker(Side(np.ascontiguousarray(columns), None)), disliked_to)


@dataclass(frozen=True, eq=False)
class BlendedPeople(People):
    """People whose score of an item is ``(1 − blend)·Σ z(watch) + blend·z(stars)``.

    The z of a model are its scores less their mean over all items, divided by their deviation. For people of
    few ratings the z of what most people watch stand beside those of a watch model: their share is exp(−n)
    after n ratings of what was not disliked. With none of it, visitors of one rating are shown less of what
    they like than the most popular would show; and who only says what they dislike is shown more of it, as
    having seen a film counts for more than having disliked it.

    Attributes
    ----------
    watch : list of People
        The same people in the eyes of each watch model. Somebody of whom a model knows nothing, as all its
        scores are alike, would watch what most people did.
    stars : People
        The same people in the eyes of the star model.
    blend : float
        From 0, watch alone, to 1, stars alone.
    items : BlendedItems
    """

    rated: Rows
    watch: list[People]
    stars: People
    blend: float
    items: BlendedItems
    n_threads: int

    def pick(self, rows: NDArray[Any]) -> BlendedPeople:
        watch = [each.pick(rows) for each in self.watch]
        return replace(self, rated=self.rated.pick(rows), watch=watch, stars=self.stars.pick(rows))

    def blended(self, blend: float) -> BlendedPeople:
        """The same people with another blend."""
        return replace(self, blend=blend)

    def rank(
        self,
        n: int,
        *,
        rows: NDArray[Any] | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
    ) -> tuple[Positions, Floats]:
        asked = np.arange(self.rated.n_rows) if rows is None else np.asarray(rows)
        if self.items.ranker is None:
            n_items = len(self.items.popularity)
            return best_of_scores(self.scores, asked, n_items, n, excluded=excluded, candidates=candidates)
        shown = None if excluded is None else excluded.pick(asked)
        return self.items.ranker.best(
            self.queries(asked), n, excluded=shown, candidates=candidates, n_threads=self.n_threads
        )

    def scores(self, rows: NDArray[Any]) -> Floats:
        """Scores of all items for some of the people; float32, shape (n_rows, n_items)."""
        total = self.blend * standardised(self.stars.scores(rows).astype(np.float64))
        own = self._own_shares(rows)
        for people in self.watch:
            z = standardised(people.scores(rows).astype(np.float64))
            share = np.where(z.any(axis=1), own, 0.0)[:, None]
            total += (1 - self.blend) * (share * z + (1 - share) * self.items.popularity)
        return total.astype(np.float32)

    def queries(self, rows: NDArray[Any]) -> Side:
        """People's factors, so scaled that their products with the items are blended scores."""
        weights, means, popular = self._scales(rows)
        columns = []
        for place, people in enumerate([*self.watch, self.stars]):
            assert isinstance(people, ProductPeople)
            columns.append(people.query_columns(rows) * weights[place][:, None])
            means[place] -= people.own_numbers(rows)
        factors = np.hstack([*columns, popular[:, None]]).astype(np.float32)
        return Side(np.ascontiguousarray(factors), (-(weights * means).sum(axis=0)).astype(np.float32))

    def _scales(self, rows: NDArray[Any]) -> tuple[Doubles, Doubles, Doubles]:
        """What each model's scores are multiplied by, and their means; shape (n_models, n_rows) each.

        And the weight of what most people watch, shape (n_rows,).
        """
        everybody = [*self.watch, self.stars]
        means, deviations = np.empty((2, len(everybody), len(rows)))
        for place, people in enumerate(everybody):
            means[place], deviations[place] = self._mean_and_deviation(place, people, rows)
        own = np.where(deviations[:-1] > 0, self._own_shares(rows), 0.0)
        shares = np.vstack([(1 - self.blend) * own, np.full((1, len(rows)), self.blend)])
        weights = np.divide(shares, deviations, out=np.zeros_like(deviations), where=deviations > 0)
        return weights, means, (1 - self.blend) * (1 - own).sum(axis=0)

    def _own_shares(self, rows: NDArray[Any]) -> Doubles:
        """How much of what people would watch follows from their own ratings, 0 to 1."""
        rated, disliked_to = self.rated.pick(rows), self.items.disliked_to
        n = rated.counts if disliked_to is None else rated.counts_of(rated.values > disliked_to)
        shares: Doubles = 1 - np.exp(-n.astype(np.float64))
        return shares

    def _mean_and_deviation(self, place: int, people: People, rows: NDArray[Any]) -> tuple[Doubles, Doubles]:
        """Of all scores of each person; a deviation of scores that are all alike is 0."""
        if self.items.parts is None or not isinstance(people, ProductPeople):
            return mean_and_deviation(people.scores(rows).astype(np.float64))
        part, queries = self.items.parts[place], people.query_columns(rows).astype(np.float64)
        means = queries @ part.mean + people.own_numbers(rows)
        variances = np.maximum(((queries @ part.covariance) * queries).sum(axis=1), 0.0)
        deviations = np.sqrt(variances)
        deviations[deviations <= ALIKE * np.abs(means)] = 0.0
        return means, deviations

    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        return self.stars.predict(rows, columns)

    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        weights, means, popular = self._scales(np.zeros(1, dtype=np.int64))
        baselines = popular[0] * self.items.popularity[columns].astype(np.float64)
        parts = np.zeros((len(columns), len(self.rated.columns)))
        for place, people in enumerate([*self.watch, self.stars]):
            weight = weights[place, 0]
            if weight == 0:
                continue
            baseline, contributions = people.score_parts(columns)
            baselines += weight * (baseline - means[place, 0])
            parts += weight * contributions
        return baselines, parts


def standardised(scores: Doubles) -> Doubles:
    """Scores of people, a row each, less their mean and divided by their deviation; 0 if all are alike."""
    means, deviations = mean_and_deviation(scores)
    centred = scores - means[:, None]
    centred[deviations == 0] = 0.0
    return np.divide(centred, deviations[:, None], out=centred, where=deviations[:, None] > 0)


def mean_and_deviation(scores: Doubles) -> tuple[Doubles, Doubles]:
    """Of scores of people, a row each; the deviation of scores that are all alike is 0."""
    means, deviations = scores.mean(axis=1), scores.std(axis=1)
    deviations[deviations <= ALIKE * np.abs(means)] = 0.0
    return means, deviations
