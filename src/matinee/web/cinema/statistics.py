"""Statistics of the ratings that a model was fitted to, counted once when the model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matinee.models import Model
from matinee.ratings import Rows

# The stars that visitors can give: from a half to five, in halves.
STARS = tuple(half / 2 for half in range(1, 11))


@dataclass(frozen=True)
class Distribution:
    """How often each number of stars was given.

    Attributes
    ----------
    counts : tuple of int, of 10
        For a half star, one star, and so on to five. A rating between two counts for the nearer one.
    mean : float or None
        None if there are no ratings.
    """

    counts: tuple[int, ...]
    mean: float | None

    @property
    def n_ratings(self) -> int:
        """How many ratings there are."""
        return sum(self.counts)

    @property
    def bars(self) -> list[tuple[float, int, float]]:
        """For a chart: stars, how often they were given, and that number divided by the greatest."""
        most = max(max(self.counts), 1)
        return [(stars, count, count / most) for stars, count in zip(STARS, self.counts, strict=True)]


class RatingStatistics:
    """Counts, means and distributions of the ratings of every item of a model.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    n_ratings : ndarray of int64, shape (n_items,)
    """

    def __init__(self, model: Model) -> None:
        _, columns, values = model.rated_[:3]
        n_items = len(model.item_index_)
        self.n_ratings: NDArray[np.int64] = np.bincount(columns, minlength=n_items)
        self._sums = np.bincount(columns, weights=values, minlength=n_items)
        halves = np.clip(np.rint(values * 2), 1, len(STARS)).astype(np.int64) - 1
        cells = np.bincount(columns * np.int64(len(STARS)) + halves, minlength=n_items * len(STARS))
        self._counts = cells.reshape(n_items, len(STARS))

    def of(self, position: int) -> Distribution:
        """The distribution of the item at a position; an empty one if the position is below 0."""
        if position < 0 or self.n_ratings[position] == 0:
            return Distribution((0,) * len(STARS), None)
        mean = float(self._sums[position] / self.n_ratings[position])
        return Distribution(tuple(self._counts[position].tolist()), mean)

    def overall(self) -> Distribution:
        """The distribution of all ratings."""
        total = int(self.n_ratings.sum())
        mean = float(self._sums.sum() / total) if total else None
        return Distribution(tuple(self._counts.sum(axis=0).tolist()), mean)


def mean_squared_error(model: Model) -> float:
    """The model's error on the ratings it was fitted to; if it is not known, the variance of the ratings."""
    rmse = model.history_[-1].train_rmse if model.history_ else None
    return max(float(rmse) ** 2 if rmse else _variance(model.rated_), 1e-6)


def _variance(rated: Rows) -> float:
    return float(rated.values.var(dtype=np.float64)) if len(rated.values) else 1.0
