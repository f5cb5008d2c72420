"""Noise of its own for every user: how much more or less erratically than others each of them rates."""

from __future__ import annotations

import math

import numpy as np

from matinee.ratings import Rows
from matinee.solving.draws import Doubles

# The degrees of freedom ν that a chain chooses from, on a log scale. Below 2 the variance of somebody unknown
# is infinite, and at the other end everybody is alike to a few percent.
DEGREES = np.geomspace(2.5, 1000.0, 240)
FIRST_DEGREES = 10.0
# A precision that rounds to 0 would leave out all ratings of a user.
LEAST_PRECISION = 1e-6


def weighed_by_row(rated: Rows, precisions: Doubles) -> Rows:
    """The ratings, with weights multiplied by a number of each row."""
    return _weighed(rated, np.repeat(precisions.astype(np.float32), rated.counts))


def weighed_by_column(rated: Rows, precisions: Doubles) -> Rows:
    """The ratings, with weights multiplied by a number of each column."""
    return _weighed(rated, precisions.astype(np.float32)[rated.columns])


def _weighed(rated: Rows, weights: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Rows:
    return rated._replace(weights=weights if rated.weights is None else weights * rated.weights)


class UserNoise:
    """The precisions a of users in a chain: a rating of theirs has the precision ``α a``.

    They come from a Gamma distribution of mean 1, ``a ~ Γ(ν/2, ν/2)``, and ν is drawn as well.

    Parameters
    ----------
    by_user, by_item : Rows
        The ratings.

    Attributes
    ----------
    precisions : ndarray of float64, shape (n_users,)
        a.
    degrees : float
        ν.
    """

    def __init__(self, by_user: Rows, by_item: Rows) -> None:
        self._by_user, self._by_item = by_user, by_item
        self._totals = by_user.totals.astype(np.float64)
        self.precisions = np.ones(by_user.n_rows)
        self.degrees = FIRST_DEGREES

    @property
    def by_user(self) -> Rows:
        """The ratings by user, each weighed by the precision of its user."""
        return weighed_by_row(self._by_user, self.precisions)

    @property
    def by_item(self) -> Rows:
        """The same by item."""
        return weighed_by_column(self._by_item, self.precisions)

    def draw(self, generator: np.random.Generator, weighed_errors: Doubles, noise_precision: float) -> float:
        """Draw a and ν, given the squared errors of each user, which are multiplied by their last a.

        Returns
        -------
        float
            The sum of the squared errors, without a.
        """
        errors = weighed_errors / self.precisions
        shapes, rates = _gamma(self.degrees, self._totals, errors, noise_precision)
        self.precisions = np.maximum(generator.gamma(shapes / 2) / (rates / 2), LEAST_PRECISION)
        self.degrees = draw_degrees(generator, self.precisions[self._totals > 0])
        return float(errors.sum())


def draw_degrees(generator: np.random.Generator, precisions: Doubles) -> float:
    """Draw ν from its posterior, given precisions; its prior is even over the logarithms of `DEGREES`."""
    halves = DEGREES / 2
    constants = np.array([half * math.log(half) - math.lgamma(half) for half in halves])
    logs = len(precisions) * constants + (halves - 1) * np.log(precisions).sum() - halves * precisions.sum()
    shares = np.cumsum(np.exp(logs - logs.max()))
    place = int(np.searchsorted(shares, generator.random() * shares[-1]))
    return float(DEGREES[place])


def expected_noise(
    degrees: float, totals: Doubles, errors: Doubles, noise_precision: float
) -> tuple[Doubles, Doubles]:
    """The expected precisions a of people, and the expected variances of their ratings.

    Parameters
    ----------
    totals, errors : ndarray of float64, shape (n_people,)
        The number of ratings of each person, or their weights together, and their squared errors.
    """
    shapes, rates = _gamma(degrees, totals, errors, noise_precision)
    return shapes / rates, rates / (shapes - 2) / noise_precision


def _gamma(
    degrees: float, totals: Doubles, errors: Doubles, noise_precision: float
) -> tuple[Doubles, Doubles]:
    """Twice the shape and twice the rate of the posterior of a."""
    return degrees + totals, degrees + noise_precision * errors
