"""Counts and sums over the people of a test, from which the figures of an evaluation are computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.evaluation.audience import Audience, Known, n_trained_on
from matinee.evaluation.criteria import Criteria
from matinee.evaluation.evaluation import LISTS
from matinee.evaluation.per_person import PerPerson
from matinee.evaluation.ranking_metrics import LIKED, PER_USER
from matinee.models.model import Model
from matinee.ratings import Ratings


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts and sums over some of the people of a test.

    Two tallies of different people with the same test and items can be added, field by field.

    Attributes
    ----------
    n_ratings, n_by_model, n_trained_on : int
        The number of test ratings, of those predicted without fallback, and of those whose user and item are
        a pair that the model was fitted on.
    squared_error, absolute_error, squared_error_by_model : float
        The sums of the errors over all predictions, and over those without fallback; 0 for a model that
        predicts no ratings.
    n_users, n_users_fallback, n_users_without_test : int
        The number of people with a relevant test rating, of those about whom the model knows nothing, and of
        people without one.
    ranking : ndarray of float64, shape (n_metrics,)
        The sums of the figures over the people with a relevant test rating, in the order of `PER_USER`.
    n_recommended : ndarray of int64, shape (n_items,)
        The number of the lists of these people that each item is in.
    n_users_liking : int
        The number of people with a test rating that is liked.
    ndcg_liked, recall_liked : float
        The sums of these figures over them.
    n_hits, n_disliked : int
        The number of places, in the lists of all people with test ratings, of items that have a test rating,
        and that are disliked.
    stars_of_hits : float
        The sum of the test ratings of these places.
    n_fitted_users : int
        The number of people with a rating that the model was fitted on, whether they are in the test or not.
    """

    n_ratings: int
    n_by_model: int
    n_trained_on: int
    squared_error: float
    absolute_error: float
    squared_error_by_model: float
    n_users: int
    n_users_fallback: int
    n_users_without_test: int
    ranking: NDArray[np.float64]
    n_recommended: NDArray[np.int64]
    n_users_liking: int
    ndcg_liked: float
    recall_liked: float
    n_hits: int
    n_disliked: int
    stars_of_hits: float
    n_fitted_users: int

    @classmethod
    def of(cls, audience: Audience, test: Ratings, criteria: Criteria) -> Tally:
        """The tally of all people of a test: of their ratings, and of the hits in their lists."""
        return cls.summed(PerPerson.of(audience, test, criteria), audience.model, test)

    @classmethod
    def summed(cls, people: PerPerson, model: Known, test: Ratings) -> Tally:
        """The tally of the people of a test to whom a model has answered."""
        zero = vars(cls.zero(0))
        # In the types of the fields: numpy's own are not for JSON.
        sums = {name: type(zero[name])(amounts.sum()) for name, amounts in people.sums.items()}
        return cls(
            **sums,
            # Each figure by itself, as `figure_by_k` sums it: in another order the last digit may differ.
            ranking=np.ascontiguousarray(people.ranking[people.sums["n_users"] > 0].T).sum(axis=1),
            n_recommended=people.n_recommended.sum(axis=0),
            n_users_without_test=test.n_users - sums["n_users"],
            n_trained_on=n_trained_on(model, test),
            n_fitted_users=_n_fitted_users(model),
        )

    @classmethod
    def zero(cls, n_items: int) -> Tally:
        """The tally of no people, to which others can be added."""
        ranking, n_recommended = np.zeros(len(PER_USER)), np.zeros(n_items, dtype=np.int64)
        return cls(*(0, 0, 0, 0.0, 0.0, 0.0, 0, 0, 0), ranking, n_recommended, *(0, 0.0, 0.0, 0, 0, 0.0), 0)

    @classmethod
    def untested(cls, model: Model) -> Tally:
        """The tally of a model none of whose users are tested."""
        return replace(cls.zero(len(model.item_index_)), n_fitted_users=_n_fitted_users(model))

    def figures(
        self, n_raters: NDArray[np.int64], criteria: Criteria, *, predicts_ratings: bool
    ) -> dict[str, Any]:
        """The figures of an `Evaluation` of these people, by the names of its attributes.

        Parameters
        ----------
        n_raters : ndarray of int64, shape (n_items,)
            The number of ratings of each item that the model was fitted on.
        criteria : Criteria
            Those of the tally.
        predicts_ratings : bool
            Whether the model predicts ratings; the errors are None if it does not.
        """
        means = self.ranking / self.n_users if self.n_users else np.full(len(PER_USER), math.nan)
        return {
            "n_ratings": self.n_ratings,
            "n_fallback": self.n_ratings - self.n_by_model,
            "n_trained_on": self.n_trained_on,
            **(self._errors() if predicts_ratings else dict.fromkeys(self._errors())),
            "n_items": len(self.n_recommended),
            "n_users": self.n_users,
            "n_users_fallback": self.n_users_fallback,
            "n_users_without_test": self.n_users_without_test,
            **dict(zip(PER_USER, means.tolist(), strict=True)),
            "catalogue_coverage": metrics.catalogue_coverage(self.n_recommended)
            if self.n_users
            else math.nan,
            "novelty": metrics.novelty(self.n_recommended, n_raters, self.n_fitted_users),
            **self._liked(criteria),
        }

    def figures_of_lists(self, n_raters: NDArray[np.int64], criteria: Criteria) -> dict[str, float | None]:
        """Those of the figures that tell of the lists alone."""
        figures = self.figures(n_raters, criteria, predicts_ratings=False)
        return {name: figures[name] for name in LISTS}

    def _liked(self, criteria: Criteria) -> dict[str, float | None]:
        if criteria.liked_from is None:
            return dict.fromkeys(LIKED)
        has_disliked = criteria.disliked_to is not None
        return {
            "ndcg_liked": _mean(self.ndcg_liked, self.n_users_liking),
            "recall_liked": _mean(self.recall_liked, self.n_users_liking),
            "mean_stars_of_hits": _mean(self.stars_of_hits, self.n_hits),
            "share_disliked": _mean(self.n_disliked, self.n_hits) if has_disliked else None,
        }

    def _errors(self) -> dict[str, float]:
        return {
            "rmse": math.sqrt(_mean(self.squared_error, self.n_ratings)),
            "mae": _mean(self.absolute_error, self.n_ratings),
            "rmse_without_fallback": math.sqrt(_mean(self.squared_error_by_model, self.n_by_model)),
        }


def _n_fitted_users(model: Known) -> int:
    return int(np.count_nonzero(model.rated_.counts))


def _mean(total: float, count: int) -> float:
    return total / count if count else math.nan
