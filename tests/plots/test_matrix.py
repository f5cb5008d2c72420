"""The ratings matrix: every square, and every cell of the raster, against the ratings themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import matinee
from matinee import plots
from matinee.plots import matrix
from matinee.ratings import Ratings

from ..conftest import random_ratings


def test_every_rating_is_a_square_of_its_value_and_nothing_else_is(small_ratings: Ratings) -> None:
    frame = small_ratings.to_frame()
    by_pair = {(user, item): rating for user, item, rating in frame.iter_rows()}
    users, items = small_ratings.users[[5, 2, 30]], small_ratings.items[[7, 0, 11, 3]]
    shown = plots.ratings_matrix(small_ratings, users=users, items=items).images[0].get_array()
    assert shown.shape == (3, 4)
    for row, user in enumerate(users):
        for column, item in enumerate(items):
            rating = by_pair.get((user, item))
            assert np.ma.is_masked(shown[row, column]) == (rating is None)
            assert rating is None or shown[row, column] == rating
    assert 0 < shown.count() < 12  # type: ignore[attr-defined]


def test_the_squares_lie_on_a_grey_ground_with_titles_and_a_legend(
    small_ratings: Ratings, movies: matinee.Movies
) -> None:
    items = small_ratings.items[[0, 39]]
    ax = plots.ratings_matrix(small_ratings, users=[3, 10], items=items, movies=movies)
    ground = ax.images[0].get_cmap().get_bad()[:3]
    assert len({round(float(part), 6) for part in ground}) == 1
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Film 5", "434"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["3", "10"]
    legend = ax.figure.axes[1]
    assert legend.get_ylabel() == "rating"
    assert legend.get_yticks().tolist() == np.unique(small_ratings.values).tolist()


def test_different_ratings_have_different_colours_and_darker_is_higher(small_ratings: Ratings) -> None:
    image = plots.ratings_matrix(small_ratings).images[0]
    values = np.unique(small_ratings.values)
    colours = image.get_cmap()(image.norm(values))[:, :3]
    lightness = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) < -0.02).all()


def test_so_many_are_spread_from_the_most_to_the_least_rated() -> None:
    ratings = random_ratings(n_users=90, share=0.2)
    counts = dict(ratings.to_frame()["user"].value_counts().iter_rows())
    ax = plots.ratings_matrix(ratings, users=5, items=4)
    users = [int(text.get_text()) for text in ax.get_yticklabels()]
    found = [counts[user] for user in users]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (max(counts.values()), min(counts.values()))
    assert len(ax.get_xticks()) == 4


def test_a_raster_has_the_mean_of_each_cell_and_fades_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "N_TALL", 7)
    monkeypatch.setattr(matrix, "N_WIDE", 9)
    ratings = random_ratings(n_users=100, n_items=80, share=0.1)
    dense = np.full((100, 80), np.nan)
    for user, item, rating in ratings.to_frame().iter_rows():
        dense[np.searchsorted(ratings.users, user), np.searchsorted(ratings.items, item)] = rating
    dense = dense[np.argsort(-(~np.isnan(dense)).sum(axis=1), kind="stable")]
    dense = dense[:, np.argsort(-(~np.isnan(dense)).sum(axis=0), kind="stable")]
    rows, columns = np.arange(100) * 7 // 100, np.arange(80) * 9 // 80

    ax = plots.ratings_matrix(ratings)
    image = ax.images[0].get_array()
    assert image.shape == (7, 9, 3)
    strength, shade = (bar.norm for bar in (axes._colorbar for axes in ax.figure.axes[1:]))  # type: ignore[attr-defined]
    hue = ax.figure.axes[2]._colorbar.cmap  # type: ignore[attr-defined]
    ground = np.array(to_rgb(hue.get_bad()))
    for row in range(7):
        for column in range(9):
            cell = dense[np.ix_(rows == row, columns == column)]
            known = cell[~np.isnan(cell)]
            opacity = 0.12 + 0.88 * float(strength(known.size / cell.size))
            expected = opacity * np.array(hue(shade(known.mean()))[:3]) + (1 - opacity) * ground
            np.testing.assert_allclose(image[row, column], expected, atol=1e-3)


def test_cells_without_ratings_are_the_ground() -> None:
    users = np.repeat(np.arange(100), 1)
    ratings = Ratings.from_arrays(users, users, np.ones(100) + users % 5)
    image = plots.ratings_matrix(ratings).images[0].get_array()
    ground = np.array(to_rgb(matrix.GROUND))
    is_ground = np.abs(image - ground).max(axis=2) < 1e-9
    assert is_ground.sum() == 100 * 99


def test_two_million_ratings_make_a_small_picture(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    users, items = ((n * generator.random(2_000_000) ** 2).astype(int) for n in (60_000, 9_000))
    ratings = Ratings.from_arrays(users, items, generator.integers(1, 11, 2_000_000) / 2)
    ax = plots.ratings_matrix(ratings)
    assert not ax.collections
    ax.figure.savefig(tmp_path / "matrix.png", dpi=150)
    assert (tmp_path / "matrix.png").stat().st_size < 300_000
    assert f"{len(ratings):,} ratings" in ax.get_title(loc="left")


def test_one_rating_and_ratings_that_are_all_alike_can_be_drawn(tmp_path: Path) -> None:
    for n in (1, 100):
        ratings = Ratings.from_arrays(range(n), range(n), [3.0] * n)
        ax = plots.ratings_matrix(ratings)
        ax.figure.savefig(tmp_path / "alike.png")
        assert f"{n} ratings" in ax.get_title(loc="left")


def test_what_is_wrong_is_named(small_ratings: Ratings) -> None:
    with pytest.raises(matinee.UnknownUserError, match="user 4 is not known"):
        plots.ratings_matrix(small_ratings, users=[3, 4])
    with pytest.raises(matinee.DataError, match="expected Ratings, got DataFrame"):
        plots.ratings_matrix(small_ratings.to_frame())  # type: ignore[arg-type]
    with pytest.raises(matinee.DataError, match="items=0"):
        plots.ratings_matrix(small_ratings, items=0)
