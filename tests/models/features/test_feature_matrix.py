"""Features that are ready: a matrix with ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix

from matinee import load
from matinee.errors import DataError
from matinee.models import ALS, BayesianALS, ImplicitALS
from matinee.ratings import Ratings

from ...conftest import random_ratings

MODELS = [
    ALS(n_factors=3, n_iterations=3),
    ImplicitALS(n_factors=3, n_iterations=3),
    BayesianALS(n_factors=3, n_samples=4, n_burn_in=1, n_kept=2),
]
RATINGS = random_ratings()
# In another order than the model has them, and one that nobody has rated.
IDS = np.append(RATINGS.items[::-1], 10**6)
MATRIX = np.random.default_rng(0).choice([0.0, 0.0, 1.0, 2.5], size=(len(IDS), 4))
USER_MATRIX = np.random.default_rng(1).normal(size=(RATINGS.n_users, 2))


@pytest.mark.parametrize("unfitted", MODELS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("form", [csr_matrix, csr_array, coo_matrix, np.ndarray.tolist])
def test_a_sparse_matrix_is_worth_what_a_dense_one_is(unfitted: Any, form: Any) -> None:
    kind, parameters = type(unfitted), unfitted.get_params()
    dense = kind(**parameters).fit(RATINGS, item_features=(IDS, MATRIX))
    other = kind(**parameters).fit(RATINGS, item_features=(IDS.tolist(), form(MATRIX)))
    np.testing.assert_array_equal(dense.item_factors_, other.item_factors_)
    assert dense.item_factors_.shape == (len(IDS), 3)


def test_the_numbers_of_a_matrix_are_those_of_columns_that_are_scaled_already() -> None:
    scaled = (MATRIX - MATRIX.mean(axis=0)) / MATRIX.std(axis=0)
    frame = pl.DataFrame({"item": IDS, **{f"f{n}": scaled[:, n] for n in range(4)}})
    as_columns = ALS(n_factors=3).fit(RATINGS, item_features=frame)
    as_matrix = ALS(n_factors=3).fit(RATINGS, item_features=(IDS, scaled))
    np.testing.assert_allclose(as_columns.item_factors_, as_matrix.item_factors_, rtol=1e-3, atol=1e-4)


def test_a_sparse_matrix_is_left_as_it_was() -> None:
    unsorted = csr_matrix(
        (np.array([1.0, 2.0, 3.0]), np.array([3, 0, 3]), np.append(np.array([0, 3]), np.full(40, 3)))
    )
    before = unsorted.indices.copy()
    ids = np.append(RATINGS.items, 10**6)
    model = ALS(n_factors=3, n_iterations=1).fit(RATINGS, item_features=(ids, unsorted))
    np.testing.assert_array_equal(unsorted.indices, before)
    knowledge = model.item_knowledge_
    assert knowledge is not None
    first = knowledge.features.pick([0])
    assert dict(zip(first.columns.tolist(), first.values.tolist(), strict=True)) == {0: 2.0, 3: 4.0, 4: 1.0}


@pytest.mark.parametrize("unfitted", MODELS, ids=lambda each: type(each).__name__)
def test_people_are_folded_in_with_a_row_of_the_matrix(unfitted: Any, tmp_path: Path) -> None:
    model = type(unfitted)(**unfitted.get_params()).fit(RATINGS, user_features=(RATINGS.users, USER_MATRIX))
    user, rows = RATINGS.users[3], RATINGS.by_user.pick([3])
    ratings = dict(zip(RATINGS.items[rows.columns].tolist(), rows.values.tolist(), strict=True))
    visitor = model.fold_in(ratings, features={"features": USER_MATRIX[3]})
    expected = model.predict(user, RATINGS.items)
    np.testing.assert_allclose(visitor.predict(RATINGS.items), expected, rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    again = loaded.fold_in(ratings, features={"features": USER_MATRIX[3].tolist()})
    np.testing.assert_array_equal(again.predict(RATINGS.items), visitor.predict(RATINGS.items))
    for wrong in (USER_MATRIX[3][:1], [0.0, np.nan], "cook", None):
        with pytest.raises(DataError, match="feature 'features' is .*; expected 2 finite numbers"):
            model.fold_in({}, features={"features": wrong})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((IDS,), "item features are 1 things; expected a frame, or .ids, matrix."),
        ((IDS[:-1], MATRIX), r"40 ids and a matrix of shape \(41, 4\); expected a row for each"),
        ((IDS, MATRIX[:, 0]), r"41 ids and a matrix of shape \(41,\)"),
        ((IDS, MATRIX[:, :0]), r"41 ids and a matrix of shape \(41, 0\)"),
        ((IDS, np.where(MATRIX > 2, np.nan, MATRIX)), "item features hold a NaN or an infinity"),
        ((IDS, csr_matrix(np.where(MATRIX > 2, np.inf, 0.0))), "item features hold a NaN or an infinity"),
        ((np.append(IDS[:-1], IDS[0]), MATRIX), f"item features have item {IDS[0]} twice"),
        ((IDS.astype(str), MATRIX), "item ids are strings in the features and integers in the ratings"),
        ((IDS + 10**7, MATRIX), "item features have none of the 40 items of the ratings"),
        ((IDS, "genres"), "item features hold a str; expected a matrix of numbers"),
    ],
)
def test_a_fault_in_a_matrix_is_named(given: Any, message: str) -> None:
    assert isinstance(RATINGS, Ratings)
    with pytest.raises(DataError, match=message):
        ALS(n_factors=2).fit(RATINGS, item_features=given)
