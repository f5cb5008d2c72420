"""The trials of a search, by what is drawn; and what all pictures promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from matinee import plots
from matinee.errors import MissingExtraError
from matinee.models import ALS
from matinee.tuning import TuningResult

from ..conftest import random_ratings


@pytest.fixture(params=["rmse", "ndcg"])
def result(request: pytest.FixtureRequest) -> TuningResult:
    trials = pl.DataFrame(
        {
            "number": [0, 1, 2, 3, 4],
            "state": ["complete", "pruned", "complete", "complete", "failed"],
            "value": [0.9, 1.1, 0.85, 0.88, None],
        }
    )
    model = ALS(n_factors=1, n_iterations=1).fit(random_ratings())
    best = 0.85 if request.param == "rmse" else 0.9
    return TuningResult(
        best_model=model, best_params={}, best_value=best, metric=request.param, trials=trials
    )


def test_the_trials_are_drawn_where_they_are_and_the_best_so_far_never_worsens(result: TuningResult) -> None:
    ax = plots.tuning(result)
    complete, pruned = (np.asarray(points.get_offsets()).tolist() for points in ax.collections)
    assert complete == [[0, 0.9], [2, 0.85], [3, 0.88]]
    assert pruned == [[1, 1.1]]
    best = ax.lines[0].get_ydata().tolist()
    assert best == ([0.9, 0.85, 0.85, 0.85] if result.metric == "rmse" else [0.9] * 4)
    assert ax.get_ylabel().startswith(result.metric.upper())
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["complete trial", "pruned trial", f"best so far: {result.best_value:.4f}"]


def test_axes_that_are_given_are_drawn_on_and_pyplot_is_left_alone(
    result: TuningResult, tmp_path: Path
) -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plots.tuning(result, ax) is ax
    ax.figure.savefig(tmp_path / "trials.png")
    assert (tmp_path / "trials.png").stat().st_size > 5_000


def test_pyplot_is_not_even_imported(tmp_path: Path) -> None:
    code = """if True:
        import sys, matinee
        model = matinee.ALS(n_factors=2).fit(matinee.Ratings.from_arrays([1, 1, 2], [1, 2, 1], [3, 4, 5]))
        matinee.plots.movie_map(model, method="pca")
        matinee.plots.training_curve(model).figure.savefig("curve.svg")
        print("matplotlib.pyplot" in sys.modules)
    """
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"


def test_without_matplotlib_the_extra_is_named(result: TuningResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'run: python -m pip install "matinee\[plots\]"'):
        plots.tuning(result)
