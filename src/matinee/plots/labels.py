"""Places labels beside points so that they don't overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The places to try for a label, in this order: the distance from its point, and the direction.
DISTANCES = (5.0, 9.0, 14.0)  # points
SIDES = ((1, 0, "left", "center"), (-1, 0, "right", "center"), (0, 1, "center", "bottom"),
         (0, -1, "center", "top"), (1, 1, "left", "bottom"), (-1, 1, "right", "bottom"),
         (1, -1, "left", "top"), (-1, -1, "right", "top"))  # fmt: skip
CLEARANCE = 1.5  # pixels between two labels


def place_labels(
    ax: Axes, points: NDArray[Any], texts: list[str], *, obstacles: NDArray[Any], fontsize: float = 7
) -> list[str]:
    """Write texts beside points, in their order, each where it covers no other text and stays in the Axes.

    A text without such a place is left out. This fixes the layout of the figure: at another size the labels
    would no longer fit.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    points : ndarray, shape (n, 2)
        In data coordinates.
    texts : list of str, length n
    obstacles : ndarray, shape (m, 2)
        Points that the labels should not cover; they cover as few as possible.

    Returns
    -------
    list of str
        The texts that were written.
    """
    figure: Any = ax.figure
    figure.draw_without_rendering()
    frame = _box(ax.get_window_extent())
    dots = ax.transData.transform(obstacles) if len(obstacles) else np.empty((0, 2))
    taken: list[NDArray[Any]] = []
    written = []
    for point, text in zip(points, texts, strict=True):
        label = ax.annotate(text, point, (0, 0), textcoords="offset points", fontsize=fontsize, zorder=5)
        found = _best_place(label, frame, np.array(taken).reshape(-1, 4), dots)
        if found is None:
            label.remove()
            continue
        taken.append(_apply(label, found))
        written.append(text)
    return written


def _best_place(label: Any, frame: NDArray[Any], taken: NDArray[Any], dots: NDArray[Any]) -> Any:
    """The first free place that covers the fewest dots; None if no place is free."""
    best, least = None, np.inf
    for distance in DISTANCES:
        for side in SIDES:
            box = _apply(label, (distance, side))
            inside = (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all()
            if not inside or _overlap(box, taken):
                continue
            covered = int(((dots >= box[:2]) & (dots <= box[2:])).all(axis=1).sum())
            if covered < least:
                best, least = (distance, side), covered
            if covered == 0:
                return best
    return best


def _apply(label: Any, place: tuple[float, tuple[int, int, str, str]]) -> NDArray[Any]:
    """Put the label in a place; gives the box of pixels that it then takes."""
    distance, (right, up, horizontal, vertical) = place
    label.set_position((distance * right, distance * up * 0.7))
    label.set_horizontalalignment(horizontal)
    label.set_verticalalignment(vertical)
    return _box(label.get_window_extent())


def _overlap(box: NDArray[Any], taken: NDArray[Any]) -> bool:
    apart = (box[:2] >= taken[:, 2:] + CLEARANCE) | (box[2:] <= taken[:, :2] - CLEARANCE)
    return bool((~apart.any(axis=1)).any())


def _box(extent: Any) -> NDArray[Any]:
    return np.array([extent.x0, extent.y0, extent.x1, extent.y1])
