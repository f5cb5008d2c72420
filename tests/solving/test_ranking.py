"""Lists of scores that are made for some people at a time."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving import ranking

SCORES = np.random.default_rng(0).permutation(70).reshape(10, 7).astype(np.float32)


@pytest.mark.parametrize(("at_once", "most"), [(70, 10), (21, 3), (20, 2), (7, 1), (1, 1)])
def test_as_many_scores_as_allowed_are_made_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_once: int, most: int
) -> None:
    asked = []

    def scores_of(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return SCORES[rows].copy()

    monkeypatch.setattr(ranking, "SCORES_AT_ONCE", at_once)
    rows = np.array([3, 0, 9, 1, 2, 4, 5, 6, 7, 8])
    found, best = ranking.best_of_scores(scores_of, rows, 7, 3, excluded=None, candidates=None)
    assert max(asked) == most
    assert sum(asked) == len(rows)
    assert np.array_equal(found, np.argsort(-SCORES[rows], axis=1)[:, :3])
    assert np.array_equal(best, -np.sort(-SCORES[rows], axis=1)[:, :3])


def test_what_is_excluded_is_excluded_for_its_person_in_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 14)
    first = SCORES.argmax(axis=1).astype(np.int32)
    excluded = Rows(np.arange(11), first, np.ones(10, np.float32))
    rows = np.arange(10)[::-1]
    found, _ = ranking.best_of_scores(
        lambda each: SCORES[each].copy(), rows, 7, 9, excluded=excluded, candidates=None
    )
    for row, columns in zip(rows, found, strict=True):
        expected = [column for column in np.argsort(-SCORES[row]) if column != first[row]]
        assert columns.tolist() == [*expected, -1]


def test_there_may_be_nothing_to_rank() -> None:
    empty = np.zeros((2, 0), np.float32)
    found, best = ranking.best_of_scores(
        lambda rows: empty, np.arange(2), 0, 3, excluded=None, candidates=None
    )
    assert found.shape == best.shape == (2, 0)
