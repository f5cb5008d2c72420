"""Noise of its own for every user or item: how erratic its ratings are beside those of others."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from matinee.ratings import Rows
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import Solver

# The degrees of freedom ν that a chain chooses from, on a log scale. Below 2 the variance of somebody unknown
# is infinite, and at the other end all are alike to a few percent.
DEGREES = np.geomspace(2.5, 1000.0, 240)
FIRST_DEGREES = 10.0
# A precision that rounds to 0 would leave out all ratings of a row.
LEAST_PRECISION = 1e-6
# How often a row and its noise are found in turn. The row is drawn and not solved: the errors of a solution
# are smaller than those that are to be expected. One turn more changes hardly anything.
NOISE_TURNS = 2
# Far from the seeds of other draws of the same rows.
NOISE_SEED = 1 << 32


def weighed(
    rated: Rows,
    *,
    rows: Doubles | None = None,
    columns: Doubles | None = None,
    entries: Doubles | None = None,
) -> Rows:
    """The ratings, with weights multiplied by a number of each row, column or rating; None is 1."""
    weights = rated.weights
    for numbers in (
        None if rows is None else np.repeat(rows.astype(np.float32), rated.counts),
        None if columns is None else columns.astype(np.float32)[rated.columns],
        None if entries is None else entries.astype(np.float32),
    ):
        if numbers is not None:
            weights = numbers if weights is None else numbers * weights
    return rated._replace(weights=weights)


class OwnNoise:
    """The precisions a of the rows of one side in a chain: a rating of a row has the precision ``α a``.

    They come from a Gamma distribution of mean 1, ``a ~ Γ(ν/2, ν/2)``, and ν is drawn as well.

    Parameters
    ----------
    rated : Rows
        The ratings of the side.

    Attributes
    ----------
    precisions : ndarray of float64, shape (n_rows,)
        a.
    degrees : float
        ν.
    """

    def __init__(self, rated: Rows) -> None:
        self._totals = rated.totals.astype(np.float64)
        self.precisions = np.ones(rated.n_rows)
        self.degrees = FIRST_DEGREES

    def draw(
        self, generator: np.random.Generator, weighed_errors: Doubles, noise_precision: float
    ) -> Doubles:
        """Draw a and ν, given the squared errors of each row, which are multiplied by its last a.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            The squared errors without a.
        """
        errors = weighed_errors / self.precisions
        shapes, rates = _gamma(self.degrees, self._totals, errors, noise_precision)
        self.precisions = np.maximum(generator.gamma(shapes / 2) / (rates / 2), LEAST_PRECISION)
        self.degrees = draw_degrees(generator, self.precisions[self._totals > 0])
        return errors


def precisions_of(noise: OwnNoise | None) -> Doubles | None:
    """The precisions of the rows of a side; None if they all have the same noise."""
    return None if noise is None else noise.precisions


def solve_with_own_noise(
    solve: Callable[[Rows, Solver, Doubles | None], None],
    rated: Rows,
    totals: Doubles,
    *,
    degrees: float,
    noise_precision: float,
    solver: Solver,
    sample: int,
) -> tuple[Doubles, Doubles]:
    """Solve or draw rows whose noise is not known yet, which follows from their ratings and the sample alone.

    Parameters
    ----------
    solve : callable
        Solves the rows given their ratings and a solver, and puts their squared errors into an array.
    rated : Rows
        The ratings, weighed by all but the rows' own precisions.
    totals : ndarray of float64, shape (n_rows,)
        The number of ratings of each row, or the sum of their weights.

    Returns
    -------
    tuple of ndarray of float64, shape (n_rows,)
        As `expected_noise` gives them.
    """
    errors, precisions = np.zeros(rated.n_rows), np.ones(rated.n_rows)
    for turn in range(NOISE_TURNS):
        drawn = Solver(spread=1.0, seed=NOISE_SEED + NOISE_TURNS * sample + turn, same_noise=True)
        solve(weighed(rated, rows=precisions), drawn, errors)
        noise = expected_noise(degrees, totals, errors / precisions, noise_precision)
        precisions = noise[0]
    solve(weighed(rated, rows=precisions), solver, None)
    return noise


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
    """The expected precisions a of rows, and the expected variances of their ratings.

    Parameters
    ----------
    totals, errors : ndarray of float64, shape (n_rows,)
        The number of ratings of each row, or their weights together, and their squared errors.
    """
    shapes, rates = _gamma(degrees, totals, errors, noise_precision)
    return shapes / rates, rates / (shapes - 2) / noise_precision


def _gamma(
    degrees: float, totals: Doubles, errors: Doubles, noise_precision: float
) -> tuple[Doubles, Doubles]:
    """Twice the shape and twice the rate of the posterior of a."""
    return degrees + totals, degrees + noise_precision * errors
