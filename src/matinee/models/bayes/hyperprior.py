"""The normal distribution that the rows of a side come from, as a Bayesian model learns it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matinee.solving.draws import Doubles, draw_normal, draw_wishart


@dataclass(frozen=True)
class RowPrior:
    """A normal distribution of rows with d columns: the factors and, last, the bias.

    Attributes
    ----------
    mean : ndarray of float64, shape (d,)
    precision : ndarray of float64, shape (d, d)
    """

    mean: Doubles
    precision: Doubles


def draw_row_prior(
    generator: np.random.Generator,
    n_rows: int,
    total: Doubles,
    gram: Doubles,
    *,
    scales: Doubles,
    n_more: int = 0,
    scatter: Doubles | None = None,
) -> RowPrior:
    """Draw a mean and a precision from their posterior, given rows (Salakhutdinov & Mnih 2008, equation 14).

    The prior is Normal–Wishart with mean 0 (it counts as one row), d degrees of freedom and the scale
    ``diag(scales)⁻²``. The paper has the identity as its scale; this one suits rows of any size.

    Parameters
    ----------
    n_rows : int
        The number of rows.
    total, gram : ndarray of float64, shape (d,), (d, d)
        The sum of the rows, and the sum of their outer products.
    scales : ndarray of float64, shape (d,)
        The typical size of the numbers in each column.
    n_more : int
        The number of further rows whose mean is known to be 0.
    scatter : ndarray of float64, shape (d, d), optional
        The sum of the outer products of these further rows.
    """
    d = len(total)
    weight, centre, inverse_scale = _given_rows(n_rows, total, gram, scales)
    if scatter is not None:
        inverse_scale = inverse_scale + scatter
    precision = draw_wishart(generator, d + n_rows + n_more, inverse_scale)
    mean = centre + draw_normal(generator, 1, weight * precision)[0]
    return RowPrior(mean, precision)


def expected_row_prior(n_rows: int, total: Doubles, gram: Doubles, *, scales: Doubles) -> RowPrior:
    """The means of what `draw_row_prior` draws."""
    _, centre, inverse_scale = _given_rows(n_rows, total, gram, scales)
    inverse: Doubles = np.linalg.inv(inverse_scale).astype(np.float64)
    return RowPrior(centre, (len(total) + n_rows) * inverse)


def _given_rows(
    n_rows: int, total: Doubles, gram: Doubles, scales: Doubles
) -> tuple[float, Doubles, Doubles]:
    """The weight and the centre of the mean's posterior, and the inverse scale of the precision's."""
    weight = n_rows + 1.0
    centre = total / weight
    return weight, centre, np.diag(scales**2) + gram - weight * np.outer(centre, centre)


def draw_noise_precision(
    generator: np.random.Generator, n_ratings: float, squared_error: float, *, scale: float
) -> float:
    """Draw the precision α of single ratings from its posterior, given their errors.

    Its prior is Gamma(1, scale²); ``scale`` is a typical difference between ratings.
    """
    # Rounding can make the squared error of a perfect fit negative.
    rate = scale**2 + 0.5 * max(squared_error, 0.0)
    return float(generator.gamma(1.0 + 0.5 * n_ratings, 1.0 / rate))
