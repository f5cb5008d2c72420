"""The rule by which a fit stops."""

from __future__ import annotations

from matinee.solving.history import Iteration, has_flattened


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
