"""R ≈ U × Mᵀ: what stands in the three matrices, and that the sum beneath is right."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

import matinee
from matinee import plots


def meshes(ax) -> list[np.ma.MaskedArray]:
    return [part.get_array() for part in ax.collections if isinstance(part, QuadMesh)]


def words(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def sum_beneath(ax) -> str:
    return next(text for text in words(ax) if " × " in text and ":" in text)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_three_matrices_are_those_of_the_model(als: matinee.ALS) -> None:
    users, items = [3, 24, 10], [16, 434, 5, 27]
    ratings, of_users, of_items = meshes(plots.factorization(als, users=users, items=items))
    rows = [als.user_index_.position(user) for user in users]
    columns = [als.item_index_.position(item) for item in items]
    np.testing.assert_array_equal(of_users, als.user_factors_[rows])
    np.testing.assert_array_equal(of_items, als.item_factors_[columns].T)
    for place, row in enumerate(rows):
        part = slice(als.rated_.indptr[row], als.rated_.indptr[row + 1])
        rated = dict(zip(als.rated_.columns[part], als.rated_.values[part], strict=True))
        expected = [rated.get(column) for column in columns]
        shown = [None if np.ma.is_masked(value) else value for value in ratings[place]]
        assert shown == expected


def test_row_times_column_and_biases_add_up_to_the_prediction(als: matinee.ALS) -> None:
    ax = plots.factorization(als, user=3, item=16)
    text = sum_beneath(ax)
    assert text.startswith("user 3 × 16: ")
    parts = [number(found) for found in re.findall(r"(?:mean|user|movie|column) (−?[\d.]+)", text)[1:]]
    row, column = als.user_index_.position(3), als.item_index_.position(16)
    product = float(als.user_factors_[row] @ als.item_factors_[column])
    expected = [als.mean_, als.user_biases_[row], als.item_biases_[column], product]
    assert parts == pytest.approx(expected, abs=0.006)
    assert number(text.rpartition("= ")[2].split(",")[0]) == pytest.approx(sum(expected), abs=0.006)


def test_a_user_and_a_movie_named_are_added_and_picked_out(als: matinee.ALS, movies: matinee.Movies) -> None:
    ax = plots.factorization(als, users=[3], items=[16], user=24, item=27, movies=movies)
    assert sum_beneath(ax).startswith("user 24 × Film 27: ")
    assert meshes(ax)[0].shape == (2, 2)
    frames = [(patch.get_width(), patch.get_height()) for patch in ax.patches]  # type: ignore[attr-defined]
    assert frames == [(1, 1), (3, 1), (1, 3)]
    assert [patch.get_y() for patch in ax.patches] == [1, 1, 0]  # type: ignore[attr-defined]


def test_the_cell_picked_out_is_unrated_and_shows_its_prediction(als: matinee.ALS) -> None:
    ax = plots.factorization(als)
    frame = ax.patches[0]
    ratings = meshes(ax)[0]
    assert np.ma.is_masked(ratings[int(frame.get_y()), int(frame.get_x())])  # type: ignore[attr-defined]
    user, item = re.match(r"user (\d+) × (\d+)", sum_beneath(ax)).groups()
    assert f"{als.predict(int(user), int(item)):.1f}?" in words(ax)
    shown = {int(name.split()[1]) for name in words(ax) if re.fullmatch(r"user \d+", name)}
    assert int(user) in shown
    assert len(shown) == 6


def test_more_factors_than_can_be_read_are_counted(split_ratings) -> None:
    model = matinee.ALS(n_factors=20, n_iterations=2).fit(split_ratings[0])
    ax = plots.factorization(model)
    assert meshes(ax)[1].shape == (6, 8)
    assert "U: 8 of 20 factors" in words(ax)


def test_models_without_biases_and_of_samples_say_what_they_do(
    split_ratings, bayes: matinee.BayesianALS
) -> None:
    plain = matinee.ALS(n_factors=3, biases=False).fit(split_ratings[0])
    text = sum_beneath(plots.factorization(plain, user=3, item=16))
    product = float(plain.user_factors_[0] @ plain.item_factors_[plain.item_index_.position(16)])
    assert text.startswith(f"user 3 × 16: row · column = {product:.2f}".replace("-", "−"))
    text = sum_beneath(plots.factorization(bayes, user=3, item=16))
    assert text.endswith(f"the mean of 20 such products, with biases, is {bayes.predict(3, 16):.2f}")


def test_strangers_are_refused(als: matinee.ALS) -> None:
    with pytest.raises(matinee.UnknownUserError):
        plots.factorization(als, user=4)
    with pytest.raises(matinee.UnknownItemError):
        plots.factorization(als, item=6)
    with pytest.raises(matinee.NotFittedError):
        plots.factorization(matinee.ALS())
