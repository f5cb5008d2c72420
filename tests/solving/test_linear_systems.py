"""Small systems, also where they are singular or past all numbers."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.errors import DataError
from matinee.solving.linear_systems import solved


def test_a_system_is_solved() -> None:
    rng = np.random.default_rng(0)
    factors, wanted = rng.standard_normal((3, 9, 4)), rng.standard_normal((3, 4, 2))
    systems = factors.transpose(0, 2, 1) @ factors
    assert np.allclose(systems @ solved(systems, wanted), wanted)


def test_of_the_solutions_of_a_singular_system_the_shortest_is_taken() -> None:
    assert np.allclose(solved(np.ones((2, 2)), np.full((2, 1), 4.0)), 2.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_system_past_all_numbers_is_an_error_of_ours(bad: float) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match="too large"):
        solved(np.array([[1.0, bad], [bad, 1.0]]), np.ones((2, 1)))
