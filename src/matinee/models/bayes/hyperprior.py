"""What a Bayesian model learns about a side as a whole: the normal distribution that its rows come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matinee.solving.draws import Doubles, draw_normal, draw_wishart


@dataclass(frozen=True)
class RowPrior:
    """Rows are normal around a mean: of d columns, the factors and, last, the bias.

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
    """A mean and a precision from their posterior, given rows (Salakhutdinov & Mnih 2008, equation 14).

    The prior is the Normal–Wishart of mean 0 (as good as one row), with d degrees of freedom and the scale
    ``diag(scales)⁻²``, which is the paper's identity for rows of any size.

    Parameters
    ----------
    n_rows : int
    total, gram : ndarray of float64, shape (d,), (d, d)
        The sum of the rows, and of their outer products.
    scales : ndarray of float64, shape (d,)
        About how large the numbers in each column are.
    n_more : int
    scatter : ndarray of float64, shape (d, d), optional
        So many rows more that are known to be around 0, and the sum of their outer products.
    """
    d = len(total)
    weight = n_rows + 1.0
    centre = total / weight
    inverse_scale = np.diag(scales**2) + gram - weight * np.outer(centre, centre)
    if scatter is not None:
        inverse_scale = inverse_scale + scatter
    precision = draw_wishart(generator, d + n_rows + n_more, inverse_scale)
    mean = centre + draw_normal(generator, 1, weight * precision)[0]
    return RowPrior(mean, precision)


def draw_noise_precision(
    generator: np.random.Generator, n_ratings: int, squared_error: float, *, scale: float
) -> float:
    """The precision α of single ratings from its posterior, given their errors.

    Its prior is Gamma(1, scale²), where ratings lie about ``scale`` apart.
    """
    # Rounding may leave the squared error of a perfect fit below 0.
    rate = scale**2 + 0.5 * max(squared_error, 0.0)
    return float(generator.gamma(1.0 + 0.5 * n_ratings, 1.0 / rate))
