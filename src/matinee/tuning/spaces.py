"""Translates a sampler's coordinates into a model's parameters, for a search space and given ratings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee.models.model import Model
from matinee.models.search_space import Doubling, OnOrOff, Real, SearchSpace
from matinee.ratings import Ratings


class Coordinates:
    """A search space for given ratings, around the parameters that are tried first.

    A sampler works with coordinates. The coordinate of a number of factors is its rung on the ladder of its
    doublings; the coordinate of another number is its multiple of the unit.

    Parameters
    ----------
    space : SearchSpace
        The parameters to search.
    model : Model
        The model to tune. Its parameters are tried first; those that are not searched stay the same.
    ratings : Ratings
        The training ratings.
    max_factors : int
        The largest number of factors to try.
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
        """The model's parameters at these coordinates.

        They are rounded to four digits, so that people can read and copy them. The parameters that are tried
        first are exact.
        """
        if coordinates == self.start:
            return dict(self.first)
        found: dict[str, Any] = {}
        for name, axis in self.space.parameters.items():
            if isinstance(axis, Doubling):
                found[name] = self.ladders[name][coordinates[name]]
            elif isinstance(axis, OnOrOff):
                found[name] = bool(coordinates[name])
            else:
                unit = axis.unit(self._ratings, self._given | found)
                found[name] = float(f"{coordinates[name] * unit:.4g}")
        return found

    def top_at_first(self, name: str) -> int:
        """The highest rung of a ladder that the sampler may try from the start."""
        axis = self.space.parameters[name]
        doublings = axis.doublings if isinstance(axis, Doubling) else 0
        top: int = self.start[name] + doublings
        return min(top, len(self.ladders[name]) - 1)

    def bounds(self, name: str) -> tuple[float, float]:
        """The bounds of a real coordinate; they include the value that is tried first."""
        axis = self.space.parameters[name]
        assert isinstance(axis, Real)
        return axis.containing(self.start[name])

    def _first(self, name: str, max_factors: int) -> Any:
        axis, given = self.space.parameters[name], self._given[name]
        if isinstance(axis, Doubling):
            return min(int(given), max_factors)
        if isinstance(axis, OnOrOff):
            return bool(given)
        return axis.words[given] if given in axis.words else float(given)

    def _coordinate(self, name: str) -> Any:
        axis, value = self.space.parameters[name], self.first[name]
        if isinstance(axis, Doubling):
            return self.ladders[name].index(value)
        if isinstance(axis, OnOrOff):
            return value
        coordinate = value / axis.unit(self._ratings, self._given | self.first)
        # A log scale has no 0. The first trial still uses 0; only its coordinate is the lower bound.
        return max(coordinate, axis.low) if axis.is_log and coordinate <= 0 else coordinate
