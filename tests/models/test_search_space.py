"""The searches that models declare."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matinee.models import ImplicitALS
from matinee.models.registry import MODELS
from matinee.models.search_space import Real
from matinee.ratings import Ratings

from ..conftest import random_ratings

REALS = [
    pytest.param(axis, id=f"{kind.__name__}.{name}")
    for kind in MODELS
    if kind.search_space is not None
    for name, axis in kind.search_space.with_features().with_contexts().parameters.items()
    if isinstance(axis, Real)
]


@pytest.mark.parametrize("axis", REALS)
def test_a_range_of_more_than_a_power_of_ten_is_searched_by_its_logarithm(axis: Real) -> None:
    assert axis.low < axis.high
    assert axis.is_log == (axis.low > 0 and axis.high / axis.low > 10)


@pytest.mark.parametrize(
    ("given", "strength"),
    [({}, 3.0), ({"values": "presence"}, 1.0), ({"threshold": 2}, 1.0), ({"grading": 0.2}, 1.0)],
)
def test_the_alpha_that_is_searched_counts_in_strengths_of_what_was_seen(
    given: dict[str, Any], strength: float
) -> None:
    frame = random_ratings().to_frame()
    scaled = Ratings.from_frame(frame.with_columns(rating=3 * pl.col("rating") / pl.col("rating").mean()))
    parameters = ImplicitALS(unobserved_weight=0.6, **given).get_params()
    assert ImplicitALS.search_space is not None
    axis = ImplicitALS.search_space.parameters["alpha"]
    assert isinstance(axis, Real)
    assert axis.unit(scaled, parameters) == pytest.approx(0.6 / strength, rel=1e-5)
