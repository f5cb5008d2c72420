"""The factors in the pictures against the model's."""

from __future__ import annotations

import numpy as np
import pytest

import matinee
from matinee import plots

from .conftest import counts_by_item


def test_the_heat_map_has_the_factors_of_the_movies_and_users_named(
    als: matinee.ALS, movies: matinee.Movies
) -> None:
    items, users = [16, 434, 5], [10, 3]
    ax = plots.latent_factors(als, users=users, items=items, movies=movies)
    shown = ax.images[0].get_array()
    rows = [als.item_index_.position(item) for item in items]
    np.testing.assert_array_equal(shown[:3], als.item_factors_[rows])
    assert shown[3].mask.all()
    rows = [als.user_index_.position(user) for user in users]
    np.testing.assert_array_equal(shown[4:], als.user_factors_[rows])
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["Film 16", "434", "Film 5", "user 10", "user 3"]


def test_the_colours_are_centred_on_zero(als: matinee.ALS) -> None:
    image = plots.latent_factors(als).images[0]
    low, high = image.get_clim()
    assert low == -high < 0
    middle = np.array(image.get_cmap()(image.norm(0.0))[:3])
    assert (middle > 0.95).all()


def test_the_most_rated_movies_are_shown_first(als: matinee.ALS) -> None:
    counts = counts_by_item(als)
    ax = plots.latent_factors(als, items=5)
    shown = [int(text.get_text()) for text in ax.get_yticklabels()[:5]]
    expected = sorted(range(len(counts)), key=lambda place: (-counts[place], place))[:5]
    assert shown == [als.item_index_.id_at(place) for place in expected]


def test_turning_to_principal_directions_changes_no_product_and_orders_them(als: matinee.ALS) -> None:
    n_items, n_users = len(als.item_index_), len(als.user_index_)
    ax = plots.latent_factors(als, items=n_items, users=als.user_index_.ids, rotation="principal")
    shown = ax.images[0].get_array()
    turned, users = np.asarray(shown[:n_items]), np.asarray(shown[n_items + 1 :])
    order = np.argsort(-counts_by_item(als), kind="stable")
    np.testing.assert_allclose(users @ turned.T, als.user_factors_ @ als.item_factors_[order].T, atol=1e-5)
    covariance = np.cov(turned.T, ddof=0)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-6)
    assert (np.diff(np.diag(covariance)) <= 0).all()
    assert len(users) == n_users


def test_every_factor_has_the_films_at_both_ends(als: matinee.ALS, movies: matinee.Movies) -> None:
    known = [place for place, count in enumerate(counts_by_item(als)) if count >= 20]
    known = known if len(known) >= 4 else list(range(len(als.item_index_)))
    ax = plots.factor_extremes(als, n=2, movies=movies)
    titles = [text.get_text() for text in ax.texts]
    widths = [bar.get_width() for container in ax.containers for bar in container]
    expected_titles, expected_widths = [], []
    for factor in range(3):
        ranked = sorted(known, key=lambda place: als.item_factors_[place, factor])
        for ends in (ranked[:2], ranked[::-1][:2]):
            expected_titles += [movies.title(als.item_index_.id_at(place)) for place in ends]
            expected_widths += [als.item_factors_[place, factor] for place in ends]
    assert titles == expected_titles
    assert widths == pytest.approx(expected_widths)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["factor 1", "factor 2", "factor 3"]


def test_the_strongest_factors_come_first_where_not_all_are_shown(als: matinee.ALS) -> None:
    strength = als.user_factors_.std(axis=0) * als.item_factors_.std(axis=0)
    ax = plots.factor_extremes(als, n_factors=2)
    first, second = np.argsort(-strength)[:2] + 1
    assert [text.get_text() for text in ax.get_yticklabels()] == [f"factor {first}", f"factor {second}"]


def test_films_that_hardly_anybody_rated_are_left_out() -> None:
    generator = np.random.default_rng(0)
    pairs = [(user, item) for user in range(40) for item in range(8)] + [(0, 99)]
    users, items = np.array(pairs).T
    ratings = matinee.Ratings.from_arrays(users, items, generator.integers(1, 6, len(pairs)))
    model = matinee.ALS(n_factors=2, regularization=1e-3).fit(ratings)
    assert "99" not in {text.get_text() for text in plots.factor_extremes(model, n=4).texts}


def test_a_title_with_a_dollar_sign_is_no_formula(als: matinee.ALS) -> None:
    named = matinee.Movies([matinee.Movie(5, "$9.99 $ale", 2008)])
    ax = plots.latent_factors(als, items=[5], movies=named)
    ax.figure.draw_without_rendering()
    assert ax.get_yticklabels()[0].get_text() == r"\$9.99 \$ale"


def test_what_is_wrong_is_named(als: matinee.ALS) -> None:
    with pytest.raises(matinee.DataError, match="rotation='varimax'"):
        plots.factor_extremes(als, rotation="varimax")  # type: ignore[arg-type]
    with pytest.raises(matinee.UnknownItemError, match="item 6 is not known"):
        plots.latent_factors(als, items=[6])
    with pytest.raises(matinee.NotFittedError):
        plots.factor_extremes(matinee.ALS())
