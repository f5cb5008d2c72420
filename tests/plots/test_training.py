"""The curve of a fit against its history."""

from __future__ import annotations

import numpy as np
import pytest

import matinee
from matinee import plots
from matinee.ratings import Ratings


def curves(ax) -> dict[str, list[float]]:
    return {
        line.get_label(): list(line.get_ydata()) for line in ax.lines if not line.get_label().startswith("_")
    }


def test_train_and_validation_error_by_iteration_with_the_lowest_marked(als: matinee.ALS) -> None:
    ax = plots.training_curve(als)
    found = curves(ax)
    assert found["train"] == [record.train_rmse for record in als.history_]
    assert found["validation"] == [record.validation_rmse for record in als.history_]
    best = min(als.history_, key=lambda record: record.validation_rmse)
    label = f"lowest: {best.validation_rmse:.4f} after {best.iteration}"
    assert found[label] == [best.validation_rmse]
    assert ax.lines[0].get_xdata().tolist() == [record.iteration for record in als.history_]
    assert "RMSE" in ax.get_ylabel()


def test_the_place_where_the_fit_stopped_is_marked(split_ratings: tuple[Ratings, Ratings]) -> None:
    train, test = split_ratings
    model = matinee.ALS(n_factors=3, n_iterations=50, tolerance=0.01).fit(train, test)
    ax = plots.training_curve(model)
    last = len(model.history_)
    assert last < 50
    assert [text.get_text() for text in ax.texts] == [f"stopped after {last}"]
    assert [last, last] in [list(line.get_xdata()) for line in ax.lines]


def test_without_validation_there_is_the_training_error_alone(split_ratings: tuple[Ratings, Ratings]) -> None:
    model = matinee.ALS(n_factors=3).fit(split_ratings[0])
    assert list(curves(plots.training_curve(model))) == ["train"]


def test_a_model_of_implicit_feedback_has_its_objective_and_ndcg_on_an_axis_of_its_own(
    implicit: matinee.ImplicitALS,
) -> None:
    ax = plots.training_curve(implicit)
    assert curves(ax)["objective"] == [record.objective for record in implicit.history_]
    right = ax.figure.axes[1]
    assert curves(right)["NDCG at 10, validation"] == [record.validation_ndcg for record in implicit.history_]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["objective", "NDCG at 10, validation"]


def test_a_bayesian_model_has_each_sample_and_the_average(bayes: matinee.BayesianALS) -> None:
    ax = plots.training_curve(bayes)
    found = curves(ax)
    samples = [np.nan if one.sample_rmse is None else one.sample_rmse for one in bayes.history_]
    np.testing.assert_array_equal(found["validation, this sample alone"], samples)
    average = [one.validation_rmse for one in bayes.history_]
    np.testing.assert_array_equal(found["validation, average of the samples"], np.array(average, dtype=float))
    assert ax.get_xlabel() == "sweep"


def test_a_first_iteration_far_off_does_not_press_the_rest_flat(als: matinee.ALS) -> None:
    from copy import copy
    from dataclasses import replace

    model = copy(als)
    model.history_ = [replace(als.history_[0], validation_rmse=50.0), *als.history_[1:]]
    assert plots.training_curve(model).get_ylim()[1] < 2


def test_what_has_no_history_is_refused(split_ratings: tuple[Ratings, Ratings]) -> None:
    with pytest.raises(matinee.NotFittedError):
        plots.training_curve(matinee.ALS())
    with pytest.raises(matinee.DataError, match="MostPopular has no iterations"):
        plots.training_curve(matinee.baselines.MostPopular().fit(split_ratings[0]))
