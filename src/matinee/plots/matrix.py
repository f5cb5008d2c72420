"""Draws the ratings matrix: a square for each rating, or for large ones a raster of density and mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.datasets import Movies
from matinee.plots.canvas import GROUND, RATING_COLOURS, axes_or_new, bare, beside, colours
from matinee.plots.selection import Positions, Wanted, by_count, short, spread_out, titles_of
from matinee.ratings import Ratings, check_ratings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More squares than this on a side would be too small to tell apart.
MOST_SQUARES = 60
# Fewer cells than a screen has pixels, so that a PNG stays small.
N_TALL, N_WIDE = 160, 240
# Beyond this the names along an axis run into each other.
MOST_NAMES = 40
MOST_TICKS = 12
FAINTEST = 0.12


def ratings_matrix(
    ratings: Ratings,
    ax: Axes | None = None,
    *,
    users: Wanted = None,
    items: Wanted = None,
    movies: Movies | None = None,
) -> Axes:
    """Users × items: who rated what, and how.

    Up to 60 × 60, each rating is a square, coloured by its value; pairs without a rating are grey. A larger
    matrix is a raster, with the most active users at the top and the most rated items at the left. The colour
    of a cell is the mean rating of its pairs; it fades into grey where fewer pairs are rated.

    Parameters
    ----------
    ratings : Ratings
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    users, items : int or ids, optional
        The ids to show, in this order, or their number. A number shows users or items that have ratings,
        spread from the most to the least rated. If not given, all are shown.
    movies : Movies, optional
        Gives titles in place of ids.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnknownUserError, UnknownItemError
        For an id without a row in the ratings.
    DataError, MissingExtraError
    """
    check_ratings(ratings, "ratings")
    by_user = ratings.by_user.counts
    by_item = np.bincount(ratings.by_user.columns, minlength=ratings.n_items)
    rows = _chosen(ratings.user_index, by_user, users, "user")
    columns = _chosen(ratings.item_index, by_item, items, "item")
    ax = axes_or_new(ax, (7.5, 5.5))
    if max(len(rows), len(columns)) <= MOST_SQUARES:
        _draw_squares(ax, ratings, rows, columns, movies)
    else:
        _draw_raster(ax, ratings, rows, columns)
    return ax


def _chosen(index: Any, counts: NDArray[Any], wanted: Wanted, kind: Any) -> Positions:
    return by_count(counts) if wanted is None else spread_out(index, counts, wanted, kind)


def _draw_squares(
    ax: Axes, ratings: Ratings, rows: Positions, columns: Positions, movies: Movies | None
) -> None:
    squares = dense_part(ratings, rows, columns)
    image = ax.imshow(
        np.ma.masked_invalid(squares),
        cmap=colours(RATING_COLOURS),
        norm=_norm_of(ratings.values),
        interpolation="nearest",
        aspect="equal",
    )
    ax.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8)
    ax.tick_params(which="both", length=0)
    _name(ax, ratings, rows, columns, movies)
    bar = beside(ax, image, "rating", ticks=_distinct(ratings.values))
    bar.ax.tick_params(length=0)
    bare(ax)
    _title(ax, rows, columns, int(np.isfinite(squares).sum()))


def _name(ax: Axes, ratings: Ratings, rows: Positions, columns: Positions, movies: Movies | None) -> None:
    ax.set_xlabel("movies")
    ax.set_ylabel("users")
    ax.set_xticks([])
    ax.set_yticks([])
    if len(columns) <= MOST_NAMES:
        names = titles_of(ratings.item_index, columns, movies)
        ax.set_xticks(range(len(columns)), names, rotation=90, fontsize=7)
    if len(rows) <= MOST_NAMES:
        names = [short(str(user)) for user in ratings.user_index.take(rows)]
        ax.set_yticks(range(len(rows)), names, fontsize=7)


def _draw_raster(ax: Axes, ratings: Ratings, rows: Positions, columns: Positions) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

    counts, means = _binned(ratings, rows, columns)
    filled = counts > 0
    share = counts / _cells(len(rows), len(columns), counts.shape)
    hue = colours(RATING_COLOURS)
    # A few means are far out, as they are of a rating or two; they would leave all others the same colour.
    low, high = np.quantile(np.repeat(means[filled], np.minimum(counts[filled], 100)), [0.02, 0.98])
    shade = Normalize(low, max(high, low + 1e-6), clip=True)
    strength = LogNorm(share[filled].min() * 0.999, share.max() * 1.001, clip=True)
    ground = np.asarray(_rgb(GROUND))
    mixed = np.broadcast_to(ground, (*counts.shape, 3)).copy()
    opacity = (FAINTEST + (1 - FAINTEST) * np.asarray(strength(share[filled])))[:, np.newaxis]
    mixed[filled] = opacity * hue(shade(means[filled]))[:, :3] + (1 - opacity) * ground
    extent = (0, len(columns), len(rows), 0)
    ax.imshow(mixed, aspect="auto", interpolation="nearest", extent=extent)
    fading = LinearSegmentedColormap.from_list("share", [GROUND, "#303030"])
    bar = beside(ax, ScalarMappable(strength, fading), "share of a cell's pairs that are rated")
    bar.ax.yaxis.set_major_formatter(
        lambda share, _: f"{share:.4%}".rstrip("%").rstrip("0").rstrip(".") + " %"
    )
    bar.ax.minorticks_off()
    beside(ax, ScalarMappable(shade, hue), "mean rating in a cell", extend="both")
    ax.set_xlabel("movies, the most rated first")
    ax.set_ylabel("users, the most active first")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    _title(ax, rows, columns, int(counts.sum()))


def _binned(ratings: Ratings, rows: Positions, columns: Positions) -> tuple[NDArray[Any], NDArray[Any]]:
    """The number of ratings in each cell of the raster, and their mean."""
    (tall, wide), values = _located(ratings, rows, columns)
    n_tall, n_wide = min(N_TALL, len(rows)), min(N_WIDE, len(columns))
    cell = (tall * n_tall // len(rows)) * n_wide + wide * n_wide // len(columns)
    size = n_tall * n_wide
    counts = np.bincount(cell, minlength=size)
    sums = np.bincount(cell, values, minlength=size)
    means = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
    return counts.reshape(n_tall, n_wide), means.reshape(n_tall, n_wide)


def dense_part(ratings: Ratings, rows: Positions, columns: Positions) -> NDArray[np.float64]:
    """The ratings of a few users for a few items, NaN where there are none; shape (n_rows, n_columns)."""
    places, values = _located(ratings, rows, columns)
    found = np.full((len(rows), len(columns)), np.nan)
    found[places] = values
    return found


def _located(
    ratings: Ratings, rows: Positions, columns: Positions
) -> tuple[tuple[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    """The ratings of these rows and columns: their places in the picture, and their values."""
    place_of_row, place_of_column = (np.full(n, -1) for n in (ratings.n_users, ratings.n_items))
    place_of_row[rows], place_of_column[columns] = np.arange(len(rows)), np.arange(len(columns))
    tall = np.repeat(place_of_row, ratings.by_user.counts)
    wide = place_of_column[ratings.by_user.columns]
    shown = (tall >= 0) & (wide >= 0)
    return (tall[shown], wide[shown]), ratings.values[shown]


def _cells(n_rows: int, n_columns: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """The number of pairs in each cell of the raster."""
    tall, wide = (
        np.bincount(np.arange(n) * bins // n, minlength=bins)
        for n, bins in zip((n_rows, n_columns), shape, strict=True)
    )
    return np.outer(tall, wide)


def _norm_of(values: NDArray[Any]) -> Any:
    """Steps of colour for ratings with few distinct values, and continuous colours otherwise."""
    from matplotlib.colors import BoundaryNorm, Normalize

    ticks = _distinct(values)
    if ticks is None:
        low, high = float(values.min()), float(values.max())
        return Normalize(low, high)
    if len(ticks) == 1:
        return BoundaryNorm([ticks[0] - 0.5, ticks[0] + 0.5], 256)
    middles = (ticks[1:] + ticks[:-1]) / 2
    ends = [2 * ticks[0] - middles[0], 2 * ticks[-1] - middles[-1]]
    return BoundaryNorm([ends[0], *middles, ends[1]], 256)


def _distinct(values: NDArray[Any]) -> NDArray[Any] | None:
    found = np.unique(values)
    return found.astype(float) if len(found) <= MOST_TICKS else None


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _title(ax: Axes, rows: Positions, columns: Positions, n_ratings: int) -> None:
    pairs = len(rows) * len(columns)
    ax.set_title(
        f"{len(rows):,} users × {len(columns):,} movies: {n_ratings:,} ratings, "
        f"{n_ratings / pairs:.2%} of pairs",
        loc="left",
        fontsize=10,
    )
