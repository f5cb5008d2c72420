"""What is searched for each model: a table, so that a later model is one more row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from matinee.models import ALS, BayesianALS, ImplicitALS, Model
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
class Switch:
    """On or off."""


Axis = Doubling | Real | Switch


@dataclass(frozen=True)
class SearchSpace:
    """A row of the table.

    Attributes
    ----------
    model : type of Model
    parameters : mapping of str to Doubling, Real or Switch
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

    model: type[Model]
    parameters: Mapping[str, Axis]
    metric: str
    split_by: SplitOfRatings
    iterations: str | None = "n_iterations"
    most_iterations: int = 50
    burn_in: str | None = None
    patience: int = 5


def _ratings_per_row(ratings: Ratings) -> float:
    """Of a row between a typical user's and a typical item's."""
    return len(ratings) / math.sqrt(ratings.n_users * ratings.n_items)


def _explicit_ridge(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The λ with which a typical row is penalised by one standard deviation of the ratings.

    That is where λ·n̄ʷ stays the same whatever the exponent w. (A good penalty is the variance of the errors
    over that of the factors, whose products are as large as the ratings vary: in proportion to their spread.)
    """
    spread = float(ratings.values.std(dtype=np.float64)) or 1.0
    exponent: float = parameters["weighting"]
    return spread / math.pow(_ratings_per_row(ratings), exponent)


def _unseen_to_seen(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The α with which a typical thing seen weighs as much again as one unseen.

    Only their ratio matters much: α, α₀ and λ all ten times as large are nearly the same model.
    """
    unobserved: float = parameters["unobserved_weight"] or 1.0
    return unobserved / _strength(ratings, parameters)


def _implicit_ridge(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The λ with which a typical row is penalised by a weight between those of one thing seen and unseen.

    The best λ(n̄ + α₀n)^ν is within 20 and 60 of it in the settings that Rendle et al. (2021) found for ML-20M
    and MSD, and on ML-1M for weights of 1 : 1 to 1 : 30 and each ν.
    """
    n_columns = math.sqrt(ratings.n_users * ratings.n_items)
    unobserved, exponent = float(parameters["unobserved_weight"]), float(parameters["nu"])
    weight = math.sqrt(parameters["alpha"] * _strength(ratings, parameters) * unobserved) or 1.0
    return weight / math.pow(_ratings_per_row(ratings) + unobserved * n_columns, exponent)


def _strength(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """Of a typical thing seen."""
    if parameters["values"] == "presence" or parameters["threshold"] is not None:
        return 1.0
    return float(np.abs(ratings.values).mean(dtype=np.float64)) or 1.0


SEARCH_SPACES: dict[str, SearchSpace] = {
    "als": SearchSpace(
        model=ALS,
        parameters={
            "n_factors": Doubling(halvings=1, doublings=1),
            "weighting": Real(0.3, 1.0, words={"count": 1.0, "none": 0.0}),
            "regularization": Real(1.0, 100.0, is_log=True, unit=_explicit_ridge),
        },
        metric="rmse",
        split_by="random",
    ),
    "implicit": SearchSpace(
        model=ImplicitALS,
        parameters={
            "n_factors": Doubling(halvings=3, doublings=0),
            "unobserved_weight": Real(0.003, 1.0, is_log=True),
            "alpha": Real(0.5, 100.0, is_log=True, unit=_unseen_to_seen),
            "nu": Real(0.0, 1.0),
            "regularization": Real(8.0, 100.0, is_log=True, unit=_implicit_ridge),
        },
        metric="ndcg",
        split_by="user",
        most_iterations=30,
    ),
    "bayes": SearchSpace(
        model=BayesianALS,
        parameters={"n_factors": Doubling(halvings=1, doublings=1), "implicit": Switch()},
        metric="rmse",
        split_by="random",
        iterations=None,
        burn_in="n_burn_in",
        patience=20,
    ),
}


class Coordinates:
    """A search space laid over certain ratings, around the parameters that are tried first.

    A sampler sees coordinates: the place of a number of factors on the ladder of its doublings, and other
    parameters in their units.

    Parameters
    ----------
    space : SearchSpace
    model : Model
        Its parameters are tried first; those that are not searched stay.
    ratings : Ratings
        What is trained on.
    max_factors : int
    """

    def __init__(self, space: SearchSpace, model: Model, ratings: Ratings, max_factors: int) -> None:
        self.space, self._ratings = space, ratings
        self._given = model.get_params()
        self.first = {name: self._first(name, max_factors) for name in space.parameters}
        self.ladders = {
            name: axis.ladder(self.first[name], max_factors)
            for name, axis in space.parameters.items()
            if isinstance(axis, Doubling)
        }
        self.start = {name: self._coordinate(name) for name in space.parameters}

    def parameters_at(self, coordinates: Mapping[str, Any]) -> dict[str, Any]:
        """The model's parameters, but for those at the start to four digits: for people to read and copy."""
        if coordinates == self.start:
            return dict(self.first)
        found: dict[str, Any] = {}
        for name, axis in self.space.parameters.items():
            if isinstance(axis, Doubling):
                found[name] = self.ladders[name][coordinates[name]]
            elif isinstance(axis, Switch):
                found[name] = bool(coordinates[name])
            else:
                unit = axis.unit(self._ratings, self._given | found)
                found[name] = float(f"{coordinates[name] * unit:.4g}")
        return found

    def top_at_first(self, name: str) -> int:
        """The highest rung of a ladder that is tried without cause."""
        axis = self.space.parameters[name]
        doublings = axis.doublings if isinstance(axis, Doubling) else 0
        top: int = self.start[name] + doublings
        return min(top, len(self.ladders[name]) - 1)

    def bounds(self, name: str) -> tuple[float, float]:
        """Of a real coordinate; what is tried first is within them."""
        axis = self.space.parameters[name]
        assert isinstance(axis, Real)
        return axis.containing(self.start[name])

    def _first(self, name: str, max_factors: int) -> Any:
        axis, given = self.space.parameters[name], self._given[name]
        if isinstance(axis, Doubling):
            return min(int(given), max_factors)
        if isinstance(axis, Switch):
            return bool(given)
        return axis.words[given] if given in axis.words else float(given)

    def _coordinate(self, name: str) -> Any:
        axis, value = self.space.parameters[name], self.first[name]
        if isinstance(axis, Doubling):
            return self.ladders[name].index(value)
        if isinstance(axis, Switch):
            return value
        coordinate = value / axis.unit(self._ratings, self._given | self.first)
        # A log scale has no 0: what is tried is 0 all the same, only that it stands at the lower end.
        return max(coordinate, axis.low) if axis.is_log and coordinate <= 0 else coordinate
