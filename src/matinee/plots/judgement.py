"""Draws how good a model is: predictions against ratings, intervals, and lists by their length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.evaluation import metric_by_k, predicted_ratings
from matinee.evaluation.comparison import named_models
from matinee.evaluation.ranking_metrics import RANKING
from matinee.models.model import Model
from matinee.plots.canvas import (
    BLACK,
    BLUE,
    GREY,
    MARKERS,
    SERIES,
    SHARE_COLOURS,
    VERMILION,
    axes_or_new,
    beside,
    plain_numbers,
)
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.splits import NewUsers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 20
N_ROWS = 40
# With fewer test ratings in a bin its quantiles mean little.
LEAST_IN_BIN = 20
N_RESIDUAL_BINS = 12
SHARES = np.round(np.arange(0.05, 1.0, 0.05), 2)


def predictions(model: Model, test: Ratings | NewUsers, ax: Axes | None = None) -> Axes:
    """Predicted against actual ratings: how the predictions for every actual rating are distributed.

    Parameters
    ----------
    model : Model
        Fitted, or loaded; one that predicts ratings.
    test : Ratings or NewUsers
        Ratings that the model was not fitted to.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, DataError, MissingExtraError
        A DataError for a model that predicts no ratings, such as `ImplicitALS`.
    """
    held_out, predicted = predicted_ratings(model, test)
    ax = axes_or_new(ax, (6.5, 5.0))
    actual = held_out.values.astype(np.float64)
    edges = _edges(actual)
    low, high = model.rating_range_
    levels = np.linspace(low, high if high > low else low + 1, N_ROWS + 1)
    counts = np.histogram2d(actual, predicted, [edges, levels])[0]
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    mesh = ax.pcolormesh(edges, levels, shares.T, cmap=SHARE_COLOURS, vmin=0)
    beside(ax, mesh, "share of the predictions for that rating")
    column = np.clip(np.searchsorted(edges, actual, side="right") - 1, 0, len(edges) - 2)
    filled = np.flatnonzero(totals[:, 0])
    means = [predicted[column == one].mean(dtype=np.float64) for one in filled]
    middles = (edges[1:] + edges[:-1])[filled] / 2
    ax.plot(middles, means, "o-", color=VERMILION, label="mean prediction", markersize=5)
    ax.plot(levels[[0, -1]], levels[[0, -1]], color=BLACK, linestyle=":", label="predicted = actual")
    if len(middles) == len(np.unique(actual)):
        ax.set_xticks(middles, [f"{value:g}" for value in np.unique(actual)])
    ax.set_xlabel("actual rating")
    ax.set_ylabel("predicted rating")
    ax.legend(frameon=False, loc="upper left")
    error = np.sqrt(np.mean((predicted - actual) ** 2))
    ax.set_title(
        f"{type(model).__name__}: {len(actual):,} test ratings, RMSE {error:.4f}", loc="left", fontsize=10
    )
    return ax


def residuals(model: Model, test: Ratings | NewUsers, ax: Axes | None = None) -> Axes:
    """Actual less predicted ratings, by the number of training ratings of the movie.

    If the model learns, there is a band around 0 that narrows to the right; a mean off 0 is a bias.
    Parameters and errors as in `predictions`.
    """
    held_out, predicted = predicted_ratings(model, test)
    ax = axes_or_new(ax)
    known = np.append(model.n_raters, 0)  # the last entry is for movies that the model does not know
    counts = known[model.item_index_.positions(held_out.items)][held_out.by_user.columns]
    missed = held_out.values.astype(np.float64) - predicted
    order = np.argsort(counts, kind="stable")
    # Bins with the same number of test ratings are equally certain.
    n_bins = max(min(N_RESIDUAL_BINS, len(missed) // LEAST_IN_BIN), 1)
    parts = np.array_split(order, n_bins)
    places = np.array([np.exp(np.log1p(counts[part]).mean()) for part in parts])
    quantiles = np.array([np.quantile(missed[part], [0.1, 0.25, 0.75, 0.9]) for part in parts]).T
    ax.fill_between(
        places, quantiles[0], quantiles[3], color=BLUE, alpha=0.2, linewidth=0, label="80 % of them"
    )
    ax.fill_between(
        places, quantiles[1], quantiles[2], color=BLUE, alpha=0.35, linewidth=0, label="half of them"
    )
    means = [missed[part].mean() for part in parts]
    errors = [np.sqrt(np.mean(missed[part] ** 2)) for part in parts]
    ax.plot(places, means, "o-", color=BLUE, markersize=4, label="mean")
    ax.plot(places, errors, "s--", color=VERMILION, markersize=4, label="RMSE")
    ax.axhline(0, color=BLACK, linewidth=0.8)
    ax.set_xscale("log")
    plain_numbers(ax, "x")
    ax.set_xlabel("1 + training ratings of the movie")
    ax.set_ylabel("actual less predicted rating")
    ax.legend(frameon=False, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.06))
    ax.set_title(f"{type(model).__name__}: {len(missed):,} test ratings", loc="left", fontsize=10)
    return ax


def interval_coverage(model: Model, test: Ratings, ax: Axes | None = None) -> Axes:
    """The share of the test ratings that lie in the intervals that should hold 5, 10, … 95 % of them.

    On the diagonal the error bars are right; below it they are too short.

    Parameters
    ----------
    model : BayesianALS
        Fitted, or loaded.
    test : Ratings
        Ratings that the model was not fitted to.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, MissingExtraError
    DataError
        For a model whose predictions have no intervals.
    """
    if not model.has_intervals:
        given = type(model).__name__
        raise DataError(
            f"expected a model whose predictions have intervals, such as BayesianALS, got {given}"
        )
    check_ratings(test, "test")
    frame = test.to_frame()
    with_deviations: Any = model
    mean, deviation = with_deviations.predict(frame["user"], frame["item"], return_std=True)
    ax = axes_or_new(ax, (5.5, 5.2))
    distance = np.abs(test.values - mean) / deviation
    reach = np.array([NormalDist().inv_cdf(0.5 + share / 2) for share in SHARES])
    held = (distance[:, np.newaxis] <= reach).mean(axis=0)
    ax.plot([0, 1], [0, 1], color=BLACK, linestyle=":", label="as many as they should")
    ax.plot(SHARES, held, "o-", color=BLUE, markersize=4, label="measured")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:.0%}")
    ax.set_xlabel("share of ratings that the interval is to hold")
    ax.set_ylabel("share of the test ratings that it holds")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc="upper left")
    nine_tenths = held[np.argmin(np.abs(SHARES - 0.9))]
    ax.set_title(
        f"{len(test):,} test ratings; in the 90 % intervals {nine_tenths:.1%}", loc="left", fontsize=10
    )
    return ax


def metric_curve(
    models: Model | Mapping[str, Model] | Iterable[Model],
    test: Ratings | NewUsers,
    ax: Axes | None = None,
    *,
    metric: str = "ndcg",
    ks: Iterable[int] = (1, 2, 5, 10, 20, 50, 100),
    relevant_from: float | None = None,
) -> Axes:
    """How good lists of different lengths are, for one model or several.

    Parameters
    ----------
    models : Model, mapping of name to Model, or models
        Fitted models. Without names they get the names of their classes, as in `compare`.
    test : Ratings or NewUsers
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    metric : str
        "ndcg", "recall", "precision", "truncated_recall", "map", "mrr" or "hit_rate", as `evaluate` defines
        them.
    ks : iterable of int
        The lengths of the lists.
    relevant_from : float, optional
        As in `evaluate`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, DataError, MissingExtraError
    """
    named = {type(models).__name__: models} if isinstance(models, Model) else named_models(models)
    lengths = sorted(set(ks))
    ax = axes_or_new(ax)
    for place, (name, model) in enumerate(named.items()):
        values = metric_by_k(model, test, metric=metric, ks=lengths, relevant_from=relevant_from)
        colour = SERIES[place] if place < len(SERIES) else GREY
        ax.plot(lengths, values, marker=MARKERS[place % len(MARKERS)], color=colour, markersize=5, label=name)
    ax.set_xscale("log")
    ax.set_xticks(lengths, [f"{k:,}" for k in lengths])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.set_xlabel("k, the length of the list")
    ax.set_ylabel(f"{RANKING[metric]} at k, mean over users")
    ax.grid(axis="y", alpha=0.3)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.set_title("Lists of recommendations on ratings held out", loc="left", fontsize=10)
    return ax


def _edges(actual: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of the columns: one around every value if there are few values, or else of equal width."""
    distinct = np.unique(actual)
    if len(distinct) == 1:
        return np.array([distinct[0] - 0.5, distinct[0] + 0.5])
    if len(distinct) > MOST_COLUMNS:
        return np.linspace(distinct[0], distinct[-1], MOST_COLUMNS + 1)
    middles = (distinct[1:] + distinct[:-1]) / 2
    return np.array([2 * distinct[0] - middles[0], *middles, 2 * distinct[-1] - middles[-1]])
