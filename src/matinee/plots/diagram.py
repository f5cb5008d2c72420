"""Draws what a factorisation is: R ≈ U × Mᵀ, with a user's row and a movie's column picked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.datasets import Movies
from matinee.models.factor_model import FactorModel, require_factors
from matinee.models.model import Model
from matinee.plots.canvas import (
    BLACK,
    RATING_COLOURS,
    SIGNED_COLOURS,
    VERMILION,
    axes_or_new,
    colours,
)
from matinee.plots.matrix import dense_part
from matinee.plots.selection import Positions, Wanted, most_rated, short, spread_out, titles_of
from matinee.ratings import Ratings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# At most so many factors are drawn; the number of all is written beneath.
MOST_FACTORS = 8
GAP = 2.2  # cells between the matrices, which hold the sign and the names
LABEL_LENGTH = 22
LIGHT = 0.55  # the lightness of a cell from which dark figures are readable on it


@dataclass(frozen=True)
class _Grid:
    """One of the three matrices: its place, its values and its colours."""

    left: float
    values: NDArray[Any]
    cmap: Any
    norm: Any
    text: str

    @property
    def right(self) -> float:
        return self.left + float(self.values.shape[1])


def factorization(
    model: Model,
    ax: Axes | None = None,
    *,
    users: Wanted = 6,
    items: Wanted = 8,
    user: Any = None,
    item: Any = None,
    movies: Movies | None = None,
) -> Axes:
    """Draw R ≈ U × Mᵀ with the numbers of a fitted model: how a row and a column make a prediction.

    Parameters
    ----------
    model : Model
        Fitted, or loaded.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    users, items : int or ids
        The ids to show, or their number. A number shows users from the most to the least active, and the most
        rated items.
    user, item : id, optional
        The row and the column to pick out. They are added to those shown if they are not among them. The
        default is the pair with the highest prediction among the pairs without a rating.
    movies : Movies, optional
        Gives titles in place of ids.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, UnknownUserError, UnknownItemError, MissingExtraError
    """
    model = require_factors(model)
    rows, columns = _shown(model, users, items, user, item)
    known = dense_part(Ratings(model.user_index_, model.item_index_, model.rated_), rows, columns)
    pairs = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    predicted = model.people.predict(*pairs).reshape(known.shape)
    place = _picked(model, rows, columns, user, item, known, predicted)
    ax = axes_or_new(ax, (11.0, 5.2))
    grids = _grids(model, rows, columns, known)
    for grid in grids:
        _draw_grid(ax, grid)
    _pick_out(ax, grids, place, float(predicted[place]))
    _name(ax, model, grids, rows, columns, movies)
    row, column = int(rows[place[0]]), int(columns[place[1]])
    bottom = max(len(rows), len(grids[2].values))
    title = titles_of(model.item_index_, columns[place[1] : place[1] + 1], movies)[0]
    ax.text(
        grids[-1].right / 2,
        bottom + 0.9,
        _sum_in_words(model, row, column, title, float(predicted[place])),
        ha="center",
        va="top",
        fontsize=9,
    )
    ax.set_xlim(-0.2, grids[-1].right + 0.2)
    ax.set_ylim(bottom + 1.5, -1.2)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _shown(
    model: FactorModel, users: Wanted, items: Wanted, user: Any, item: Any
) -> tuple[Positions, Positions]:
    n_rated = model.rated_.counts
    rows = spread_out(model.user_index_, n_rated, users, "user")
    columns = most_rated(model.item_index_, model.n_raters, items, "item")
    if user is not None and (row := model.user_position(user)) not in rows:
        rows = np.append(rows, row)
    if item is not None and (column := int(model.item_positions([item])[0])) not in columns:
        columns = np.append(columns, column)
    return rows, columns


def _picked(
    model: FactorModel,
    rows: Positions,
    columns: Positions,
    user: Any,
    item: Any,
    known: NDArray[Any],
    predicted: NDArray[Any],
) -> tuple[int, int]:
    """The row and the column of the pair to pick out: one without a rating, if there is any."""
    wanted = np.ones(known.shape, dtype=bool)
    if user is not None:
        wanted &= (rows == model.user_position(user))[:, np.newaxis]
    if item is not None:
        wanted &= columns == model.item_positions([item])[0]
    unrated = wanted & np.isnan(known)
    candidates = unrated if unrated.any() else wanted
    row, column = divmod(int(np.where(candidates, predicted, -np.inf).argmax()), len(columns))
    return row, column


def _grids(
    model: FactorModel, rows: Positions, columns: Positions, known: NDArray[Any]
) -> tuple[_Grid, _Grid, _Grid]:
    from matplotlib.colors import Normalize, TwoSlopeNorm

    n_shown = min(MOST_FACTORS, model.user_factors_.shape[1])
    of_users = model.user_factors_[rows, :n_shown]
    of_items = model.item_factors_[columns, :n_shown].T
    low, high = model.rating_range_
    rating_norm = Normalize(low, high if high > low else low + 1)
    left = len(columns) + GAP
    grids = [_Grid(0.0, known, colours(RATING_COLOURS), rating_norm, "{:g}")]
    for at, values in ((left, of_users), (left + n_shown + GAP, of_items)):
        largest = float(np.abs(values).max()) or 1.0
        norm = TwoSlopeNorm(0, -largest, largest)
        grids.append(_Grid(at, values, colours(SIGNED_COLOURS), norm, "{:.1f}"))
    return grids[0], grids[1], grids[2]


def _draw_grid(ax: Axes, grid: _Grid) -> None:
    n_rows, n_columns = grid.values.shape
    x, y = grid.left + np.arange(n_columns + 1), np.arange(n_rows + 1)
    values = np.ma.masked_invalid(grid.values)
    ax.pcolormesh(x, y, values, cmap=grid.cmap, norm=grid.norm, edgecolors="white", linewidth=1.5)
    for (row, column), value in np.ndenumerate(grid.values):
        if np.isfinite(value):
            shade = np.dot(grid.cmap(grid.norm(value))[:3], [0.299, 0.587, 0.114])
            ax.text(
                grid.left + column + 0.5,
                row + 0.5,
                _figure(grid.text, value),
                ha="center",
                va="center",
                fontsize=8,
                color=BLACK if shade > LIGHT else "white",
            )


def _figure(text: str, value: float) -> str:
    """The number with a typographic minus sign, but without one before a zero."""
    written = text.format(value)
    return written.replace("-", "−" if float(written) else "")


def _pick_out(ax: Axes, grids: tuple[_Grid, _Grid, _Grid], place: tuple[int, int], predicted: float) -> None:
    from matplotlib.patches import Rectangle

    ratings, of_users, of_items = grids
    row, column = place
    n_factors = of_users.values.shape[1]
    frames = (
        (ratings.left + column, row, 1, 1),
        (of_users.left, row, n_factors, 1),
        (of_items.left + column, 0, 1, n_factors),
    )
    for x, y, width, height in frames:
        frame = Rectangle((x, y), width, height, fill=False, edgecolor=VERMILION, linewidth=2.5, zorder=5)
        ax.add_patch(frame)
    if np.isnan(ratings.values[row, column]):
        ax.text(
            ratings.left + column + 0.5,
            row + 0.5,
            f"{predicted:.1f}?",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color=VERMILION,
        )


def _name(
    ax: Axes,
    model: FactorModel,
    grids: tuple[_Grid, _Grid, _Grid],
    rows: Positions,
    columns: Positions,
    movies: Movies | None,
) -> None:
    ratings, of_users, of_items = grids
    titles = [short(title, LABEL_LENGTH) for title in titles_of(model.item_index_, columns, movies)]
    for grid in (ratings, of_items):
        for place, title in enumerate(titles):
            ax.text(
                grid.left + place + 0.5,
                -0.15,
                title,
                rotation=60,
                fontsize=7,
                va="bottom",
                rotation_mode="anchor",
            )
    for place, user in enumerate(model.user_index_.take(rows)):
        ax.text(-0.2, place + 0.5, f"user {short(str(user), 12)}", fontsize=7, ha="right", va="center")
    for x, sign in ((ratings.right + GAP / 2, "≈"), (of_users.right + GAP / 2, "×")):
        ax.text(x, len(rows) / 2, sign, fontsize=18, ha="center", va="center")
    factors = f"{of_users.values.shape[1]} of {model.user_factors_.shape[1]} factors"
    for grid, text in ((ratings, "R: ratings"), (of_users, f"U: {factors}"), (of_items, "Mᵀ")):
        bottom = grid.values.shape[0] + 0.35
        ax.text((grid.left + grid.right) / 2, bottom, text, fontsize=9, ha="center", va="center")


def _sum_in_words(model: FactorModel, row: int, column: int, title: str, predicted: float) -> str:
    user = model.user_index_.id_at(row)
    whom = f"user {short(str(user))} × {title}"
    if model.n_products > 1:
        return f"{whom}: the mean of {model.n_products} such products, with biases, is {predicted:.2f}"
    product = float(model.user_factors_[row].astype(float) @ model.item_factors_[column])
    parts = [("row · column", product)]
    if model.as_fitted.has_biases:
        parts = [
            ("mean", model.mean_),
            ("user", float(model.user_biases_[row])),
            ("movie", float(model.item_biases_[column])),
            *parts,
        ]
    total = sum(value for _, value in parts)
    terms = " + ".join(f"{name} {value:.2f}" for name, value in parts).replace("-", "−")
    if len(parts) == 1:
        terms = "row · column"
    clipped = "" if abs(total - predicted) < 0.005 else f", within the range of ratings {predicted:.2f}"
    return f"{whom}: {terms} = {total:.2f}{clipped}".replace("= -", "= −")
