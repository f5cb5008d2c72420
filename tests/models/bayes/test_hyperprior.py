"""The draws of what a side has in common, against the closed forms of Normal–Wishart and Gamma."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from matinee.models.bayes.hyperprior import (
    draw_noise_precision,
    draw_row_prior,
)
from matinee.solving.draws import draw_normal, draw_wishart
from matinee.solving.row_problem import Side, rows_of

N_DRAWS = 8_000


def posterior_of_rows(rows: np.ndarray, scales: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Salakhutdinov & Mnih 2008, equation 14, with ν₀ = d, β₀ = 1, μ₀ = 0 and W₀ = diag(scales)⁻²."""
    n, d = rows.shape
    mean = rows.mean(axis=0)
    spread = (rows - mean).T @ (rows - mean) / n
    inverse_scale = np.diag(scales**2) + n * spread + n / (1 + n) * np.outer(mean, mean)
    return d + n, 1 + n, n * mean / (1 + n), inverse_scale


def far(found: np.ndarray, expected: np.ndarray, draws: np.ndarray) -> float:
    """The distance of an average from what it should be, in standard errors."""
    return float((np.abs(found - expected) / (draws.std(axis=0) / np.sqrt(len(draws)))).max())


def random_precision(generator: np.random.Generator, d: int) -> np.ndarray:
    root = generator.normal(size=(d, d))
    return root @ root.T + np.eye(d)


@pytest.mark.parametrize(("d", "degrees"), [(1, 1), (3, 3), (4, 30)])
def test_wishart_draws_have_the_mean_and_the_variances_of_the_closed_form(d: int, degrees: int) -> None:
    generator = np.random.default_rng(d)
    inverse_scale = random_precision(generator, d)
    draws = np.array([draw_wishart(generator, degrees, inverse_scale) for _ in range(N_DRAWS)])
    scale = np.linalg.inv(inverse_scale)
    diagonal = np.diag(scale)
    variances = degrees * (scale**2 + np.outer(diagonal, diagonal))
    assert far(draws.mean(axis=0), degrees * scale, draws) < 5
    squares = (draws - degrees * scale) ** 2
    assert far(squares.mean(axis=0), variances, squares) < 5
    assert np.array_equal(draws, draws.transpose(0, 2, 1))


def test_wishart_draws_are_distributed_as_scipys() -> None:
    generator = np.random.default_rng(0)
    inverse_scale = random_precision(generator, 3)
    draws = np.array([draw_wishart(generator, 5, inverse_scale) for _ in range(3000)])
    others = scipy.stats.wishart(5, np.linalg.inv(inverse_scale)).rvs(3000, random_state=1)
    for figure in (np.linalg.det, lambda m: m[:, 0, 0], lambda m: m[:, 0, 2], lambda m: m.sum(axis=(1, 2))):
        assert scipy.stats.ks_2samp(figure(draws), figure(others)).pvalue > 1e-3
    # A form vᵀWv over vᵀΣv is chi-squared with the degrees of freedom.
    v = generator.normal(size=3)
    ratio = np.einsum("i,nij,j->n", v, draws, v) / (v @ np.linalg.solve(inverse_scale, v))
    assert scipy.stats.kstest(ratio, scipy.stats.chi2(5).cdf).pvalue > 1e-3


def test_normal_draws_have_the_inverse_of_the_precision_as_their_covariance() -> None:
    generator = np.random.default_rng(2)
    precision = random_precision(generator, 4)
    draws = draw_normal(generator, N_DRAWS, precision)
    assert far(draws.mean(axis=0), np.zeros(4), draws) < 5
    products = np.einsum("ni,nj->nij", draws, draws)
    assert far(products.mean(axis=0), np.linalg.inv(precision), products) < 5
    assert scipy.stats.kstest((draws @ np.linalg.cholesky(precision)).ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("n_rows", [1, 2, 40])
def test_means_and_precisions_have_the_moments_of_the_normal_wishart_posterior(n_rows: int) -> None:
    generator = np.random.default_rng(n_rows)
    rows = generator.normal(size=(n_rows, 3)) @ generator.normal(size=(3, 3)) + [1, -2, 0.5]
    scales = np.array([1.0, 1.0, 0.5])
    degrees, weight, centre, inverse_scale = posterior_of_rows(rows, scales)
    priors = [
        draw_row_prior(generator, n_rows, rows.sum(axis=0), rows.T @ rows, scales=scales)
        for _ in range(N_DRAWS)
    ]
    precisions = np.array([prior.precision for prior in priors])
    means = np.array([prior.mean for prior in priors])
    assert far(precisions.mean(axis=0), degrees * np.linalg.inv(inverse_scale), precisions) < 5
    # μ is Student-t around the centre; standardised by its own Λ it is normal.
    offsets = np.sqrt(weight) * np.einsum("ni,nij->nj", means - centre, np.linalg.cholesky(precisions))
    assert far(offsets.mean(axis=0), np.zeros(3), offsets) < 5
    assert scipy.stats.kstest(offsets.ravel(), "norm").pvalue > 1e-3


def test_rows_known_to_be_around_zero_add_to_the_precision_alone() -> None:
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(20, 2)) + 3
    around_zero = 0.4 * generator.normal(size=(15, 2))
    degrees, weight, centre, inverse_scale = posterior_of_rows(rows, np.ones(2))
    priors = [
        draw_row_prior(
            generator,
            20,
            rows.sum(axis=0),
            rows.T @ rows,
            scales=np.ones(2),
            n_more=15,
            scatter=around_zero.T @ around_zero,
        )
        for _ in range(N_DRAWS)
    ]
    precisions = np.array([prior.precision for prior in priors])
    means = np.array([prior.mean for prior in priors])
    inverse_scale = inverse_scale + around_zero.T @ around_zero
    assert far(precisions.mean(axis=0), (degrees + 15) * np.linalg.inv(inverse_scale), precisions) < 5
    assert far(means.mean(axis=0), centre, means) < 5
    products = np.einsum("ni,nj->nij", means - centre, means - centre)
    assert far(products.mean(axis=0), inverse_scale / (weight * (degrees + 15 - 3)), products) < 5


@pytest.mark.parametrize(("n_ratings", "squared_error", "scale"), [(0, 0.0, 1.0), (7, 3.5, 1.0), (50, 90, 4)])
def test_noise_precisions_are_gamma(n_ratings: int, squared_error: float, scale: float) -> None:
    generator = np.random.default_rng(n_ratings)
    draws = [draw_noise_precision(generator, n_ratings, squared_error, scale=scale) for _ in range(N_DRAWS)]
    expected = scipy.stats.gamma(1 + n_ratings / 2, scale=1 / (scale**2 + squared_error / 2))
    assert scipy.stats.kstest(draws, expected.cdf).pvalue > 1e-3


def test_a_squared_error_that_rounding_has_made_negative_counts_as_none() -> None:
    negative, none = (
        draw_noise_precision(np.random.default_rng(0), 9, error, scale=1.0) for error in (-1e6, 0.0)
    )
    assert negative == none > 0


def test_rows_are_factors_with_their_biases_last() -> None:
    factors, biases = np.array([[0, 1], [2, 3], [4, 5]], np.float32), np.array([7, 8, 9], np.float32)
    rows = rows_of(Side(factors, biases))
    assert rows.tolist() == [[0, 1, 7], [2, 3, 8], [4, 5, 9]]
    assert rows.dtype == np.float32
