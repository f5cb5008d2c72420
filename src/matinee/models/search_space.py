"""What `tune` may try of a model's parameters: a model declares its search space on its class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matinee.ratings import Ratings
from matinee.ratings.splits import SplitOfRatings

# What a parameter is counted in, from the ratings and the parameters before it in the table.
Unit = Callable[[Ratings, Mapping[str, Any]], float]


@dataclass(frozen=True)
class Doubling:
    """A number of factors: the one tried first, halved and doubled so many times.

    Larger ones are let in later, if the best at twice its number is better still.
    """

    halvings: int
    doublings: int

    def ladder(self, first: int, most: int) -> list[int]:
        """All ranks that may ever be tried, ascending."""
        ranks = {max(1, first >> halving) for halving in range(self.halvings + 1)}
        rank = first
        while 2 * rank <= most:
            rank *= 2
            ranks.add(rank)
        return sorted(ranks)


@dataclass(frozen=True)
class Real:
    """A number between two bounds, on a log scale or not, in multiples of a unit.

    Attributes
    ----------
    words : mapping
        The numbers that a model's own words for this parameter stand for.
    """

    low: float
    high: float
    is_log: bool = False
    unit: Unit = lambda ratings, parameters: 1.0
    words: Mapping[str, float] = field(default_factory=dict)

    def containing(self, coordinate: float) -> tuple[float, float]:
        """The bounds, widened where the coordinate is outside them."""
        return min(self.low, coordinate), max(self.high, coordinate)


@dataclass(frozen=True)
class OnOrOff:
    """On or off."""


Axis = Doubling | Real | OnOrOff


@dataclass(frozen=True)
class SearchSpace:
    """What `tune` searches for a model, and how it follows a fit.

    Attributes
    ----------
    parameters : mapping of str to Doubling, Real or OnOrOff
    metric : {"rmse", "ndcg"}
        What the model's validation curve shows: `Iteration` has it after ``validation_``.
    split_by : {"random", "user", "last", "time"}
        How ratings are held out to follow it on.
    iterations : str or None
        The parameter that is read off that curve, not searched; None where more iterations never harm: then
        a curve is only as long as it takes to judge by it.
    most_iterations : int
        Where a curve whose length is read off ends at the latest.
    burn_in : str or None
        The parameter that says how many iterations do not count.
    patience : int
        A curve is at its end when so many iterations have gained nothing to speak of.
    """

    parameters: Mapping[str, Axis]
    metric: str
    split_by: SplitOfRatings
    iterations: str | None = "n_iterations"
    most_iterations: int = 50
    burn_in: str | None = None
    patience: int = 5


def ratings_per_row(ratings: Ratings) -> float:
    """Of a row between a typical user's and a typical item's."""
    return len(ratings) / math.sqrt(ratings.n_users * ratings.n_items)
