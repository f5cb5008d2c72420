"""Draws the course of a fit, iteration by iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matinee.errors import DataError
from matinee.models.model import Model
from matinee.plots.canvas import BLACK, BLUE, SKY, VERMILION, axes_or_new
from matinee.solving.history import Iteration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In drawing order: the errors of samples are noisy and lie behind the rest.
ERRORS = {
    "sample_rmse": ("validation, this sample alone", {"color": SKY, "linewidth": 1.0}),
    "train_rmse": ("train", {"color": BLUE, "linewidth": 1.8}),
    "validation_rmse": ("validation", {"color": VERMILION, "linewidth": 1.8}),
}
# On longer curves the markers would run into each other.
MOST_MARKERS = 40
# A first error many times as large as the last would make the rest of the curve flat.
HIGHEST_OF_LAST = 1.35


def training_curve(model: Model, ax: Axes | None = None) -> Axes:
    """The errors of a fitted model by iteration, with the place where the fit stopped.

    For a model of ratings it is the RMSE on the training ratings and, if there are any, on the validation
    ratings. For a model that averages samples it is the error of every sample and of the running average. For
    a model of implicit feedback it is the objective and, with validation ratings, NDCG at 10 on an axis of
    its own at the right.

    Parameters
    ----------
    model : Model
        Fitted, or loaded.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, DataError, MissingExtraError
        A DataError for a model that was fitted without iterations, as the baselines are.
    """
    model.check_fitted()
    history = model.history_
    if not history:
        raise DataError(f"{type(model).__name__} has no iterations to draw a curve of")
    ax = axes_or_new(ax)
    if history[-1].train_rmse is None:
        _draw_objective(ax, history)
    else:
        _draw_errors(ax, history)
    _mark_end(ax, model)
    round_name = "sweep" if history[-1].sample_rmse is not None else "iteration"
    ax.set_xlabel(round_name)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlim(history[0].iteration - 0.5, history[-1].iteration + 0.5)
    ax.grid(axis="y", alpha=0.3)
    ax.spines["top"].set_visible(False)
    seconds = sum(record.seconds for record in history)
    ax.set_title(
        f"{type(model).__name__}: {len(history)} {round_name}s in {seconds:.2g} s", loc="left", fontsize=10
    )
    return ax


def _draw_errors(ax: Axes, history: list[Iteration]) -> None:
    averages = history[-1].sample_rmse is not None
    for name, (label, style) in ERRORS.items():
        if getattr(history[-1], name) is not None:
            label = "validation, average of the samples" if averages and name == "validation_rmse" else label
            _draw(ax, history, name, label, style)
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    top = max(np.nanmax(values) for values in lines)
    ax.set_ylim(top=min(top, HIGHEST_OF_LAST * max(values[-1] for values in lines)) * 1.01)
    ax.set_ylabel("RMSE, in the units of the ratings")
    _mark_best(ax, history)
    ax.legend(frameon=False)


def _draw_objective(ax: Axes, history: list[Iteration]) -> None:
    _draw(ax, history, "objective", "objective", {"color": BLUE, "linewidth": 1.8})
    ax.set_ylabel("objective: weighted squared errors and penalties", fontsize=9)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    handles = list(ax.lines)
    if history[-1].validation_ndcg is not None:
        right = ax.twinx()
        _draw(right, history, "validation_ndcg", "NDCG at 10, validation", {"color": VERMILION})
        right.set_ylabel("NDCG at 10")
        right.spines["top"].set_visible(False)
        handles += right.lines
    ax.legend(handles=handles, frameon=False, loc="center")


def _draw(ax: Axes, history: list[Iteration], name: str, label: str, style: dict[str, Any]) -> None:
    values = [np.nan if (value := getattr(one, name)) is None else value for one in history]
    marker = "o" if len(history) <= MOST_MARKERS and name != "sample_rmse" else None
    ax.plot([one.iteration for one in history], values, label=label, marker=marker, markersize=4, **style)


def _mark_best(ax: Axes, history: list[Iteration]) -> None:
    known = [one for one in history if one.validation_rmse is not None]
    if not known:
        return
    errors = [float(one.validation_rmse or 0) for one in known]
    place = int(np.argmin(errors))
    at, lowest = known[place].iteration, errors[place]
    label = f"lowest: {lowest:.4f} after {at}"
    ax.plot(
        at,
        lowest,
        "o",
        markersize=10,
        mfc="none",
        mec=VERMILION,
        mew=1.5,
        label=label,
    )


def _mark_end(ax: Axes, model: Model) -> None:
    last = model.history_[-1].iteration
    ax.axvline(last, color=BLACK, linestyle=":", linewidth=1.2)
    ax.annotate(
        f"stopped after {last}",
        (last, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        color=BLACK,
    )
