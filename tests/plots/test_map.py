"""The map of films: where they are, what they are called, and that no name covers another."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import matinee
from matinee import plots
from matinee.plots.labels import place_labels

from .conftest import GENRES, counts_by_item


def boxes(ax) -> list[tuple[float, float, float, float]]:
    ax.figure.draw_without_rendering()
    return [text.get_window_extent().extents for text in ax.texts]


def overlapping(ax) -> int:
    found = boxes(ax)
    pairs = [(one, other) for i, one in enumerate(found) for other in found[:i]]
    return sum(
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        for one, other in pairs
    )


def test_films_lie_along_their_principal_components(als: matinee.ALS) -> None:
    ax = plots.movie_map(als, method="pca")
    points = np.asarray(ax.collections[0].get_offsets())
    factors = als.item_factors_[np.argsort(-counts_by_item(als), kind="stable")].astype(float)
    factors -= factors.mean(axis=0)
    scores = np.linalg.svd(factors, full_matrices=False)
    expected = scores.U[:, :2] * scores.S[:2]
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-5)
    share = scores.S[0] ** 2 / (scores.S**2).sum()
    assert ax.get_xlabel() == f"first principal component ({share:.0%} of the variance)"


def test_the_most_rated_are_larger_and_genres_have_colours_and_shapes(
    als: matinee.ALS, movies: matinee.Movies
) -> None:
    ax = plots.movie_map(als, movies=movies, method="pca")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(legend) == {*GENRES, "others"}
    counts = np.sort(counts_by_item(als))
    sizes = np.sort(np.concatenate([group.get_sizes() for group in ax.collections]))  # type: ignore[attr-defined]
    assert sizes[-1] == max(sizes) == pytest.approx(110.0)
    assert (np.diff(sizes)[np.diff(counts) > 0] > 0).all()
    assert len({tuple(group.get_facecolor()[0]) for group in ax.collections}) == 4


def test_names_are_those_of_the_most_rated_and_none_covers_another() -> None:
    ratings, movies = matinee.load_dataset("demo"), matinee.load_movies("demo")
    model = matinee.ALS(n_factors=8).fit(ratings)
    ax = plots.movie_map(model, movies=movies, n_labels=60, method="pca")
    assert 25 < len(ax.texts) <= 60
    assert overlapping(ax) == 0
    frame = ax.get_window_extent().extents
    for box in boxes(ax):
        assert (box[:2] >= frame[:2]).all()  # type: ignore[attr-defined]
        assert (box[2:] <= frame[2:]).all()  # type: ignore[attr-defined]


def test_a_label_for_which_there_is_no_room_is_left_out() -> None:
    from matplotlib.figure import Figure

    ax = Figure(figsize=(2, 1)).add_subplot()
    points = np.zeros((30, 2))
    written = place_labels(ax, points, [f"label {n}" for n in range(30)], obstacles=points)
    assert 0 < len(written) < 30
    assert written[0] == "label 0"
    assert overlapping(ax) == 0


def test_umap_keeps_neighbours_together(als: matinee.ALS) -> None:
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((300, 60)) < 0.4)
    likes = users % 3 == items % 3
    ratings = matinee.Ratings.from_arrays(users, items, np.where(likes, 5.0, 1.0))
    model = matinee.ALS(n_factors=4).fit(ratings)
    ax = plots.movie_map(model, method="umap", n_labels=0)
    assert ax.get_xlabel() == "UMAP, first axis"
    points = np.asarray(ax.collections[0].get_offsets())
    group = np.argsort(-counts_by_item(model), kind="stable") % 3
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5]
    assert (group[nearest] == group[:, None]).mean() > 0.95


def test_without_umap_the_map_is_of_principal_components(
    als: matinee.ALS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    assert plots.movie_map(als).get_xlabel().startswith("first principal component")
    with pytest.raises(matinee.MissingExtraError, match="run: python -m pip install umap-learn"):
        plots.movie_map(als, method="umap")


def test_a_model_of_one_factor_and_one_film_can_be_drawn() -> None:
    ratings = matinee.Ratings.from_arrays([1, 2], [7, 7], [3, 4])
    ax = plots.movie_map(matinee.ALS(n_factors=1).fit(ratings))
    assert np.asarray(ax.collections[0].get_offsets()).tolist() == [[0, 0]]


def test_what_is_wrong_is_named(als: matinee.ALS) -> None:
    with pytest.raises(matinee.DataError, match="method='tsne'"):
        plots.movie_map(als, method="tsne")  # type: ignore[arg-type]
    with pytest.raises(matinee.DataError, match="n=0"):
        plots.movie_map(als, n=0)
