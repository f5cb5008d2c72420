"""Pictures with matplotlib: an Axes in, the Axes out, and nothing global touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from matinee.errors import MissingExtraError
from matinee.tuning import TuningResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by every eye and, by their lightness, in grey print.
COMPLETE, PRUNED, BEST = "#0072b2", "#b0b0b0", "#d55e00"
FALLING_METRICS = ("rmse", "mae")


def tuning(result: TuningResult, ax: Axes | None = None) -> Axes:
    """The trials of a search in their order, and the best value so far.

    Parameters
    ----------
    result : TuningResult
    ax : matplotlib.axes.Axes, optional
        Of a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    """
    ax = _axes(ax)
    trials = result.trials.filter(pl.col("value").is_not_null())
    for state, colour, marker in (("complete", COMPLETE, "o"), ("pruned", PRUNED, "x")):
        part = trials.filter(pl.col("state") == state)
        ax.scatter(part["number"], part["value"], c=colour, marker=marker, label=f"{state} trial", zorder=3)
    complete = trials.filter(pl.col("state") == "complete")
    best_so_far = np.minimum if result.metric in FALLING_METRICS else np.maximum
    values = best_so_far.accumulate(complete["value"].to_numpy())
    # The best stands until the last trial, whatever became of those after it.
    numbers = np.append(complete["number"].to_numpy(), result.trials["number"][-1])
    label = f"best so far: {result.best_value:.4f}"
    ax.step(numbers, np.append(values, values[-1]), where="post", color=BEST, label=label)
    ax.set_xlabel("trial")
    ax.set_ylabel(f"{result.metric.upper()} on the ratings held out")
    ax.set_title(f"{type(result.best_model).__name__}: {len(result.trials)} trials", loc="left")
    ax.locator_params(axis="x", integer=True)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(frameon=False)
    return ax


def _axes(ax: Axes | None) -> Axes:
    """The Axes given, or those of a figure that pyplot does not know of."""
    if ax is not None:
        return ax
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            'pictures need matplotlib, which is not installed; run: pip install "matinee[plots]"'
        ) from None
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    made: Any = figure.add_subplot()
    return made  # type: ignore[no-any-return]
