"""Pictures of how good a model is, against figures made another way."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

import matinee
from matinee import plots
from matinee.ratings import Ratings


def predicted_and_actual(model, test: Ratings) -> tuple[np.ndarray, np.ndarray]:
    frame = test.to_frame()
    return model.predict(frame["user"], frame["item"]), frame["rating"].to_numpy()


def test_each_column_is_the_distribution_of_predictions_for_that_rating(als, split_ratings) -> None:
    test = split_ratings[1]
    predicted, actual = predicted_and_actual(als, test)
    ax = plots.predictions(als, test)
    shares = next(part for part in ax.collections if isinstance(part, QuadMesh)).get_array()
    values = np.unique(actual)
    levels = np.linspace(*als.rating_range_, len(shares) + 1)
    for column, value in enumerate(values):
        expected = np.histogram(predicted[actual == value], levels)[0] / (actual == value).sum()
        np.testing.assert_allclose(shares[:, column], expected, atol=1e-12)
    means = ax.lines[0].get_ydata()
    assert means == pytest.approx([predicted[actual == value].mean() for value in values])
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{value:g}" for value in values]
    rmse = matinee.evaluate(als, test).rmse
    assert f"RMSE {rmse:.4f}" in ax.get_title(loc="left")


def test_ratings_on_a_scale_of_many_values_are_put_in_ranges() -> None:
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((40, 30)) < 0.5)
    ratings = Ratings.from_arrays(users, items, 100 * generator.random(len(users)))
    model = matinee.ALS(n_factors=2).fit(ratings)
    shares = next(
        part for part in plots.predictions(model, ratings).collections if isinstance(part, QuadMesh)
    ).get_array()
    assert shares.shape == (40, 20)
    np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_residuals_by_number_of_ratings(als, split_ratings) -> None:
    train, test = split_ratings
    ax = plots.residuals(als, test)
    predicted, actual = predicted_and_actual(als, test)
    counts = dict(train.to_frame()["item"].value_counts().iter_rows())
    n = np.array([counts.get(item, 0) for item in test.to_frame()["item"]])
    parts = np.array_split(np.argsort(n, kind="stable"), min(12, len(actual) // 20))
    missed = actual - predicted
    places, means = ax.lines[0].get_data()
    assert means == pytest.approx([missed[part].mean() for part in parts], abs=1e-5)
    assert ax.lines[1].get_ydata() == pytest.approx(
        [np.sqrt((missed[part] ** 2).mean()) for part in parts], abs=1e-5
    )
    assert places[0] >= 1 + n.min()
    assert places[-1] <= 1 + n.max()
    assert (np.diff(places) >= 0).all()


def test_new_users_are_judged_by_what_their_history_says(small_ratings: Ratings) -> None:
    train, test = matinee.split(small_ratings, by="new_users", test_size=0.3)
    model = matinee.ALS(n_factors=3).fit(train)
    rmse = matinee.evaluate(model, test).rmse
    assert f"{len(test.held_out):,} test ratings, RMSE {rmse:.4f}" in plots.predictions(
        model, test
    ).get_title(loc="left")
    assert plots.residuals(model, test).lines


def test_coverage_is_the_share_of_ratings_within_so_many_deviations(bayes, split_ratings) -> None:
    test = split_ratings[1]
    frame = test.to_frame()
    mean, deviation = bayes.predict(frame["user"], frame["item"], return_std=True)
    ax = plots.interval_coverage(bayes, test)
    shares, held = ax.lines[1].get_data()
    for share, found in zip(shares, held, strict=True):
        reach = NormalDist().inv_cdf((1 + share) / 2)
        expected = np.mean(np.abs(frame["rating"].to_numpy() - mean) <= reach * deviation)
        assert found == pytest.approx(expected)
    assert 0.8 < held[list(shares).index(0.9)] < 0.98


def test_the_curve_has_what_evaluate_says_at_every_k(als, implicit, split_ratings) -> None:
    test = split_ratings[1]
    for metric in ("ndcg", "recall"):
        ax = plots.metric_curve({"ours": als, "theirs": implicit}, test, metric=metric, ks=(1, 3, 10))
        assert [line.get_label() for line in ax.lines] == ["ours", "theirs"]
        for line, model in zip(ax.lines, (als, implicit), strict=True):
            expected = [getattr(matinee.evaluate(model, test, k=k), metric) for k in (1, 3, 10)]
            assert line.get_ydata() == pytest.approx(expected)
            assert list(line.get_xdata()) == [1, 3, 10]
        assert "at k" in ax.get_ylabel()


def test_lists_longer_than_the_catalogue_and_thresholds_are_those_of_evaluate(als, split_ratings) -> None:
    test = split_ratings[1]
    ax = plots.metric_curve(als, test, metric="precision", ks=[5, 500], relevant_from=4)
    expected = [matinee.evaluate(als, test, k=k, relevant_from=4).precision for k in (5, 500)]
    assert ax.lines[0].get_ydata() == pytest.approx(expected)


def test_what_is_wrong_is_named(als, implicit, split_ratings) -> None:
    test = split_ratings[1]
    with pytest.raises(matinee.DataError, match="ImplicitALS predicts no ratings"):
        plots.predictions(implicit, test)
    with pytest.raises(
        matinee.DataError, match="whose predictions have intervals, such as BayesianALS, got ALS"
    ):
        plots.interval_coverage(als, test)
    with pytest.raises(matinee.DataError, match="metric='auc'; expected one of precision, recall"):
        plots.metric_curve(als, test, metric="auc")
    with pytest.raises(matinee.DataError, match="no lengths k"):
        plots.metric_curve(als, test, ks=[])
    with pytest.raises(matinee.DataError, match="no models to compare"):
        plots.metric_curve([], test)
    with pytest.raises(matinee.NotFittedError):
        plots.residuals(matinee.ALS(), test)
