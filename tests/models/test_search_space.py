"""The searches that models declare."""

from __future__ import annotations

import pytest

from matinee.models.registry import MODELS
from matinee.models.search_space import Real

REALS = [
    pytest.param(axis, id=f"{kind.__name__}.{name}")
    for kind in MODELS
    if kind.search_space is not None
    for name, axis in kind.search_space.parameters.items()
    if isinstance(axis, Real)
]


@pytest.mark.parametrize("axis", REALS)
def test_a_range_of_more_than_a_power_of_ten_is_searched_by_its_logarithm(axis: Real) -> None:
    assert axis.low < axis.high
    assert axis.is_log == (axis.low > 0 and axis.high / axis.low > 10)
