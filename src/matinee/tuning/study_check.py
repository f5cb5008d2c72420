"""Checks that the trials in a study file are those of a search, since a file can be damaged anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matinee.models import Model
from matinee.models.search_space import Doubling, OnOrOff, Real
from matinee.tuning.spaces import Coordinates

if TYPE_CHECKING:
    import optuna

# The attribute of a trial of the best parameters with twice the factors: the doubled parameter and its rung.
DOUBLED = "doubled"
# More doublings than any memory has room for.
MOST_RUNGS = 64
# Up to here, floats hold every whole number.
MOST_COUNTED = 2**53


class TrialCheck:
    """What is known of the trials of a search before any was run.

    Parameters
    ----------
    model : Model
        The model that is tuned.
    coordinates : Coordinates
    """

    def __init__(self, model: Model, coordinates: Coordinates) -> None:
        self._model, self._coordinates = model, coordinates
        self._axes, self._iterations = coordinates.space.parameters, coordinates.space.iterations

    def passes(self, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether a trial that is waiting, running or finished can be one of the search."""
        known = trial.user_attrs
        if not (isinstance(known, Mapping) and isinstance(trial.system_attrs, Mapping)):
            return False
        return (
            # A search has no constraints, which Optuna reads as a list of numbers.
            "constraints" not in trial.system_attrs
            and self._are_coordinates(trial)
            and _are_finite(trial.intermediate_values)
            and (trial.values is None or (len(trial.values) == 1 and all(map(_is_finite, trial.values))))
            and _is_count(known.get("iterations", 0))
            and _is_finite(known.get("seconds", 0.0))
            and self._are_rungs(known.get(DOUBLED, {}))
            and ("parameters" not in known or self._are_parameters(known["parameters"]))
            and self._is_as_far_as_its_state(trial)
        )

    def _is_as_far_as_its_state(self, trial: optuna.trial.FrozenTrial) -> bool:
        state = trial.state.name
        if state == "WAITING":
            fixed = trial.system_attrs.get("fixed_params")
            return isinstance(fixed, Mapping) and all(
                name in self._axes and isinstance(value, int | float) for name, value in fixed.items()
            )
        if state not in ("COMPLETE", "PRUNED"):
            return True
        has_all = set(trial.params) == set(self._axes) and "parameters" in trial.user_attrs
        return has_all and (state == "PRUNED" or trial.values is not None)

    def _are_coordinates(self, trial: optuna.trial.FrozenTrial) -> bool:
        return all(
            name in self._axes and self._is_coordinate(name, value, trial.distributions[name])
            for name, value in trial.params.items()
        )

    def _is_coordinate(self, name: str, value: Any, distribution: Any) -> bool:
        from optuna import distributions

        axis = self._axes[name]
        if isinstance(axis, Doubling):
            ladder = isinstance(distribution, distributions.IntDistribution)
            return ladder and distribution.low == 0 and distribution.step == 1 and _is_rung(value)
        if isinstance(axis, OnOrOff):
            switch = isinstance(distribution, distributions.CategoricalDistribution)
            return switch and list(distribution.choices) == [False, True] and isinstance(value, bool)
        return self._is_real(name, axis, value, distribution)

    def _is_real(self, name: str, axis: Real, value: Any, distribution: Any) -> bool:
        from optuna import distributions

        if not isinstance(distribution, distributions.FloatDistribution):
            return False
        ends = distribution.low, distribution.high
        # The bounds follow from the ratings, by sums that another machine may round in another way.
        same = all(
            math.isclose(*pair, rel_tol=1e-6)
            for pair in zip(ends, self._coordinates.bounds(name), strict=True)
        )
        same = same and distribution.log == axis.is_log and distribution.step is None
        return same and _is_finite(value) and ends[0] <= value <= ends[1]

    def _are_rungs(self, doubled: Any) -> bool:
        ladders = self._coordinates.ladders
        return isinstance(doubled, Mapping) and all(
            name in ladders and _is_rung(rung) for name, rung in doubled.items()
        )

    def _are_parameters(self, found: Any) -> bool:
        """Whether these can be the parameters that a model of the search was fitted with."""
        types = {name: type(value) for name, value in self._coordinates.first.items()}
        most = {}
        if self._iterations is not None:
            types[self._iterations] = int
            given = getattr(self._model, self._iterations)
            most[self._iterations] = max(self._coordinates.space.most_iterations, given)
        if not isinstance(found, Mapping) or {name: type(each) for name, each in found.items()} != types:
            return False
        if not all(_is_count(each) for each in found.values() if type(each) is int):
            return False
        if not all(0 <= found[name] <= limit for name, limit in most.items()):
            return False
        return _are_in_range(self._model, {name: each for name, each in found.items() if name not in most})


def _are_in_range(model: Model, parameters: dict[str, Any]) -> bool:
    try:
        type(model)(**model.get_params() | parameters).check_parameters()
    except ValueError:
        return False
    return True


def _is_rung(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_RUNGS


def _are_finite(curve: Mapping[Any, Any]) -> bool:
    return all(_is_count(step) and step >= 0 and _is_finite(value) for step, value in curve.items())


def _is_finite(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or _is_count(value)


def _is_count(value: Any) -> bool:
    # A whole number of JSON may be too large for a float or a column.
    return type(value) is int and abs(value) <= MOST_COUNTED
