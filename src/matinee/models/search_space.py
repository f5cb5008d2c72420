"""The search space of `tune`: each class of model declares which values of its parameters may be tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from matinee.ratings import Ratings
from matinee.ratings.splits import SplitOfRatings

# Computes the unit of a parameter from the ratings and from the parameters before it in the search space.
Unit = Callable[[Ratings, Mapping[str, Any]], float]


@dataclass(frozen=True)
class Doubling:
    """A number of factors: the first one tried, and this many halvings and doublings of it.

    Larger numbers are tried later, if the best parameters do better still with twice the factors.
    """

    halvings: int
    doublings: int

    def ladder(self, first: int, most: int) -> list[int]:
        """All numbers of factors that may ever be tried, ascending."""
        ranks = {max(1, first >> halving) for halving in range(self.halvings + 1)}
        rank = first
        while 2 * rank <= most:
            rank *= 2
            ranks.add(rank)
        return sorted(ranks)


@dataclass(frozen=True)
class Real:
    """A number between two bounds, as a multiple of a unit, on a log scale or a linear one.

    Attributes
    ----------
    words : mapping
        The words that the model takes for this parameter, and the number that each stands for.
    """

    low: float
    high: float
    is_log: bool = False
    unit: Unit = lambda ratings, parameters: 1.0
    words: Mapping[str, float] = field(default_factory=dict)

    def containing(self, coordinate: float) -> tuple[float, float]:
        """The bounds, widened if the coordinate is outside them."""
        return min(self.low, coordinate), max(self.high, coordinate)


@dataclass(frozen=True)
class OnOrOff:
    """A parameter that is on or off."""


Axis = Doubling | Real | OnOrOff


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that `tune` searches for a model, and how it follows a fit.

    Attributes
    ----------
    parameters : mapping of str to Doubling, Real or OnOrOff
        The values that may be tried of each parameter.
    metric : {"rmse", "ndcg"}
        The metric of the model's validation curve: the field of `Iteration` named ``validation_`` and this.
    split_by : {"random", "user", "last", "time"}
        How the validation ratings are held out.
    iterations : str or None
        The parameter that is read off that curve instead of searched. None if more iterations never harm: a
        curve is then only as long as a judgement needs.
    most_iterations : int
        The greatest length of a curve from which the number of iterations is read off.
    burn_in : str or None
        The parameter with the number of first iterations that do not count.
    patience : int
        A curve ends after this many iterations without notable gain.
    has_curve : bool
        Whether a fit shows the metric after every iteration.
    moves_errors : bool
        Whether the errors of predicted ratings depend on the parameters.
    of_features : mapping of str to Doubling, Real or OnOrOff
        The values that may be tried of parameters that count only in a fit with features.
    of_contexts : mapping of str to Doubling, Real or OnOrOff
        The same, in a fit to ratings with contexts.
    """

    parameters: Mapping[str, Axis]
    metric: str
    split_by: SplitOfRatings
    iterations: str | None = "n_iterations"
    most_iterations: int = 50
    burn_in: str | None = None
    patience: int = 5
    has_curve: bool = True
    moves_errors: bool = True
    of_features: Mapping[str, Axis] = field(default_factory=dict)
    of_contexts: Mapping[str, Axis] = field(default_factory=dict)

    def with_features(self) -> SearchSpace:
        """The same, for fits with features."""
        return replace(self, parameters={**self.parameters, **self.of_features})

    def with_contexts(self) -> SearchSpace:
        """The same, for fits to ratings with contexts."""
        return replace(self, parameters={**self.parameters, **self.of_contexts})


# For films that nobody has seen, the best of MovieLens 1M lie between 3 and 30.
OF_FEATURES: Mapping[str, Axis] = {"feature_regularization": Real(1.0, 300.0, is_log=True)}


def ratings_per_row(ratings: Ratings) -> float:
    """The number of ratings of a row between a typical user and a typical item."""
    return len(ratings) / math.sqrt(ratings.n_users * ratings.n_items)
