"""Draws matrices and rows from the distributions that a Gibbs sampler needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def draw_wishart(generator: np.random.Generator, degrees: float, inverse_scale: Doubles) -> Doubles:
    """A draw of a Wishart matrix by Bartlett's decomposition; the mean is ``degrees · inverse_scale⁻¹``."""
    d = len(inverse_scale)
    triangle = np.tril(generator.standard_normal((d, d)), -1)
    np.fill_diagonal(triangle, np.sqrt(generator.chisquare(degrees - np.arange(d))))
    # With inverse_scale = L Lᵀ, scale = L⁻ᵀ L⁻¹, and L⁻ᵀ T Tᵀ L⁻¹ is Wishart.
    root = np.linalg.solve(np.linalg.cholesky(inverse_scale).T, triangle)
    drawn: Doubles = root @ root.T
    return drawn


def draw_normal(generator: np.random.Generator, n_rows: int, precision: Doubles) -> Doubles:
    """A draw of normal rows with mean 0 and the given precision; shape (n_rows, d)."""
    lower = np.linalg.cholesky(precision)
    drawn: Doubles = np.linalg.solve(lower.T, generator.standard_normal((len(precision), n_rows))).T
    return drawn
