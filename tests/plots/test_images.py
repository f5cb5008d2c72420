"""Every picture beside the one that was looked at and found right, within a tolerance.

After a change that is meant, run with ``MATINEE_REDRAW=1`` to draw them again, and look at each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.testing.compare import compare_images

import matinee
from matinee import plots
from matinee.tuning import TuningResult

BASELINE = Path(__file__).parent / "baseline"
DPI = 50
# Root mean square of 255: letters that other versions of FreeType draw a little otherwise come to some 5.
TOLERANCE = 12.0

PICTURES = {
    "ratings_matrix": lambda of: plots.ratings_matrix(of["ratings"], users=20, items=20, movies=of["movies"]),
    "ratings_raster": lambda of: plots.ratings_matrix(of["many"]),
    "rating_distribution": lambda of: plots.rating_distribution(of["ratings"]),
    "ratings_per_user": lambda of: plots.ratings_per_user(of["many"]),
    "ratings_per_item": lambda of: plots.ratings_per_item(of["many"]),
    "factorization": lambda of: plots.factorization(of["als"], movies=of["movies"]),
    "training_curve": lambda of: plots.training_curve(of["als"]),
    "training_curve_implicit": lambda of: plots.training_curve(of["implicit"]),
    "training_curve_bayes": lambda of: plots.training_curve(of["bayes"]),
    "latent_factors": lambda of: plots.latent_factors(of["als"], movies=of["movies"]),
    "factor_extremes": lambda of: plots.factor_extremes(of["als"], movies=of["movies"], rotation="principal"),
    "movie_map": lambda of: plots.movie_map(of["als"], movies=of["movies"], method="pca"),
    "predictions": lambda of: plots.predictions(of["als"], of["test"]),
    "residuals": lambda of: plots.residuals(of["als"], of["test"]),
    "interval_coverage": lambda of: plots.interval_coverage(of["bayes"], of["test"]),
    "metric_curve": lambda of: plots.metric_curve([of["als"], of["implicit"]], of["test"]),
    "tuning": lambda of: plots.tuning(of["found"]),
}


@pytest.fixture(scope="module")
def drawn(small_ratings, split_ratings, movies, als, implicit, bayes) -> dict[str, Any]:
    from ..conftest import random_ratings

    trials = pl.DataFrame(
        {
            "number": [0, 1, 2, 3],
            "state": ["complete", "pruned", "complete", "complete"],
            "value": [0.9, 1.1, 0.85, 0.88],
        }
    )
    # The seconds that a fit took stand in its title.
    for model in (als, implicit, bayes):
        model.history_ = [_timed(record) for record in model.history_]
    return {
        "ratings": small_ratings,
        "many": random_ratings(n_users=400, n_items=300, share=0.05),
        "test": split_ratings[1],
        "movies": movies,
        "als": als,
        "implicit": implicit,
        "bayes": bayes,
        "found": TuningResult(best_model=als, best_params={}, best_value=0.85, metric="rmse", trials=trials),
    }


def _timed(record: matinee.Iteration) -> matinee.Iteration:
    from dataclasses import replace

    return replace(record, seconds=0.01)


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_looks_as_it_did(name: str, drawn: dict[str, Any], tmp_path: Path) -> None:
    expected, actual = BASELINE / f"{name}.png", tmp_path / f"{name}.png"
    figure = PICTURES[name](drawn).figure
    if os.environ.get("MATINEE_REDRAW"):
        figure.savefig(expected, dpi=DPI, metadata={"Software": None})
    figure.savefig(actual, dpi=DPI)
    assert compare_images(str(expected), str(actual), tol=TOLERANCE) is None


def test_the_tolerance_notices_another_picture(drawn: dict[str, Any], tmp_path: Path) -> None:
    for name, other in {
        "ratings_matrix": plots.ratings_matrix(drawn["ratings"], users=20, items=20),
        "training_curve": plots.training_curve(drawn["bayes"]),
        "rating_distribution": plots.rating_distribution(drawn["many"]),
    }.items():
        other.figure.savefig(tmp_path / f"{name}.png", dpi=DPI)
        assert compare_images(str(BASELINE / f"{name}.png"), str(tmp_path / f"{name}.png"), tol=TOLERANCE)


def test_every_public_picture_is_among_them() -> None:
    covered = {name.removesuffix("_implicit").removesuffix("_bayes") for name in PICTURES}
    assert set(plots.__all__) <= covered
