"""A study of Optuna whose parameters are those of the model, and not the coordinates that a search draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matinee.models.search_space import Axis, Doubling, OnOrOff, SearchSpace

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def with_own_values(study: optuna.Study, space: SearchSpace) -> optuna.Study:
    """A copy of a study in memory: whatever is done to it, the file of the search stays as it is.

    Parameters
    ----------
    study : optuna.Study
    space : SearchSpace
        What the study has searched.

    Returns
    -------
    optuna.Study
        A parameter has its values from the smallest to the largest that was tried. A trial that ended before
        it had any has none, and one that was never finished has failed.
    """
    import optuna

    trials = study.get_trials(deepcopy=False)
    tried = [trial.user_attrs["parameters"] for trial in trials if "parameters" in trial.user_attrs]
    distributions = {
        name: _distribution(axis, [values[name] for values in tried])
        for name, axis in space.parameters.items()
        if tried
    }
    copied = optuna.create_study(
        study_name=study.study_name,
        storage=optuna.storages.InMemoryStorage(),
        direction=study.direction,
    )
    copied.add_trials([_copied(trial, distributions) for trial in trials])
    return copied


def _distribution(axis: Axis, values: Sequence[Any]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(axis, OnOrOff):
        return CategoricalDistribution([False, True])
    low, high = min(values), max(values)
    if isinstance(axis, Doubling):
        return IntDistribution(low, high, log=True)
    # The parameters tried first may have a 0, which a log scale has not.
    return FloatDistribution(low, high, log=axis.is_log and low > 0)


def _copied(trial: FrozenTrial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    known = trial.user_attrs.get("parameters", {})
    kept = distributions if known else {}
    state = trial.state if trial.state.is_finished() else TrialState.FAIL
    return create_trial(
        state=state,
        # A damaged file may have some for a trial that failed.
        values=None if state == TrialState.FAIL else trial.values,
        params={name: known[name] for name in kept},
        distributions=kept,
        user_attrs=trial.user_attrs,
        intermediate_values=trial.intermediate_values,
    )
