"""Retraining on the base and the visitors' ratings."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import matinee
from matinee.errors import DataError
from matinee.models.recommender import Recommender
from matinee.web.jobs.held_out import is_held_out
from matinee.web.jobs.retraining import retrain, with_visitors
from matinee.web.store.engine import Store
from tests.conftest import random_ratings
from tests.web.stored import add_ratings


@pytest.fixture(scope="module")
def base() -> matinee.Ratings:
    return random_ratings(n_users=150, n_items=60, share=0.4, seed=3)


@pytest.fixture(scope="module")
def fitted(base: matinee.Ratings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "fitted.safetensors"
    matinee.ALS(n_factors=3, regularization=0.05, random_state=1).fit(base, progress=False).save(path)
    return path


@pytest.fixture
def model(fitted: Path, tmp_path: Path) -> Path:
    """A model file that the test may replace."""
    return Path(shutil.copy(fitted, tmp_path / "model.safetensors"))


def test_a_new_model_knows_the_visitors_and_takes_the_old_ones_place(
    store: Store, base: matinee.Ratings, model: Path
) -> None:
    items = [str(item) for item in base.items[:20]]
    (number,) = add_ratings(store, [dict.fromkeys(items, 4.5)])
    found = retrain(store, model, base)
    assert found.swapped
    assert (found.n_base, found.n_visitors, found.n_unknown) == (len(base), 20, 0)
    new = matinee.load(model)
    assert -number in new.user_index_.ids.tolist()
    assert set(new.user_index_.ids.tolist()) == {*base.users.tolist(), -number}
    row = new.user_index_.position(-number)
    rated = new.rated_.columns[new.rated_.indptr[row] : new.rated_.indptr[row + 1]]
    assert 10 <= len(rated) <= 20
    assert found.n_held_out == len(base) + 20 - len(new.rated_.columns)


def test_beside_a_base_with_weights_visitors_ratings_count_1(
    store: Store, base: matinee.Ratings, tmp_path: Path
) -> None:
    frame = base.to_frame()
    weighted = matinee.Ratings.from_frame(
        frame.with_columns(w=pl.int_range(1, len(frame) + 1) % 3), weight="w"
    )
    path = tmp_path / "weighted.safetensors"
    matinee.ALS(n_factors=3).fit(weighted, progress=False).save(path)
    (number,) = add_ratings(store, [dict.fromkeys(map(str, base.items[:20]), 4.5)])
    assert retrain(store, path, weighted, margin=10.0).swapped
    rated = matinee.load(path).rated_
    users = matinee.load(path).user_index_
    row = users.position(-number)
    assert rated.weights is not None
    assert set(rated.weights[rated.indptr[row] : rated.indptr[row + 1]].tolist()) == {1.0}
    assert set(rated.weights.tolist()) == {1.0, 2.0}


def test_a_model_that_is_worse_does_not_take_the_old_ones_place(
    store: Store, base: matinee.Ratings, model: Path
) -> None:
    """From a fifth of the ratings less is learned than the old model knows."""
    old = model.read_bytes()
    part = base.subset(np.arange(len(base)) % 5 == 0)
    found = retrain(store, model, part)
    assert found.new > found.old + 0.005
    assert not found.swapped
    assert model.read_bytes() == old
    assert retrain(store, model, part, margin=10.0).swapped
    assert model.read_bytes() != old


def test_both_models_are_measured_on_what_neither_has_seen(
    store: Store, base: matinee.Ratings, model: Path
) -> None:
    """Without visitors the old recipe and the new are one, and so must be their errors."""
    found = retrain(store, model, base)
    assert found.old == pytest.approx(found.new, rel=1e-6)
    held_out = is_held_out(base)
    again = matinee.ALS(n_factors=3, regularization=0.05, random_state=1)
    again.fit(base.subset(~held_out), progress=False)
    test = base.subset(held_out)
    expected = matinee.evaluate(again, test).rmse
    assert found.new == pytest.approx(expected, rel=1e-3)


def test_a_recommender_is_fitted_again_with_its_own_models(
    store: Store, base: matinee.Ratings, tmp_path: Path
) -> None:
    path = tmp_path / "recommender.safetensors"
    watch = matinee.ImplicitALS(n_factors=3, grading=0.3, n_iterations=2)
    Recommender(watch=watch, stars=matinee.ALS(n_factors=2, n_iterations=3), blend=0.4).fit(
        base, progress=False
    ).save(path)
    (number,) = add_ratings(store, [{str(item): 4.5 for item in base.items[:20]}])
    assert retrain(store, path, base, margin=1.0).swapped
    new = matinee.load(path)
    assert isinstance(new, Recommender)
    assert (new.blend, new.watch_models_[0].get_params()) == (0.4, watch.get_params())
    assert new.stars_model_.get_params()["n_factors"] == 2
    assert new.user_index_.position(-number) >= 0


def test_items_that_are_none_of_the_bases_kind_are_left_out_and_counted(
    store: Store, base: matinee.Ratings
) -> None:
    add_ratings(store, [{str(base.items[0]): 4.0, "tt0078748": 5.0}])
    whole, n_visitors, n_unknown = with_visitors(base, store)
    assert (len(whole), n_visitors, n_unknown) == (len(base) + 1, 1, 1)


def test_a_base_with_ids_of_text_has_visitors_of_text(store: Store) -> None:
    base = matinee.Ratings.from_arrays(["ann", "bob"], ["a", "b"], [3, 4])
    (number,) = add_ratings(store, [{"a": 4.5}])
    whole, _, _ = with_visitors(base, store)
    assert set(whole.users.tolist()) == {"ann", "bob", f"visitor-{number}"}


@pytest.mark.parametrize("users", [[-1, 2], ["visitor-1", "x"]])
def test_a_base_with_ids_of_visitors_is_refused(store: Store, users: list[int | str]) -> None:
    base = matinee.Ratings.from_arrays(users, [1, 2], [3, 4])
    with pytest.raises(DataError, match="reserved for visitors"):
        with_visitors(base, store)
