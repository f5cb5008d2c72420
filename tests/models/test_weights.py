"""Weights of ratings in the models: as repeated ratings, as absent ones, and after the fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from matinee import load
from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import read_model_file, write_model_file
from matinee.models import ALS, BayesianALS, ImplicitALS, ItemRidge, Model, Recommender
from matinee.models.baselines import ItemBiases, MostPopular
from matinee.ratings import Ratings, Rows

from ..conftest import random_ratings

SMALL_BAYES: dict[str, Any] = {"n_factors": 4, "n_samples": 6, "n_burn_in": 3, "n_kept": 4}
WAYS = [
    ALS(n_factors=5),
    ALS(n_factors=5, biases=False, weighting=0.6),
    ALS(n_factors=40, n_iterations=4),
    ImplicitALS(n_factors=6, alpha=2.0, unobserved_weight=0.3, n_iterations=6),
    ImplicitALS(n_factors=6, threshold=3.0, n_iterations=6),
    ImplicitALS(n_factors=6, values="presence", n_iterations=6),
    ImplicitALS(n_factors=6, grading=0.2, known_from=8, n_iterations=6),
    ImplicitALS(n_factors=6, solver="cg", momentum=0.3, n_iterations=6),
    BayesianALS(**SMALL_BAYES),
    ItemBiases(),
]
SCORES = {"rtol": 2e-4, "atol": 2e-5}


def named(model: Model) -> str:
    return repr(model)


def fresh(model: Model) -> Model:
    return type(model)(**model.get_params())


def with_weights(ratings: Ratings, weights: np.ndarray) -> Ratings:
    rows = ratings.by_user._replace(weights=weights.astype(np.float32))
    return Ratings(ratings.user_index, ratings.item_index, rows)


def some_weights(ratings: Ratings, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 3, size=len(ratings))


def repeated(ratings: Ratings, times: np.ndarray) -> Ratings:
    """The same ratings, each so many times, which `Ratings` itself would merge."""
    rows = ratings.by_user
    before = np.concatenate([[0], np.cumsum(times)])
    copies = Rows(before[rows.indptr], np.repeat(rows.columns, times), np.repeat(rows.values, times))
    return Ratings(ratings.user_index, ratings.item_index, copies)


def assert_same_sides(found: Any, expected: Any, tolerance: float) -> None:
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max()), name


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_weights_of_one_give_the_very_bits_of_none(model: Model, small_ratings: Ratings) -> None:
    frame = small_ratings.to_frame().with_columns(weight=pl.lit(1.0))
    ones = Ratings.from_frame(frame, weight="weight")
    found, expected = fresh(model).fit(ones), fresh(model).fit(small_ratings)
    assert_same_sides(found, expected, 0.0)
    assert found.history_ == [] or [one.objective for one in found.history_] == [
        one.objective for one in expected.history_
    ]


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_whole_weights_are_repeated_ratings(model: Model, small_ratings: Ratings) -> None:
    times = np.random.default_rng(1).integers(1, 4, size=len(small_ratings))
    found = fresh(model).fit(with_weights(small_ratings, times))
    expected = fresh(model).fit(repeated(small_ratings, times))
    assert_same_sides(found, expected, 1e-3 if isinstance(model, BayesianALS) else 1e-4)
    if isinstance(model, ALS):
        assert found.history_[-1].train_rmse == pytest.approx(expected.history_[-1].train_rmse, rel=1e-5)


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_weights_of_zero_are_absent_ratings(model: Model, small_ratings: Ratings) -> None:
    frame, seed = small_ratings.to_frame(), np.random.default_rng(2)
    weights = some_weights(small_ratings) * (seed.random(len(small_ratings)) < 0.8)
    weighted = Ratings.from_frame(frame.with_columns(weight=weights), weight="weight")
    absent = Ratings.from_frame(
        frame.with_columns(weight=weights).filter(pl.col("weight") > 0), weight="weight"
    )
    assert weighted == absent
    kept = with_weights(small_ratings, weights)
    assert_same_sides(fresh(model).fit(weighted), fresh(model).fit(absent), 0.0)
    # Where zeros stay in the rows, as a half-life may leave them, they teach no more than absent ones.
    registered = absent.subset(np.ones(len(absent), bool))
    assert registered.users.tolist() == small_ratings.users.tolist()
    found, expected = fresh(model).fit(kept), fresh(model).fit(absent)
    if not isinstance(model, BayesianALS):
        assert_same_sides(found, expected, 1e-3)


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_weights_change_what_is_learned(model: Model, small_ratings: Ratings) -> None:
    weights = some_weights(small_ratings)
    found = fresh(model).fit(with_weights(small_ratings, weights))
    plain = fresh(model).fit(small_ratings)
    assert (
        np.abs(found.item_factors_ - plain.item_factors_).max()
        + np.abs(found.item_biases_ - plain.item_biases_).max()
        > 1e-3
    )


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_a_weighted_model_is_the_same_from_its_file(
    model: Model, small_ratings: Ratings, tmp_path: Path
) -> None:
    weighted = with_weights(small_ratings, some_weights(small_ratings))
    fitted = fresh(model).fit(weighted)
    fitted.save(tmp_path / "model.safetensors")
    found = load(tmp_path / "model.safetensors")
    assert np.array_equal(found.rated_.weights, weighted.weights)
    user, items = small_ratings.users[0], small_ratings.items
    assert np.array_equal(found.predict(user, items), fitted.predict(user, items))
    new = small_ratings.subset(np.arange(5))
    assert_same_sides(found.partial_fit(new), fitted.partial_fit(new), 0.0)


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_folding_in_a_users_weighted_ratings_gives_the_user_back(
    model: Model, small_ratings: Ratings
) -> None:
    weights = some_weights(small_ratings)
    weighted = with_weights(small_ratings, weights)
    fitted = fresh(model).fit(weighted)
    user = small_ratings.users[3]
    own = weighted.to_frame().filter(pl.col("user") == user).select("item", "rating", "weight")
    visitor, person = fitted.fold_in(own), fitted.person(user)
    assert np.allclose(visitor.factors, person.factors, rtol=1e-5, atol=1e-6)
    assert visitor.bias == pytest.approx(person.bias, abs=1e-5)
    unweighted = fitted.fold_in(own.drop("weight"))
    assert np.abs(unweighted.predict(small_ratings.items) - person.predict(small_ratings.items)).max() > 1e-4
    lists = fitted.fold_in_all(weighted, n=3, exclude_seen=True)
    expected = fitted.recommend_all(n=3, exclude_seen=True)
    assert np.allclose(lists["score"], expected["score"], **SCORES)


@pytest.mark.parametrize("model", WAYS, ids=named)
def test_explanations_of_weighted_ratings_add_up(model: Model, small_ratings: Ratings) -> None:
    fitted = fresh(model).fit(with_weights(small_ratings, some_weights(small_ratings)))
    user = small_ratings.users[3]
    for tip in fitted.recommend(user, 3):
        told = fitted.explain(user, tip.item, n=100)
        total = told.baseline + sum(part.contribution for part in told.contributions) + told.rest
        assert total == pytest.approx(tip.score, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    "model", [each for each in WAYS if isinstance(each, ALS | ImplicitALS | BayesianALS)], ids=named
)
def test_a_weighted_fit_is_the_same_with_any_number_of_threads(model: Model, small_ratings: Ratings) -> None:
    weighted = with_weights(small_ratings, some_weights(small_ratings))
    one, three = (fresh(model).set_params(n_threads=n).fit(weighted) for n in (1, 3))
    assert_same_sides(one, three, 0.0)


@pytest.mark.parametrize("model", [each for each in WAYS if isinstance(each, ALS | ImplicitALS)], ids=named)
def test_a_partial_fit_with_weights_ends_where_the_weighted_fit_stands_still(model: Model) -> None:
    whole = random_ratings(80, 40)
    weighted = with_weights(whole, some_weights(whole))
    new = np.random.default_rng(3).random(len(whole)) < 0.5
    assert (whole.subset(new).by_user.counts > 0).all()
    known = fresh(model).set_params(momentum=0.0) if isinstance(model, ImplicitALS) else fresh(model)
    found = known.fit(weighted.subset(~new)).partial_fit(weighted.subset(new), n_iterations=300)
    assert np.array_equal(found.rated_.weights, weighted.weights)
    unweighted = fresh(known).fit(whole.subset(~new)).partial_fit(whole.subset(new), n_iterations=300)
    left = []
    for start in (found, unweighted):
        further = fresh(known).set_params(n_iterations=300)
        further.fit(weighted, start=start)  # type: ignore[call-arg]
        left.append(further.history_[0].objective / further.history_[-1].objective - 1)
    assert left[0] < 0.01
    assert left[1] > 2 * left[0]


def test_a_warm_start_takes_weighted_ratings(small_ratings: Ratings) -> None:
    weighted = with_weights(small_ratings, some_weights(small_ratings))
    fitted = ALS(n_factors=3, n_iterations=80).fit(weighted)
    again = ALS(n_factors=3, n_iterations=1).fit(weighted, start=fitted)
    assert np.abs(again.item_factors_ - fitted.item_factors_).max() < 1e-2


def test_a_new_item_is_solved_with_the_weights_of_its_ratings(small_ratings: Ratings) -> None:
    fitted = ALS(n_factors=3).fit(small_ratings)
    users = small_ratings.users[:6].tolist()
    times = [1, 2, 3, 1, 1, 2]
    given = pl.DataFrame({"user": users, "rating": [5, 4, 1, 2, 3, 4], "weight": times})
    found = fitted.fold_in_item(given)
    observed = Rows(np.array([0, 6]), np.arange(6, dtype=np.int32), np.array([5, 4, 1, 2, 3, 4], np.float32))
    y = np.column_stack([fitted.user_factors_[:6], np.ones(6)]).astype(np.float64)
    targets = observed.values - fitted.mean_ - fitted.user_biases_[:6]
    matrix = (y.T * times) @ y + 0.1 * sum(times) * np.eye(4)
    x = np.linalg.solve(matrix, y.T @ (times * targets))
    assert np.allclose(np.append(found.factors, found.bias), x, atol=1e-5)


def test_a_recommender_gives_its_models_the_weights(small_ratings: Ratings, tmp_path: Path) -> None:
    weights = some_weights(small_ratings)
    weighted = with_weights(small_ratings, weights)
    watch, stars = ImplicitALS(n_factors=4, grading=0.2), ALS(n_factors=4)
    both = Recommender(watch=watch, stars=stars, random_state=0).fit(weighted)
    assert_same_sides(both.stars_model_, ALS(n_factors=4).fit(weighted), 0.0)
    alone = ImplicitALS(n_factors=4, grading=0.2).fit(weighted)
    assert_same_sides(both.watch_models_[0], alone, 0.0)
    both.save(tmp_path / "model.safetensors")
    found = load(tmp_path / "model.safetensors")
    for part in found.parts:
        assert np.array_equal(part.rated_.weights, weighted.weights)
    user = small_ratings.users[0]
    assert found.recommend(user) == both.recommend(user)


def test_an_item_ridge_refuses_weights(small_ratings: Ratings) -> None:
    with pytest.raises(DataError, match="knows no weights"):
        ItemRidge().fit(with_weights(small_ratings, some_weights(small_ratings)))


def test_the_most_popular_are_counted_by_weight() -> None:
    ratings = Ratings.from_arrays([1, 2, 3], ["a", "a", "b"], [5, 4, 3], weights=[0.4, 0.5, 2])
    popular = MostPopular().fit(ratings)
    assert [tip.item for tip in popular.recommend(1, 2, exclude_seen=False)] == ["b", "a"]


def test_damaged_weights_in_a_file_are_refused(small_ratings: Ratings, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    ALS(n_factors=2).fit(with_weights(small_ratings, some_weights(small_ratings))).save(path)
    for damage in (lambda weights: weights[1:], lambda weights: -weights, lambda weights: weights * 1e12):
        header, arrays = read_model_file(path)
        damaged = tmp_path / "damaged.safetensors"
        write_model_file(damaged, header, {**arrays, "rated_weights": damage(arrays["rated_weights"])})
        with pytest.raises(ModelFileError, match="weights"):
            load(damaged)
