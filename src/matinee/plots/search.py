"""Draws the trials of a search for parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from matinee.plots.canvas import BLUE, GREY, VERMILION, axes_or_new
from matinee.tuning import TuningResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FALLING_METRICS = ("rmse", "mae")


def tuning(result: TuningResult, ax: Axes | None = None) -> Axes:
    """The trials of a search in their order, and the best value so far.

    Parameters
    ----------
    result : TuningResult
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    ax = axes_or_new(ax)
    trials = result.trials.filter(pl.col("value").is_not_null())
    for state, colour, marker in (("complete", BLUE, "o"), ("pruned", GREY, "x")):
        part = trials.filter(pl.col("state") == state)
        ax.scatter(part["number"], part["value"], c=colour, marker=marker, label=f"{state} trial", zorder=3)
    complete = trials.filter(pl.col("state") == "complete")
    best_so_far = np.minimum if result.metric in FALLING_METRICS else np.maximum
    values = best_so_far.accumulate(complete["value"].to_numpy())
    # The best value stays until the last trial, whatever happened to the trials after it.
    numbers = np.append(complete["number"].to_numpy(), result.trials["number"][-1])
    label = f"best so far: {result.best_value:.4f}"
    ax.step(numbers, np.append(values, values[-1]), where="post", color=VERMILION, label=label)
    ax.set_xlabel("trial")
    ax.set_ylabel(f"{result.metric.upper()} on the ratings held out")
    ax.set_title(f"{type(result.best_model).__name__}: {len(result.trials)} trials", loc="left")
    ax.locator_params(axis="x", integer=True)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(frameon=False)
    return ax
