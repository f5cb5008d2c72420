"""Draws the latent factors: as a heat map, and by the films at both ends of each factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.datasets import Movies
from matinee.models.factor_model import require_factors
from matinee.models.model import Model
from matinee.plots.canvas import BLUE, SIGNED_COLOURS, VERMILION, axes_or_new, bare, beside, colours
from matinee.plots.rotation import Rotation, rotation_of
from matinee.plots.selection import Wanted, most_rated, short, spread_out, titles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT = 0.19  # inches
# A scale that reached the few largest values would leave all others pale.
WIDEST_SHARE = 0.99
# Films with fewer ratings have factors near 0, because of the regularisation, or else large by chance.
LEAST_RATERS = 20
NAMES = {"none": "factor", "principal": "principal direction"}


def latent_factors(
    model: Model,
    ax: Axes | None = None,
    *,
    users: Wanted = 8,
    items: Wanted = 16,
    movies: Movies | None = None,
    rotation: Rotation = "none",
) -> Axes:
    """The factors of movies, and below them of users, as a heat map: blue below 0, white at 0, red above 0.

    Parameters
    ----------
    model : Model
        Fitted, or loaded.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    users, items : int or ids
        The ids to show, or their number. A number shows the most rated items, and users from the most to the
        least active.
    movies : Movies, optional
        Gives titles in place of ids.
    rotation : {"none", "principal"}
        "none" shows the factors as they were fitted. "principal" turns those of users and of movies alike,
        which changes no prediction: then the first factor tells movies apart most, the second next, and so
        on.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, UnknownUserError, UnknownItemError, DataError, MissingExtraError
    """
    model = require_factors(model)
    columns = most_rated(model.item_index_, model.n_raters, items, "item")
    rows = spread_out(model.user_index_, model.rated_.counts, users, "user")
    turn = rotation_of(model.item_factors_, rotation)
    of_items, of_users = model.item_factors_[columns] @ turn, model.user_factors_[rows] @ turn
    gap = np.full((1, of_items.shape[1]), np.nan)
    shown = np.concatenate([of_items, gap, of_users])
    names = [*titles_of(model.item_index_, columns, movies), ""]
    names += [f"user {short(str(user))}" for user in model.user_index_.take(rows)]
    ax = axes_or_new(ax, (7.5, 1.2 + ROW_HEIGHT * len(shown)))
    limit = float(np.nanquantile(np.abs(shown), WIDEST_SHARE)) or 1.0
    image = ax.imshow(
        np.ma.masked_invalid(shown),
        cmap=colours(SIGNED_COLOURS, missing="white"),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set_yticks([place for place, name in enumerate(names) if name], [name for name in names if name])
    _number_factors(ax, shown.shape[1], NAMES[rotation])
    ax.tick_params(labelsize=8)
    beside(ax, image, f"value along the {NAMES[rotation]}", extend="both")
    bare(ax)
    ax.set_title(
        f"{type(model).__name__}: {shown.shape[1]} factors of movies and users", loc="left", fontsize=10
    )
    return ax


def factor_extremes(
    model: Model,
    ax: Axes | None = None,
    *,
    movies: Movies | None = None,
    n: int = 3,
    n_factors: int | None = None,
    rotation: Rotation = "none",
) -> Axes:
    """The films at both ends of each factor, which show what the factor means.

    Each factor has n films at its low end, to the left, and n films at its high end, to the right; the
    farthest come first. The bars are the values. Films that fewer than 20 people rated are left out, if there
    are enough others.

    Parameters
    ----------
    model : Model
        Fitted, or loaded.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    movies : Movies, optional
        Gives titles in place of ids.
    n : int
        The number of films at each end.
    n_factors : int, optional
        The number of factors. Those that move predictions most come first, by the product of the deviations
        of the users' and of the items' values. If not given, all factors are shown in their order.
    rotation : {"none", "principal"}
        As in `latent_factors`. Principal directions are the most likely to have a meaning.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, DataError, MissingExtraError
    """
    model = require_factors(model)
    n = whole_number("n", n, least=1)
    turn = rotation_of(model.item_factors_, rotation)
    of_items, of_users = model.item_factors_ @ turn, model.user_factors_ @ turn
    factors = _strongest(of_users, of_items, n_factors)
    known = np.flatnonzero(model.n_raters >= LEAST_RATERS)
    if len(known) < 2 * n:
        known = np.arange(len(model.item_index_))
    n = min(n, len(known))
    ax = axes_or_new(ax, (9.0, 0.8 + ROW_HEIGHT * (n + 0.8) * len(factors)))
    for place, factor in enumerate(factors):
        values = of_items[known, factor]
        order = np.argsort(values, kind="stable")
        for ends, colour, side in ((order[:n], BLUE, -1), (order[::-1][:n], VERMILION, 1)):
            titles = titles_of(model.item_index_, known[ends], movies)
            _draw_end(ax, place * (n + 0.8), values[ends], titles, colour, side)
    _finish_extremes(ax, factors, n, NAMES[rotation])
    return ax


def _draw_end(ax: Axes, top: float, values: NDArray[Any], titles: list[str], colour: str, side: int) -> None:
    places = top + np.arange(len(values))
    bars = ax.barh(places, values, color=colour, height=0.75)
    for bar, value, title in zip(bars, values, titles, strict=True):
        # Beyond the bar, or beyond 0 if the bar does not reach this side.
        outer = max(side * float(value), 0.0) * side
        ax.annotate(
            title,
            (outer, bar.get_y() + bar.get_height() / 2),
            xytext=(4 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=8,
        )


def _finish_extremes(ax: Axes, factors: list[int], n: int, name: str) -> None:
    widths = [abs(bar.get_width()) for bars in ax.containers for bar in bars]
    # Bars take two fifths of the width; the rest is for titles.
    ax.set_xlim(-2.6 * max(widths), 2.6 * max(widths))
    tops = [place * (n + 0.8) for place in range(len(factors))]
    ax.set_yticks(
        [top + (n - 1) / 2 for top in tops], [f"{name} {factor + 1}" for factor in factors], fontsize=8
    )
    ax.set_ylim(tops[-1] + n - 0.3, -0.7)
    for top in tops[1:]:
        ax.axhline(top - 0.9, color="#cccccc", linewidth=0.6)
    ax.axvline(0, color="#888888", linewidth=0.8)
    bare(ax)
    ax.set_xlabel(f"value along the {name}")
    ax.set_title(f"The films at both ends of each {name}", loc="left", fontsize=10)


def _strongest(of_users: NDArray[Any], of_items: NDArray[Any], n_factors: int | None) -> list[int]:
    rank = of_items.shape[1]
    if n_factors is None:
        return list(range(rank))
    n_factors = min(whole_number("n_factors", n_factors, least=1), rank)
    strength = of_users.std(axis=0) * of_items.std(axis=0)
    return [int(factor) for factor in np.argsort(-strength, kind="stable")[:n_factors]]


def _number_factors(ax: Axes, rank: int, name: str) -> None:
    step = 1 if rank <= 20 else 10
    shown = [0, *range(step - 1, rank, step)] if step > 1 else list(range(rank))
    ax.set_xticks(shown, [str(factor + 1) for factor in shown])
    ax.set_xlabel(name)
