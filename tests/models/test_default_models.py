"""The models that a Recommender chooses by itself, on data of different sizes."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.models.default_models import default_stars, default_watch
from matinee.ratings import Ratings


def ratings_of(n_users: int, n_each: int, n_items: int) -> Ratings:
    """So many users with so many ratings each, of so many items in turn."""
    users = np.repeat(np.arange(n_users), n_each)
    items = np.arange(n_users * n_each) % n_items
    return Ratings.from_arrays(users, items, 1 + np.arange(len(users)) % 5)


@pytest.mark.parametrize(
    ("n_users", "n_each", "n_items", "n_factors"),
    [(10, 5, 25, 64), (4_999, 100, 700, 64), (5_000, 100, 700, 128), (10_000, 60, 700, 128)],
)
def test_the_default_for_lists_has_a_ridge_of_ten_to_eleven_and_factors_by_the_number_of_ratings(
    n_users: int, n_each: int, n_items: int, n_factors: int
) -> None:
    model = default_watch(ratings_of(n_users, n_each, n_items), seed=3)
    assert (model.n_factors, model.n_iterations, model.random_state) == (n_factors, 10, 3)
    assert (model.grading, model.unobserved_weight) == (0.2, 0.3)
    weight = n_each + 0.3 * n_items
    assert model.regularization == pytest.approx(5.5 / weight**0.9, rel=0.05)


def test_users_without_ratings_do_not_count_in_the_default_for_lists() -> None:
    ratings = ratings_of(10, 5, 25)
    few = ratings.subset(ratings.user_positions < 5)
    assert few.n_users == 10
    assert default_watch(few, 0).regularization == default_watch(ratings_of(5, 5, 25), 0).regularization


def test_the_default_for_stars_is_as_small_as_it_is_good() -> None:
    model = default_stars(ratings_of(10, 5, 25), seed=3)
    assert (model.n_factors, model.n_samples, model.n_burn_in, model.n_kept) == (16, 64, 16, 8)
    assert model.random_state == 3
