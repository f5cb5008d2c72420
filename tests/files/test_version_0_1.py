"""Model files of version 0.1 load, and answer what that version answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matinee

FOLDER = Path(__file__).parent / "version_0_1"
ANSWERS = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))


def scores(pairs: list[Any]) -> dict[Any, float]:
    return dict(map(tuple, pairs))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_model_of_version_0_1_answers_as_before(name: str) -> None:
    model, expected = matinee.load(FOLDER / f"{name}.safetensors"), ANSWERS[name]
    visitor = model.fold_in({1: 4.5, 10: 1.0})
    for found, before in (
        (model.recommend("u3", 5), expected["recommend"]),
        (visitor.recommend(5), expected["visitor"]),
        (model.similar_items(7, 3), expected["similar"]),
    ):
        assert [one[0] for one in found] == [item for item, _ in before]
        assert scores(found) == pytest.approx(scores(before), rel=1e-5, abs=1e-6)
    assert np.allclose(model.predict("u3", model.item_index_.ids), expected["predict"], rtol=1e-5)
    score, baseline, contributions, rest = expected["explain"]
    explained = model.explain("u3", 7, n=3)
    assert [explained.score, explained.baseline, explained.rest] == pytest.approx(
        [score, baseline, rest], rel=1e-5, abs=1e-6
    )
    assert [part.item for part in explained.contributions] == [item for item, _, _ in contributions]


@pytest.mark.parametrize("name", ANSWERS)
def test_its_parameters_are_those_of_then_and_new_ones_change_nothing(name: str) -> None:
    model = matinee.load(FOLDER / f"{name}.safetensors")
    before = ANSWERS[name]["parameters"]
    assert {key: value for key, value in model.get_params().items() if key in before} == before
    added = {key: value for key, value in model.get_params().items() if key not in before}
    assert added == {key: value for key, value in type(model)().get_params().items() if key in added}
