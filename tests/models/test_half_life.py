"""Ratings that count by their age."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matinee import load, tune
from matinee.errors import DataError
from matinee.models import ALS, BayesianALS, ImplicitALS, Model, Recommender
from matinee.ratings import UNKNOWN_TIME, Ratings

from ..conftest import random_ratings

DAY = 86_400
NOW = 1_700_000_000
WAYS = [
    ALS(n_factors=4),
    ImplicitALS(n_factors=4, n_iterations=5),
    ImplicitALS(n_factors=4, grading=0.2, n_iterations=5),
    BayesianALS(n_factors=3, n_samples=5, n_burn_in=2, n_kept=3),
]


def timed(ages_in_days: np.ndarray | None = None) -> Ratings:
    ratings = random_ratings()
    if ages_in_days is None:
        ages_in_days = np.random.default_rng(0).integers(0, 1000, size=len(ratings))
        ages_in_days[17] = 0
    times = (NOW - DAY * ages_in_days).astype(np.int64)
    return Ratings(ratings.user_index, ratings.item_index, ratings.by_user, timestamps=times)


def with_weights(ratings: Ratings, weights: np.ndarray) -> Ratings:
    rows = ratings.by_user._replace(weights=weights.astype(np.float32))
    return Ratings(ratings.user_index, ratings.item_index, rows, timestamps=ratings.timestamps)


def fresh(model: Model, **parameters: Any) -> Any:
    return type(model)(**{**model.get_params(), **parameters})


def assert_same(found: Any, expected: Any) -> None:
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("model", WAYS, ids=repr)
@pytest.mark.parametrize(("half_life", "days"), [("100d", 100), ("2w", 14), ("0.5y", 182.625), ("36h", 1.5)])
def test_a_rating_weighs_half_for_each_half_life_of_its_age(
    model: Model, half_life: str, days: float
) -> None:
    ratings = timed()
    ages = (NOW - ratings.timestamps) / DAY
    weights = np.maximum(0.5 ** (ages / days), 2.0**-40)
    expected = fresh(model).fit(with_weights(ratings, weights))
    found = fresh(model, half_life=half_life).fit(ratings)
    assert np.allclose(found.rated_.weights, weights, rtol=1e-6)
    assert_same(found, expected)


@pytest.mark.parametrize("model", WAYS, ids=repr)
def test_ratings_of_one_time_do_not_age(model: Model) -> None:
    ratings = timed(np.full(len(random_ratings()), 500))
    found = fresh(model, half_life="1d").fit(ratings)
    assert_same(found, fresh(model).fit(ratings))


def test_ages_multiply_the_weights_that_ratings_have() -> None:
    ratings = timed()
    own = np.random.default_rng(1).uniform(0.1, 2, size=len(ratings))
    found = ALS(half_life="300d").fit(with_weights(ratings, own))
    ages = (NOW - ratings.timestamps) / DAY
    assert np.allclose(found.rated_.weights, own * 0.5 ** (ages / 300), rtol=1e-6)


@pytest.mark.parametrize("model", WAYS, ids=repr)
@pytest.mark.parametrize(
    "half_life", ["180", "d", "-3d", "0d", "180 days", "6m", "", 180, 1.5, True, "nan d", "1e3d", b"180d"]
)
def test_nonsense_for_a_half_life_is_refused(model: Model, half_life: Any) -> None:
    with pytest.raises(DataError, match='half_life=.*such as "180d"'):
        fresh(model, half_life=half_life).fit(timed())


@pytest.mark.parametrize("model", WAYS, ids=repr)
def test_without_timestamps_the_error_names_the_remedy(model: Model) -> None:
    with pytest.raises(DataError, match=r"960|\d+ of \d+ ratings have no timestamp.*timestamp=…"):
        fresh(model, half_life="180d").fit(random_ratings())
    ratings = timed()
    ratings.timestamps[[3, 5]] = UNKNOWN_TIME
    with pytest.raises(DataError, match=f"2 of {len(ratings)} ratings have no timestamp"):
        fresh(model, half_life="180d").fit(ratings)


@pytest.mark.parametrize("model", WAYS, ids=repr)
def test_a_model_in_a_file_knows_its_half_life_and_what_it_ages_from(model: Model, tmp_path: Path) -> None:
    fitted = fresh(model, half_life="200d").fit(timed())
    fitted.save(tmp_path / "model.safetensors")
    found: Any = load(tmp_path / "model.safetensors")
    assert (found.half_life, found.newest_) == ("200d", NOW)
    assert np.array_equal(found.rated_.weights, fitted.rated_.weights)
    newer = Ratings.from_arrays([3, 10], [5, 16], [2, 3], timestamps=[NOW + 200 * DAY, NOW - 400 * DAY])
    for each in (found, fitted):
        each.partial_fit(newer)
        rows = each.rated_
        of_new = [rows.weights[rows.indptr[row] : rows.indptr[row + 1]][0] for row in (0,)]
        assert of_new[0] == pytest.approx(2.0)
    assert_same(found, fitted)
    with pytest.raises(DataError, match="no timestamp"):
        found.partial_fit(Ratings.from_arrays([3], [5], [2]))


def test_a_fit_without_half_life_after_one_with_it_forgets_it() -> None:
    model = ALS(n_factors=2, half_life="10d").fit(timed())
    model.set_params(half_life=None).fit(timed())
    assert model.newest_ is None
    assert model.rated_.weights is None
    model.partial_fit(Ratings.from_arrays([3], [5], [2]))


def test_folding_in_a_users_aged_ratings_gives_the_user_back() -> None:
    ratings = timed()
    model = ALS(n_factors=3, half_life="100d").fit(ratings)
    row = 4
    own = model.rated_.pick([row])
    assert np.allclose(model.fold(own).factors[0], model.user_factors_[row], atol=1e-6)


def test_what_is_popular_now_is_shown_to_somebody_unknown() -> None:
    users, old, new = [*range(6), *range(4)], ["old"] * 6, ["new"] * 4
    times = [NOW - 900 * DAY] * 6 + [NOW] * 4
    stars = [5, 4, 3, 5, 4, 3, 4, 5, 3, 4]
    ratings = Ratings.from_arrays(users, [*old, *new], stars, timestamps=times)
    parts = {"watch": ImplicitALS(n_factors=1), "stars": ALS(n_factors=1)}
    for half_life, first in ((None, "old"), ("100d", "new")):
        parts["watch"] = ImplicitALS(n_factors=1, half_life=half_life)
        visitor = Recommender(**parts, blend=0.0).fit(ratings).fold_in({})
        assert visitor.recommend(1)[0].item == first


def test_models_of_different_half_lives_may_join_in_a_recommender(tmp_path: Path) -> None:
    watch = ImplicitALS(n_factors=3, half_life="30d", n_iterations=3)
    stars = ALS(n_factors=3, half_life="900d", n_iterations=3)
    both = Recommender(watch=watch, stars=stars).fit(timed())
    assert not np.array_equal(both.parts[0].rated_.weights, both.parts[1].rated_.weights)
    both.save(tmp_path / "model.safetensors")
    found = load(tmp_path / "model.safetensors")
    for part, expected in zip(found.parts, both.parts, strict=True):
        assert np.array_equal(part.rated_.weights, expected.rated_.weights)
        assert_same(part, expected)
    user = random_ratings().users[0]
    assert found.recommend(user) == both.recommend(user)
    with pytest.raises(DataError, match="half_life"):
        both.partial_fit(timed())
    joined = Recommender.of_fitted(*both.parts)
    assert joined.recommend(user) == both.recommend(user)


def test_tune_keeps_the_half_life_of_a_given_model() -> None:
    found = tune(
        timed(), ALS(n_factors=2, n_iterations=3, half_life="300d"), n_trials=2, by="time", progress=False
    )
    assert found.best_model.get_params()["half_life"] == "300d"
    assert found.best_model.rated_.weights is not None
