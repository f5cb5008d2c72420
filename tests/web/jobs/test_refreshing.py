"""Refreshing a model with what visitors have rated since its fit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import matinee
from matinee.web.cinema.model_files import fitted_file, served_file
from matinee.web.jobs.refreshing import Refresh, news_for, refresh
from matinee.web.jobs.retraining import retrain
from matinee.web.jobs.visitors_ratings import visitors_ratings
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.visitors import erase_visitor
from tests.conftest import random_ratings
from tests.web.stored import add_ratings

NEW_FILM = 9_999


@pytest.fixture(scope="module")
def base() -> matinee.Ratings:
    return random_ratings(n_users=150, n_items=60, share=0.4, seed=3)


@pytest.fixture
def path(base: matinee.Ratings, tmp_path: Path) -> Path:
    """A fitted model."""
    path = tmp_path / "model.safetensors"
    matinee.ALS(n_factors=3, regularization=0.05, random_state=1).fit(base, progress=False).save(path)
    return path


def refreshed(path: Path, folder: Path) -> matinee.ALS:
    """The model to serve."""
    found = served_file(path, folder)
    assert found is not None
    model = matinee.load(found.path)
    assert isinstance(model, matinee.ALS)
    return model


def test_a_refreshed_model_is_the_partial_fit_to_the_visitors_ratings(
    store: Store, base: matinee.Ratings, path: Path, tmp_path: Path
) -> None:
    known = base.items[:3].tolist()
    rated = [{str(known[0]): 5.0, str(NEW_FILM): 4.5}, {str(known[1]): 1.0, str(NEW_FILM): 3.0}]
    first, second = add_ratings(store, rated)
    fitted = path.read_bytes()
    assert refresh(store, path, tmp_path / "refreshed") == Refresh(n_ratings=4, n_films=1)
    expected = matinee.load(path)
    assert isinstance(expected, matinee.ALS)
    expected.partial_fit(
        matinee.Ratings.from_arrays(
            [-first, -first, -second, -second], [known[0], NEW_FILM, known[1], NEW_FILM], [5.0, 4.5, 1.0, 3.0]
        )
    )
    found = refreshed(path, tmp_path / "refreshed")
    assert found.item_index_ == expected.item_index_ and found.user_index_ == expected.user_index_
    np.testing.assert_allclose(found.item_factors_, expected.item_factors_, rtol=1e-4, atol=1e-5)
    assert path.read_bytes() == fitted


def test_what_is_taken_back_or_erased_leaves_no_trace(store: Store, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "refreshed"
    first, second, third = add_ratings(store, [{str(NEW_FILM): 5.0}, {"9998": 4.0}, {str(NEW_FILM): 3.0}])
    refresh(store, path, folder)
    assert {NEW_FILM, 9998} <= set(refreshed(path, folder).item_index_.ids.tolist())
    with store.writing() as session:
        ratings_log.take_back(session, first, str(NEW_FILM))
        erase_visitor(session, second)
    assert refresh(store, path, folder) == Refresh(1, 1)
    left = refreshed(path, folder)
    assert -third in left.user_index_.ids and not {-first, -second} & set(left.user_index_.ids.tolist())
    assert NEW_FILM in left.item_index_.ids and 9998 not in left.item_index_.ids
    with store.writing() as session:
        erase_visitor(session, third)
    assert refresh(store, path, folder) == Refresh(0, 0)
    assert served_file(path, folder) == fitted_file(path)
    assert list(folder.iterdir()) == []


def test_only_what_differs_from_the_fit_is_learned(
    store: Store, base: matinee.Ratings, path: Path, tmp_path: Path
) -> None:
    items = [str(item) for item in base.items[:12]]
    number, other = add_ratings(store, [dict.fromkeys(items, 4.5), dict.fromkeys(items[:4], 2.0)])
    retrain(store, path, base, margin=10.0)
    model = matinee.load(path)
    row = model.user_index_.position(-number)
    learned = {str(model.item_index_.id_at(column)) for column in model.rated_.pick([row]).columns}
    assert 3 <= len(learned) <= 12
    news = news_for(model, visitors_ratings(store))
    of_other = 4 - len(model.rated_.pick([model.user_index_.position(-other)]).columns)
    # The retraining has held out some of them.
    assert (0 if news is None else len(news)) == 12 - len(learned) + of_other
    changed = min(learned)
    with store.writing() as session:
        ratings_log.rate(session, number, changed, 1.0)
    again = news_for(model, visitors_ratings(store))
    assert again is not None
    assert len(again) == 12 - len(learned) + of_other + 1
    frame = again.to_frame()
    assert frame.filter(user=-number, item=int(changed))["rating"].to_list() == [1.0]


def test_a_new_fit_is_served_at_once_and_its_refresh_takes_the_old_ones_place(
    store: Store, base: matinee.Ratings, path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "refreshed"
    add_ratings(store, [{str(NEW_FILM): 5.0}])
    refresh(store, path, folder)
    assert served_file(path, folder) != fitted_file(path)
    before = list(folder.iterdir())
    matinee.ALS(n_factors=2).fit(base, progress=False).save(path)
    assert served_file(path, folder) == fitted_file(path)
    refresh(store, path, folder)
    assert refreshed(path, folder).item_factors_.shape[1] == 2
    assert len(before) == len(list(folder.iterdir())) == 1 and before != list(folder.iterdir())


def test_a_model_with_ids_of_text_learns_of_visitors_of_text(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    users, items = ["ann", "ann", "bob", "bob"], ["a", "b", "a", "c"]
    matinee.ALS(n_factors=2).fit(
        matinee.Ratings.from_arrays(users, items, [3, 4, 5, 2]), progress=False
    ).save(path)
    (number,) = add_ratings(store, [{"a": 4.5, "d": 2.0}])
    assert refresh(store, path, tmp_path / "refreshed") == Refresh(2, 1)
    found = refreshed(path, tmp_path / "refreshed")
    assert f"visitor-{number}" in found.user_index_.ids and "d" in found.item_index_.ids


def test_items_that_cannot_be_the_models_are_left_out(store: Store, path: Path, tmp_path: Path) -> None:
    add_ratings(store, [{"tt0078748": 5.0}])
    assert refresh(store, path, tmp_path / "refreshed") == Refresh(0, 0)


def test_a_model_that_learned_from_features_is_refreshed_too(
    store: Store, base: matinee.Ratings, tmp_path: Path
) -> None:
    path, folder = tmp_path / "features.safetensors", tmp_path / "refreshed"
    features = {"item": base.items.tolist(), "old": (base.items % 2).astype(float).tolist()}
    matinee.ALS(n_factors=2).fit(base, item_features=pl.DataFrame(features), progress=False).save(path)
    add_ratings(store, [{str(base.items[0]): 5.0, str(NEW_FILM): 4.0}])
    assert refresh(store, path, folder) == Refresh(2, 1)
    served = served_file(path, folder)
    assert served is not None
    refreshed = matinee.load(served.path)
    assert isinstance(refreshed, matinee.ALS)
    assert refreshed.item_knowledge_ is not None
    assert refreshed.item_knowledge_.features.n_rows == base.n_items + 1


@pytest.mark.skipif(os.name != "posix", reason="only there have folders a mode")
def test_nobody_else_may_look_into_the_folder(store: Store, path: Path, tmp_path: Path) -> None:
    add_ratings(store, [{str(NEW_FILM): 5.0}])
    refresh(store, path, tmp_path / "refreshed")
    assert (tmp_path / "refreshed").stat().st_mode & 0o077 == 0
