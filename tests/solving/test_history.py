"""The rule by which a fit stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from matinee import ALS
from matinee.solving import training_loop
from matinee.solving.history import Iteration, has_flattened

from ..conftest import random_ratings


def test_a_fit_has_flattened_where_its_last_iteration_gained_less_than_the_tolerance() -> None:
    errors = [3.0, 2.0, 1.5, 1.25]
    history = [
        Iteration(iteration=number, train_rmse=error, objective=1.0, seconds=0.0)
        for number, error in enumerate(errors, start=1)
    ]
    assert not has_flattened(history, None)
    assert not has_flattened(history[:1], 9.0)
    assert not has_flattened(history, 0.2)
    assert has_flattened(history, 0.3)
    assert not has_flattened(history[:3], 0.3)


def test_a_fit_shows_each_iteration_as_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[Iteration] = []

    @contextmanager
    def progress(n_iterations: int, *, shown: bool) -> Iterator[Any]:
        assert (n_iterations, shown) == (3, True)
        yield records.append

    monkeypatch.setattr(training_loop, "iteration_progress", progress)
    model = ALS(n_factors=2, n_iterations=3).fit(random_ratings())
    assert records == model.history_
