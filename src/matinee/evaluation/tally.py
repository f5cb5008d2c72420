"""Counts and sums over the people of a test, from which the figures of an evaluation are computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.evaluation.audience import Audience, n_trained_on
from matinee.evaluation.ranking_metrics import PER_USER, lists_and_hits
from matinee.models.model import Model
from matinee.ratings import Ratings, Rows


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
        The number of people who get a list, of those about whom the model knows nothing, and of people left
        out.
    ranking : ndarray of float64, shape (n_metrics,)
        The sums of the figures over the people who get a list, in the order of `PER_USER`.
    n_recommended : ndarray of int64, shape (n_items,)
        The number of lists that each item is in.
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
    n_fitted_users: int

    @classmethod
    def of(cls, audience: Audience, test: Ratings, relevant: Rows, k: int) -> Tally:
        """The tally of all people of a test: of their ratings, and of the hits in lists of k items."""
        return cls(
            **_errors(audience, test),
            **_lists(audience, test, relevant, k),
            n_trained_on=n_trained_on(audience.model, test),
            n_fitted_users=_n_fitted_users(audience.model),
        )

    @classmethod
    def zero(cls, n_items: int) -> Tally:
        """The tally of no people, to which others can be added."""
        ranking, n_recommended = np.zeros(len(PER_USER)), np.zeros(n_items, dtype=np.int64)
        return cls(0, 0, 0, 0.0, 0.0, 0.0, 0, 0, 0, ranking, n_recommended, 0)

    @classmethod
    def untested(cls, model: Model) -> Tally:
        """The tally of a model none of whose users are tested."""
        return replace(cls.zero(len(model.item_index_)), n_fitted_users=_n_fitted_users(model))

    def figures(self, n_raters: NDArray[np.int64], *, predicts_ratings: bool) -> dict[str, Any]:
        """The figures of an `Evaluation` of these people, by the names of its attributes.

        Parameters
        ----------
        n_raters : ndarray of int64, shape (n_items,)
            The number of ratings of each item that the model was fitted on.
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
        }

    def _errors(self) -> dict[str, float]:
        return {
            "rmse": math.sqrt(_mean(self.squared_error, self.n_ratings)),
            "mae": _mean(self.absolute_error, self.n_ratings),
            "rmse_without_fallback": math.sqrt(_mean(self.squared_error_by_model, self.n_by_model)),
        }


def _errors(audience: Audience, test: Ratings) -> dict[str, Any]:
    by_model = audience.predicted_by_model(test)
    found = {"n_ratings": len(test), "n_by_model": int(by_model.sum())}
    if not audience.model.predicts_ratings:
        return found | dict.fromkeys(("squared_error", "absolute_error", "squared_error_by_model"), 0.0)
    errors = np.subtract(test.values, audience.predict(test), dtype=np.float64)
    absolute, squared = float(np.abs(errors).sum()), np.square(errors, out=errors)
    return found | {
        "squared_error": float(squared.sum()),
        "absolute_error": absolute,
        "squared_error_by_model": float(squared[by_model].sum()),
    }


def _lists(audience: Audience, test: Ratings, relevant: Rows, k: int) -> dict[str, Any]:
    n_relevant, n_items = relevant.counts, len(audience.model.item_index_)
    n_users = int(np.count_nonzero(n_relevant))
    ranking, n_recommended = np.zeros(len(PER_USER)), np.zeros(n_items, dtype=np.int64)
    for users, best, hits in lists_and_hits(audience, test, relevant, k):
        ranking += [per_user(hits, n_relevant[users], k).sum() for per_user in PER_USER.values()]
        n_recommended += np.bincount(best[best >= 0], minlength=n_items)
    return {
        "n_users": n_users,
        "n_users_fallback": int((~audience.is_known & (n_relevant > 0)).sum()),
        "n_users_without_test": test.n_users - n_users,
        "ranking": ranking,
        "n_recommended": n_recommended,
    }


def _n_fitted_users(model: Model) -> int:
    return int(np.count_nonzero(model.rated_.counts))


def _mean(total: float, count: int) -> float:
    return total / count if count else math.nan
