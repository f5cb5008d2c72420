"""ItemRidge against the minimum that it is meant to be, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from matinee import _kernels
from matinee.errors import DataError
from matinee.models import ItemRidge, load
from matinee.ratings import Ratings, Rows

from ..conftest import random_ratings, random_rows


def seen_by(ratings: Ratings) -> np.ndarray:
    table = np.zeros((ratings.n_users, ratings.n_items))
    table[ratings.user_positions, ratings.by_user.columns] = 1
    return table


def closed_form(seen: np.ndarray, regularization: float, discount: float) -> np.ndarray:
    weights = np.maximum(seen.sum(axis=1), 1) ** -discount
    inverse = np.linalg.inv((seen.T * weights) @ seen + regularization * np.eye(seen.shape[1]))
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


@pytest.mark.parametrize(("regularization", "discount"), [(5.0, 0.0), (0.5, 0.5), (100.0, 1.0)])
def test_the_weights_are_those_of_the_closed_form(regularization: float, discount: float) -> None:
    ratings = random_ratings()
    model = ItemRidge(regularization=regularization, user_discount=discount).fit(ratings)
    assert np.allclose(
        model.item_weights_, closed_form(seen_by(ratings), regularization, discount), atol=1e-4
    )
    assert not np.diag(model.item_weights_).any()


def test_each_column_is_the_ridge_regression_of_an_item_on_all_others() -> None:
    ratings = random_ratings(40, 12, 0.4)
    seen, model = seen_by(ratings), ItemRidge(regularization=3.0, user_discount=0.5).fit(ratings)
    weights = seen.sum(axis=1) ** -0.5
    for item in (0, 7):
        others = np.delete(np.arange(12), item)

        def loss(b: np.ndarray, item: int = item, others: np.ndarray = others) -> float:
            return float((weights * (seen[:, item] - seen[:, others] @ b) ** 2).sum() + 3.0 * (b**2).sum())

        found = scipy.optimize.minimize(loss, np.zeros(11), method="BFGS", options={"gtol": 1e-8}).x
        assert np.allclose(model.item_weights_[others, item], found, atol=1e-4)


def test_scores_are_sums_of_weights_and_say_so() -> None:
    ratings = random_ratings()
    model = ItemRidge(regularization=2.0).fit(ratings)
    scores = seen_by(ratings) @ model.item_weights_
    for row in (0, 5, 33):
        user = ratings.users[row].item()
        expected = dict(zip(ratings.items.tolist(), scores[row].tolist(), strict=True))
        for item, score in model.recommend(user, 12):
            assert score == pytest.approx(expected[item], abs=1e-5)
        seen = set(model.person(user).rated)
        best = sorted((item for item in expected if item not in seen), key=lambda item: -expected[item])[:5]
        assert [one.item for one in model.recommend(user, 5)] == best
        predicted = model.predict(user, ratings.items)
        assert predicted == pytest.approx(scores[row], abs=1e-5)
    whole = model.fold_in({5: 1.0, 27: 5.0}).explain(16)
    places = {item: place for place, item in enumerate(ratings.items.tolist())}
    for part in whole.contributions:
        assert part.contribution == pytest.approx(
            model.item_weights_[places[part.item], places[16]], abs=1e-7
        )


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_sparse_rows_times_sparse_rows_are_those_of_numpy(n_threads: int) -> None:
    generator = np.random.default_rng(1)
    left = random_rows(generator, [0, 3, 40, 1, 0, 17], 60)
    right = random_rows(generator, list(generator.integers(0, 9, 60)), 33)

    def dense(rows: Rows, n_columns: int) -> np.ndarray:
        table = np.zeros((rows.n_rows, n_columns))
        table[np.repeat(np.arange(rows.n_rows), rows.counts), rows.columns] = rows.values
        return table

    product = np.full((6, 33), np.nan, dtype=np.float32)
    _kernels.multiply_sparse_rows(*left[:3], *right[:3], product, n_threads)
    assert np.allclose(product, dense(left, 60) @ dense(right, 33), rtol=1e-6)


def test_rows_that_do_not_fit_each_other_are_refused() -> None:
    generator = np.random.default_rng(1)
    left, right = random_rows(generator, [3, 4], 9), random_rows(generator, [2] * 8, 5)
    product = np.zeros((2, 5), dtype=np.float32)
    for rows, message in ((right, "no row of the right side"),):
        with pytest.raises(ValueError, match=message):
            _kernels.multiply_sparse_rows(*left._replace(columns=left.columns + 4)[:3], *rows[:3], product, 1)
    with pytest.raises(ValueError, match="no column of the product"):
        _kernels.multiply_sparse_rows(*left[:3], *random_rows(generator, [6] * 9, 7)[:3], product, 1)
    with pytest.raises(ValueError, match="a row for each row"):
        _kernels.multiply_sparse_rows(*left[:3], *random_rows(generator, [2] * 9, 5)[:3], product[:1], 1)


def test_what_cannot_be_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for parameters in ({"regularization": 0}, {"regularization": "x"}, {"user_discount": 2}):
        with pytest.raises(DataError, match=next(iter(parameters))):
            ItemRidge(**parameters).fit(random_ratings())
    many = Ratings.from_arrays([1, 1], [0, 1], [1, 2], registered_items=np.arange(50_000))
    with pytest.raises(DataError, match=r"50,000 items; an ItemRidge takes up to 40,000.*ImplicitALS"):
        ItemRidge().fit(many)
    model = ItemRidge().fit(random_ratings())
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(load(tmp_path / "model.safetensors").item_weights_, model.item_weights_)  # type: ignore[attr-defined]
