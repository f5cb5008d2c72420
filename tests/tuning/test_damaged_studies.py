"""Study files that were damaged, or cut off, or that a full disk kept from growing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import matinee
from matinee.tuning import tune

from ..conftest import random_ratings

RATINGS = random_ratings(40, 25)
N_TRIALS = 10

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a study with trials of each kind."""
    path = tmp_path_factory.mktemp("study") / "study.log"
    result = tune(RATINGS, n_trials=N_TRIALS, study=path, progress=False)
    assert set(result.trials["state"]) == {"complete", "pruned"}
    return path.read_text().splitlines()


def searched(lines: list[str], path: Path, n_trials: int = N_TRIALS + 1) -> Any:
    path.write_text("".join(f"{line}\n" for line in lines))
    return tune(RATINGS, n_trials=n_trials, study=path, progress=False)


def place_of(lines: list[str], op: int, has: str) -> int:
    """The last line of an operation that has this part."""
    parsed = list(map(json.loads, lines))
    return max(n for n, line in enumerate(parsed) if line["op_code"] == op and has in json.dumps(line))


def test_an_undamaged_file_goes_on(lines: list[str], tmp_path: Path) -> None:
    """So that what is refused below is refused for the damage alone."""
    assert len(searched(lines, tmp_path / "study.log").trials) == N_TRIALS + 1


def set_to(*path: Any) -> Callable[[Line], None]:
    """A change of a line: the value at the end of a path of keys becomes the last of these."""
    *keys, last, value = path

    def change(line: Line) -> None:
        inner = line
        for key in keys:
            inner = inner[key]
        inner[last] = value

    return change


def distribution(name: str, **attributes: Any) -> Callable[[Line], None]:
    return set_to("distribution", json.dumps({"name": name, "attributes": attributes}))


PARAMETER = 5, '"param_name": "regularization"'
RANK = 5, '"param_name": "n_factors"'
END = 6, '"state": 1'
ATTRIBUTES = 8, '"parameters"'
STEP = 7, '"step"'
FIRST = 4, "fixed_params"
STUDY = 0, "study_name"
SEARCH = 2, '"search"'


@pytest.mark.parametrize(
    ("where", "change"),
    [
        pytest.param(PARAMETER, None, id="a coordinate is gone"),
        pytest.param(RANK, None, id="the rank is gone"),
        pytest.param(ATTRIBUTES, None, id="the parameters are gone"),
        pytest.param(SEARCH, None, id="the search is gone"),
        pytest.param(SEARCH, set_to("user_attr", "search", "als"), id="the search is text"),
        pytest.param(STUDY, set_to("directions", [2]), id="the direction is another"),
        pytest.param(STUDY, set_to("directions", [1, 1]), id="there are two directions"),
        pytest.param(STUDY, set_to("directions", ["down"]), id="the direction is none"),
        pytest.param(PARAMETER, set_to("param_name", "alpha"), id="the coordinate is another's"),
        pytest.param(PARAMETER, set_to("param_value_internal", float("nan")), id="a coordinate is nan"),
        pytest.param(PARAMETER, set_to("param_value_internal", 1e9), id="a coordinate is out of its bounds"),
        pytest.param(PARAMETER, set_to("param_value_internal", -1.0), id="a coordinate is below its bounds"),
        pytest.param(PARAMETER, set_to("param_value_internal", "much"), id="a coordinate is text"),
        pytest.param(PARAMETER, set_to("distribution", "{}"), id="a coordinate is of no distribution"),
        pytest.param(
            PARAMETER,
            distribution("IntDistribution", low=1, high=900, step=1, log=False),
            id="of whole numbers",
        ),
        pytest.param(RANK, set_to("param_value_internal", -3), id="the rank is below the ladder"),
        pytest.param(RANK, set_to("param_value_internal", 10**6), id="the rank is above any ladder"),
        pytest.param(
            RANK,
            distribution("CategoricalDistribution", choices=["a", "b", "c", "d"]),
            id="the rank is a word",
        ),
        pytest.param(END, set_to("values", [float("nan")]), id="the value is nan"),
        pytest.param(END, set_to("values", []), id="there is no value"),
        pytest.param(END, set_to("values", None), id="a trial is complete without a value"),
        pytest.param(END, set_to("values", [0.5, 0.5]), id="there are two values"),
        pytest.param(END, set_to("values", ["good"]), id="the value is text"),
        pytest.param(END, set_to("state", 9), id="the state is none"),
        pytest.param(END, set_to("datetime_complete", "today"), id="the date is none"),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_factors", "many"), id="text for a number"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_factors", 0), id="a parameter out of range"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_factors", 10**400), id="no room in a column"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_factors", 2.0), id="a float for an int"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_iterations", 10**9), id="too many iterations"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", "parameters", "n_iterations", -1), id="too few iterations"
        ),
        pytest.param(ATTRIBUTES, set_to("user_attr", "parameters", "evil", 1), id="a parameter too many"),
        pytest.param(ATTRIBUTES, set_to("user_attr", "parameters", []), id="the parameters are a list"),
        pytest.param(ATTRIBUTES, set_to("user_attr", {"seconds": "long"}), id="the seconds are text"),
        pytest.param(ATTRIBUTES, set_to("user_attr", {"iterations": 1.5}), id="the iterations are a float"),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", {"iterations": 2**64}), id="too many iterations for a column"
        ),
        pytest.param(
            ATTRIBUTES, set_to("user_attr", {"seconds": 10**160}), id="too many seconds for a column"
        ),
        pytest.param(STEP, set_to("step", 2**64), id="the step is too large"),
        pytest.param(ATTRIBUTES, set_to("user_attr", {"doubled": {"n_factors": "up"}}), id="a rung is text"),
        pytest.param(ATTRIBUTES, set_to("user_attr", {"doubled": [1]}), id="the rungs are a list"),
        pytest.param(FIRST, set_to("user_attrs", 3), id="the attributes are a number"),
        pytest.param(FIRST, set_to("system_attrs", [1]), id="the system's attributes are a list"),
        pytest.param(FIRST, set_to("system_attrs", "constraints", "x"), id="there are constraints"),
        pytest.param(FIRST, set_to("params", 3), id="the first parameters are a number"),
        pytest.param(END, set_to("values", [10**400]), id="the value is no float"),
        pytest.param(STEP, set_to("step", "third"), id="the step is text"),
        pytest.param(STEP, set_to("intermediate_value", float("inf")), id="the curve is infinite"),
        pytest.param(STEP, set_to("intermediate_value", None), id="the curve has a gap"),
    ],
)
def test_damage_is_named_and_the_file_is_left_as_it_was(
    lines: list[str], tmp_path: Path, where: tuple[int, str], change: Callable[[Line], None] | None
) -> None:
    damaged, place = list(lines), place_of(lines, *where)
    if change is None:
        del damaged[place]
    else:
        line = json.loads(damaged[place])
        change(line)
        damaged[place] = json.dumps(line)
    path = tmp_path / "study.log"
    with pytest.raises(matinee.DataError, match="study.log is not a study file, or is damaged"):
        searched(damaged, path)
    assert path.read_text().splitlines() == damaged


def test_a_last_line_that_is_damaged_is_named(lines: list[str], tmp_path: Path) -> None:
    for last in ('{"op_code"; 4}', "", "[]", "[" * 100_000):
        with pytest.raises(matinee.DataError, match="study.log is not a study file, or is damaged"):
            searched([*lines, last], tmp_path / "study.log")


def test_a_failed_trial_with_a_value_has_none_in_the_study_of_the_result(
    lines: list[str], tmp_path: Path
) -> None:
    failed = TrialState.FAIL
    parsed = list(map(json.loads, lines))
    end = next(n for n, line in enumerate(parsed) if line.get("state") == TrialState.COMPLETE)
    assert parsed[end]["values"]
    parsed[end]["state"] = int(failed)
    changed = list(map(json.dumps, parsed))
    found = searched(changed, tmp_path / "study.log").study
    assert [trial.values for trial in found.get_trials(states=[failed])] == [None]


@pytest.mark.parametrize("fixed", [None, 3, {"n_factors": "two"}, {"alpha": 1.0}])
def test_a_trial_that_waits_for_something_else_is_damage(
    lines: list[str], tmp_path: Path, fixed: Any
) -> None:
    waiting = next(json.loads(line) for line in lines if "fixed_params" in line)
    waiting["system_attrs"] = {"fixed_params": fixed}
    with pytest.raises(matinee.DataError, match="study.log is not a study file, or is damaged"):
        searched([*lines, json.dumps(waiting)], tmp_path / "study.log")


def test_a_file_cut_after_any_line_goes_on(lines: list[str], tmp_path: Path) -> None:
    for n in range(0, len(lines), 7):
        result = searched(lines[:n], tmp_path / "study.log", n_trials=2)
        assert result.trials["state"].is_in(["complete", "pruned"]).sum() >= 2


VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 2**64, 1e308, float("nan"), "", "a", [], [1], {}, {"n_factors": 1}, [[]]]
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The paths of all values inside a JSON document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_goes_on_or_is_refused_but_raises_nothing_else(
    lines: list[str], tmp_path: Path, data: st.DataObject
) -> None:
    damaged = list(lines)
    place = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["drop", "repeat", "swap", "value", "value", "value", "bytes"]))
    if kind == "drop":
        del damaged[place]
    elif kind == "repeat":
        damaged.insert(place, damaged[place])
    elif kind == "swap":
        damaged[place - 1], damaged[place] = damaged[place], damaged[place - 1]
    elif kind == "bytes":
        at = data.draw(st.integers(0, len(damaged[place]) - 1))
        damaged[place] = (
            damaged[place][:at] + data.draw(st.characters(max_codepoint=126)) + damaged[place][at + 1 :]
        )
    else:
        line = json.loads(damaged[place])
        path = data.draw(st.sampled_from(places(line)[1:]))
        set_to(*path, data.draw(VALUES))(line)
        damaged[place] = json.dumps(line)
    with suppress(matinee.MatineeError):
        assert searched(damaged, tmp_path / "study.log").best_model.recommend(3)


def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, calls = JournalFileBackend.append_logs, []

    def full(self: Any, logs: Any) -> None:
        calls.append(logs)
        if len(calls) > 9:
            raise OSError(28, os.strerror(28))
        append(self, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", full)
    with pytest.raises(matinee.DataError, match="study.log cannot be used for the trials: No space left"):
        tune(RATINGS, n_trials=3, study=tmp_path / "study.log", progress=False)
