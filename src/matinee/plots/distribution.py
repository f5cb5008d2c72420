"""Draws how ratings are distributed: by value, over users and over movies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.plots.canvas import BLUE, VERMILION, axes_or_new, plain_numbers
from matinee.ratings import Ratings, check_ratings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Bins of a logarithmic scale: each is a tenth of a decade wide.
BINS_A_DECADE = 10
LOWEST = 0.7  # so that the bar of a single user or movie can be seen


def rating_distribution(ratings: Ratings, ax: Axes | None = None) -> Axes:
    """The number of ratings of every value, or of every range if there are more than twenty values.

    Parameters
    ----------
    ratings : Ratings
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError, MissingExtraError
    """
    check_ratings(ratings, "ratings")
    ax = axes_or_new(ax)
    found = ratings.describe()
    bins = found.distribution
    bars = ax.bar(range(len(bins)), [one.count for one in bins], color=BLUE, width=0.85)
    ax.bar_label(bars, [f"{one.count / found.n_ratings:.1%}" for one in bins], fontsize=8, padding=2)
    ax.set_xticks(range(len(bins)), [one.label for one in bins])
    if any(one.low != one.high for one in bins):
        ax.tick_params(axis="x", labelrotation=30)
    ax.set_xlabel("rating")
    ax.set_ylabel("number of ratings")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.margins(y=0.1)
    _finish(ax, f"{found.n_ratings:,} ratings, mean {found.mean:.2f}, standard deviation {found.std:.2f}")
    return ax


def ratings_per_user(ratings: Ratings, ax: Axes | None = None) -> Axes:
    """The distribution of ratings per user, on logarithmic axes.

    Users without ratings are left out; the title has their number. Parameters and errors as in
    `rating_distribution`.
    """
    check_ratings(ratings, "ratings")
    return _draw_counts(axes_or_new(ax), ratings.by_user.counts, "user")


def ratings_per_item(ratings: Ratings, ax: Axes | None = None) -> Axes:
    """The distribution of ratings per movie, on logarithmic axes.

    Movies without ratings are left out; the title has their number. Parameters and errors as in
    `rating_distribution`.
    """
    check_ratings(ratings, "ratings")
    counts = np.bincount(ratings.by_user.columns, minlength=ratings.n_items)
    return _draw_counts(axes_or_new(ax), counts, "movie")


def _draw_counts(ax: Axes, counts: NDArray[Any], name: str) -> Axes:
    rated = counts[counts > 0]
    median = float(np.median(rated))
    edges = _edges(int(rated.min()), int(rated.max()))
    ax.hist(rated, edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.5, log=True)
    ax.axvline(median, color=VERMILION, linestyle="--", label=f"median {median:,g}")
    ax.set_xscale("log")
    ax.set_ylim(bottom=LOWEST)
    plain_numbers(ax, "x", "y")
    ax.set_xlabel(f"ratings of a {name}")
    ax.set_ylabel(f"number of {name}s")
    ax.legend(frameon=False)
    silent = len(counts) - len(rated)
    without = f", {silent:,} without ratings" if silent else ""
    _finish(ax, f"{len(counts):,} {name}s{without}; from {rated.min():,} to {rated.max():,} ratings each")
    return ax


def _edges(least: int, most: int) -> NDArray[np.float64]:
    """The edges of bins of nearly equal width on a logarithmic axis, each with at least one whole number."""
    n = max(int(np.ceil(np.log10((most + 1) / least) * BINS_A_DECADE)), 1)
    edges = np.unique(np.geomspace(least, most + 1, n + 1).round())
    # Edges lie between whole numbers, so that no number lies on an edge.
    return np.asarray(edges - 0.5)


def _finish(ax: Axes, title: str) -> None:
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_title(title, loc="left", fontsize=10)
