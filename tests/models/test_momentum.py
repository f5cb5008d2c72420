"""Where momentum overshoots, both half-steps are done over without it."""

from __future__ import annotations

import numpy as np
import pytest

import matinee


@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.95])
@pytest.mark.parametrize("unobserved_weight", [1.0, 0.1])
def test_the_objective_never_rises_where_momentum_overshoots(
    momentum: float, unobserved_weight: float
) -> None:
    model = matinee.ImplicitALS(
        n_factors=16,
        regularization=1e-4,
        unobserved_weight=unobserved_weight,
        momentum=momentum,
        n_iterations=25,
        n_threads=1,
    )
    model.fit(matinee.load_dataset("demo"), progress=False)
    objectives = np.array([record.objective for record in model.history_])
    assert len(objectives) == 25
    # What single precision rounds.
    assert (np.diff(objectives) <= 1e-5 * objectives[:-1]).all()


def test_where_all_factors_are_zero_there_is_no_penalty_to_balance() -> None:
    """The penalty is so strong that nothing but zeros is predicted."""
    ratings = matinee.load_dataset("demo")
    model = matinee.ImplicitALS(n_factors=4, regularization=1e12, momentum=0.5, n_iterations=4, n_threads=1)
    model.fit(ratings, progress=False)
    assert not model.user_factors_.any()
    assert not model.item_factors_.any()
    everything_missed = float((1 + ratings.values).sum(dtype=np.float64))
    assert model.history_[-1].objective == pytest.approx(everything_missed)
