"""The rule by which a fit stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from matinee import ALS
from matinee.progress import Bar
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
    reports: list[tuple[int, str]] = []

    class Recorder(Bar):
        def update(self, done: int, *, total: int | None = None, note: str = "") -> None:
            reports.append((done, note))

    @contextmanager
    def bar(label: str, total: int | None, *, shown: bool) -> Iterator[Bar]:
        assert (label, total, shown) == ("fit", 3, True)
        yield Recorder()

    monkeypatch.setattr(training_loop, "progress_bar", bar)
    model = ALS(n_factors=2, n_iterations=3).fit(random_ratings())
    assert reports == [(record.iteration, record.summary) for record in model.history_]
