"""Factors regressed on features, against the posterior in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from matinee.models.features import feature_regression as regression_module
from matinee.models.features.feature_regression import FeatureRegression, beside
from matinee.ratings import Rows
from matinee.solving.sparse_products import multiply

from ...conftest import random_rows

N_DRAWS = 2000


def as_rows(matrix: np.ndarray) -> Rows:
    sparse = scipy.sparse.csr_matrix(matrix)
    return Rows(
        sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32), sparse.data.astype(np.float32)
    )


def as_dense(rows: Rows, n_columns: int) -> np.ndarray:
    values = rows.values.astype(np.float64)
    return scipy.sparse.csr_matrix(
        (values, rows.columns, rows.indptr), (len(rows.indptr) - 1, n_columns)
    ).toarray()


def random_features(generator: np.random.Generator, n_rows: int, n_features: int) -> np.ndarray:
    """Sparse and not centred, with a row that has none and a feature that no row has."""
    features = generator.normal(size=(n_rows, n_features)) + 0.5
    features *= generator.random((n_rows, n_features)) < 0.5
    features[3] = 0
    features[:, 2] = 0
    return features


PRECISION = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])


def draws_of(regression: FeatureRegression, ridge: np.ndarray, residual: np.ndarray, seed: int) -> np.ndarray:
    """Many draws of β, given the same rows and ridges; shape (n_draws, n_features, d)."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(N_DRAWS):
        regression.ridge[:] = ridge
        regression.draw(generator, residual, PRECISION)
        drawn.append(regression.weights.copy())
    return np.array(drawn, dtype=np.float64)


@pytest.mark.parametrize("path", ["factorised", "conjugate gradients"])
def test_draws_are_matrix_normal_around_the_ridge_solution(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "conjugate gradients":
        monkeypatch.setattr(regression_module, "MOST_FACTORISED", 0)
    generator = np.random.default_rng(0)
    features = random_features(generator, 40, 7)
    regression = FeatureRegression(as_rows(features), [4, 3], 3, n_threads=1)
    residual = generator.normal(size=(40, 3)) + features @ generator.normal(size=(7, 3))
    ridge = np.repeat([0.7, 5.0], [4, 3])

    drawn = draws_of(regression, ridge, residual, seed=1)

    # β ~ MN((FᵀF + ridge)⁻¹ FᵀR, (FᵀF + ridge)⁻¹, Λ⁻¹)
    across = np.linalg.inv(features.T @ features + np.diag(ridge))
    mean = across @ features.T @ residual
    # The draws are standardised by both: then every number is an independent standard normal.
    left, right = np.linalg.cholesky(np.linalg.inv(across)).T, np.linalg.cholesky(PRECISION)
    numbers = (left @ (drawn - mean) @ right).reshape(N_DRAWS, -1)
    assert np.abs(numbers.mean(axis=0)).max() < 5 / np.sqrt(N_DRAWS)
    covariance = np.cov(numbers.T)
    assert np.abs(np.diag(covariance) - 1).max() < 5 * np.sqrt(2 / N_DRAWS)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 5 / np.sqrt(N_DRAWS)
    assert scipy.stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3
    # One draw says nothing of the next, though conjugate gradients start from it.
    for place in range(numbers.shape[1]):
        correlation = np.corrcoef(numbers[1:, place], numbers[:-1, place])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(N_DRAWS)


def test_both_paths_solve_the_same_equations(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    features = random_features(generator, 300, 60)
    residual = generator.normal(size=(300, 3))
    factorised = FeatureRegression(as_rows(features), [60], 3, n_threads=2)
    factorised.draw(np.random.default_rng(5), residual, PRECISION)
    monkeypatch.setattr(regression_module, "MOST_FACTORISED", 0)
    approached = FeatureRegression(as_rows(features), [60], 3, n_threads=2)
    approached.draw(np.random.default_rng(5), residual, PRECISION)
    # The noise of a draw, in each direction, is what the error of conjugate gradients must stay well below.
    system = features.T @ features + 10 * np.eye(60)
    error = np.linalg.cholesky(system).T @ (approached.weights - factorised.weights)
    error = error @ np.linalg.cholesky(PRECISION)
    assert np.sqrt((error**2).mean()) < 0.05


def test_each_group_learns_a_ridge_from_its_own_weights() -> None:
    generator = np.random.default_rng(3)
    features = random_features(generator, 30, 9)
    residual = features @ np.vstack([2 * generator.normal(size=(5, 3)), 0.1 * generator.normal(size=(4, 3))])
    regression = FeatureRegression(as_rows(features), [5, 0, 4], 3, n_threads=1)
    found = []
    for _ in range(2000):
        regression.draw(generator, residual, PRECISION)
        for begin, end in ((0, 5), (5, 9)):
            assert len(np.unique(regression.ridge[begin:end])) == 1
            weights = regression.weights[begin:end].astype(np.float64)
            rate = 1 + 0.5 * np.trace(weights @ PRECISION @ weights.T)
            found.append((regression.ridge[begin] * rate, 1 + 0.5 * weights.size))
    # Gamma(1, 1) is the prior, and a draw's place in its own posterior is uniform.
    chances = scipy.stats.gamma.cdf(*np.transpose(found))
    assert scipy.stats.kstest(chances, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(chances[::2], chances[1::2])[0, 1]) < 5 / np.sqrt(2000)


@pytest.mark.parametrize("most", [0, 400])
def test_where_no_row_has_a_feature_the_weights_come_from_their_prior(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regression_module, "MOST_FACTORISED", most)
    regression = FeatureRegression(as_rows(np.zeros((6, 4))), [4], 3, n_threads=1)
    drawn = draws_of(regression, np.full(4, 2.5), np.full((6, 3), 9.0), seed=4)
    numbers = np.sqrt(2.5) * drawn @ np.linalg.cholesky(PRECISION)
    assert scipy.stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3


def test_means_and_scatter_are_the_products_of_numpy() -> None:
    generator = np.random.default_rng(5)
    features = random_features(generator, 25, 6)
    regression = FeatureRegression(as_rows(features), [2, 4], 3, n_threads=2)
    assert not regression.means.any()
    regression.weights[:] = generator.normal(size=(6, 3))
    regression.ridge[:] = [0.5, 0.5, 3, 3, 3, 3]
    assert np.allclose(regression.means, features @ regression.weights, atol=1e-5)
    expected = sum(
        ridge * np.outer(w, w) for ridge, w in zip(regression.ridge, regression.weights, strict=True)
    )
    assert np.allclose(regression.scatter, expected, atol=1e-6)


def test_too_many_numbers_in_all_are_not_factorised_either(monkeypatch: pytest.MonkeyPatch) -> None:
    features = random_features(np.random.default_rng(0), 25, 6)
    assert FeatureRegression(as_rows(features), [6], 3, n_threads=1)._gram is not None
    monkeypatch.setattr(regression_module, "MOST_DENSE_NUMBERS", 25 * 6 - 1)
    assert FeatureRegression(as_rows(features), [6], 3, n_threads=1)._gram is None


def test_matrices_beside_one_another_are_scipys_hstack() -> None:
    generator = np.random.default_rng(6)
    parts = [(random_rows(generator, lengths, n), n) for lengths, n in (([0, 2, 5, 0], 5), ([1, 0, 7, 0], 9))]
    together, sizes = beside(parts)
    assert sizes == [5, 9]
    expected = np.hstack([as_dense(rows, n) for rows, n in parts])
    assert np.array_equal(as_dense(together, 14), expected)
    for begin, end in zip(together.indptr[:-1], together.indptr[1:], strict=True):
        assert (np.diff(together.columns[begin:end]) > 0).all()
    alone, sizes = beside(parts[:1])
    assert sizes == [5]
    assert all(np.array_equal(a, b) for a, b in zip(alone, parts[0][0], strict=True))


def test_a_product_of_sparse_and_dense_is_numpys() -> None:
    generator = np.random.default_rng(7)
    rows = random_rows(generator, [0, 3, 6], 6)
    dense = generator.normal(size=(6, 4))
    assert np.allclose(multiply(rows, dense, 2), as_dense(rows, 6) @ dense, atol=1e-5)
