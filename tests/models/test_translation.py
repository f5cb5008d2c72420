"""Every line of docs/implicit.md, against the other libraries' own updates in float64 numpy.

``benchmarks/implicit.py --only translation`` holds the same lines against the libraries themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse

from matinee.models import ImplicitALS
from matinee.ratings import Ratings

Array = np.ndarray
# A library's update of all rows, from what the matrix holds and the other side's factors.
Update = Callable[[Array, Array], Array]

RANK = 6
N_ITERATIONS = 3


@pytest.fixture(scope="module")
def strengths() -> Array:
    """Users × items, 0 where nothing was seen; every user and item has something."""
    generator = np.random.default_rng(0)
    values = generator.integers(1, 6, size=(50, 35)) * (generator.random((50, 35)) < 0.25)
    values[np.arange(50), np.arange(50) % 35] = 2
    return values.astype(np.float64)


def start(shape: tuple[int, int]) -> tuple[Array, Array]:
    generator = np.random.default_rng(1)
    users, items = (generator.normal(scale=0.3, size=(n, RANK)).astype(np.float32) for n in shape)
    return users, items


def alternate(update: Update, values: Array, items: Array) -> tuple[Array, Array]:
    """Users and items in turn, and the users once more, as a fit of Matinee's ends."""
    for _ in range(N_ITERATIONS):
        users = update(values, items)
        items = update(values.T, users)
    return update(values, items), items


def fit(values: Array, begin: tuple[Array, Array], **parameters: float) -> tuple[Array, Array]:
    ratings = Ratings.from_csr(scipy.sparse.csr_matrix(values))
    model = ImplicitALS(n_factors=RANK, n_iterations=N_ITERATIONS, **parameters)
    model.fit(ratings, start=begin, progress=False)
    return model.user_factors_, model.item_factors_


def assert_same_factors(
    update: Update, theirs: Array, ours: Array, *, scale: float = 1.0, **parameters: float
) -> None:
    """Their update of their matrix comes to our factors of ours, times a scale."""
    users, items = start(ours.shape)
    expected = alternate(update, theirs, scale * items.astype(np.float64))
    for found, wanted in zip(fit(ours, (users, items), **parameters), expected, strict=True):
        np.testing.assert_allclose(scale * found, wanted, atol=2e-5 * np.abs(wanted).max())


# ---- the other libraries, each from its own formula ------------------------------------------------


def implicit(alpha: float, regularization: float) -> Update:
    """``A = YᵀY + Σ (|C| − 1) y yᵀ + regularization·I``, ``b = Σ_{C>0} C y``, with ``C = alpha·r``."""

    def update(values: Array, fixed: Array) -> Array:
        confidence = alpha * values
        rows = []
        for c in confidence:
            seen = fixed[c != 0]
            matrix = fixed.T @ fixed + (seen.T * (np.abs(c[c != 0]) - 1)) @ seen
            rows.append(np.linalg.solve(matrix + regularization * np.eye(RANK), fixed.T @ np.maximum(c, 0)))
        return np.array(rows)

    return update


def irspack(alpha0: float, reg: float, nu: float, loss: str) -> Update:
    """``A = α₀YᵀY + Σ r y yᵀ + reg·(n_u + α₀ n)^ν·I``; ``b = Σ (α₀ + r) y``, or with IALSPP ``Σ r y``."""

    def update(values: Array, fixed: Array) -> Array:
        rows = []
        for r in values:
            ridge = reg * ((r != 0).sum() + alpha0 * len(fixed)) ** nu
            matrix = alpha0 * fixed.T @ fixed + (fixed.T * r) @ fixed + ridge * np.eye(RANK)
            target = np.where(r > 0, r + (alpha0 if loss == "ORIGINAL" else 0.0), 0.0)
            rows.append(np.linalg.solve(matrix, fixed.T @ target))
        return np.array(rows)

    return update


def cmfrec(alpha: float, lambda_: float, w_main: float = 1.0) -> Update:
    """``w (YᵀY + Σ alpha r y yᵀ) + lambda·I``, ``b = w Σ (1 + alpha r) y``."""

    def update(values: Array, fixed: Array) -> Array:
        rows = []
        for r in values:
            matrix = w_main * (fixed.T @ fixed + alpha * (fixed.T * r) @ fixed)
            target = w_main * np.where(r > 0, 1 + alpha * r, 0.0)
            rows.append(np.linalg.solve(matrix + lambda_ * np.eye(RANK), fixed.T @ target))
        return np.array(rows)

    return update


def spark(alpha: float, reg_param: float) -> Update:
    """``A = YᵀY + Σ alpha |r| y yᵀ + regParam·n_u·I``, ``b = Σ (1 + alpha |r|) y``; n_u, b of r > 0."""

    def update(values: Array, fixed: Array) -> Array:
        rows = []
        for r in values:
            ridge = reg_param * (r > 0).sum()
            matrix = fixed.T @ fixed + alpha * (fixed.T * np.abs(r)) @ fixed + ridge * np.eye(RANK)
            rows.append(np.linalg.solve(matrix, fixed.T @ np.where(r > 0, 1 + alpha * np.abs(r), 0.0)))
        return np.array(rows)

    return update


# ---- implicit --------------------------------------------------------------------------------------


def test_implicits_alpha_is_ours_and_one_where_all_strengths_are_one(strengths: Array) -> None:
    seen = np.sign(strengths)
    assert_same_factors(
        implicit(2.5, 0.3), seen, seen, alpha=1.5, unobserved_weight=1, regularization=0.3, nu=0
    )


def test_implicits_strengths_become_ours_by_alpha_r_less_one(strengths: Array) -> None:
    ours = np.where(strengths > 0, 2.5 * strengths - 1, 0)
    assert_same_factors(
        implicit(2.5, 0.3), strengths, ours, alpha=1, unobserved_weight=1, regularization=0.3, nu=0
    )


def test_our_strengths_become_implicits_by_one_and_alpha_r_over_the_unobserved_weight(
    strengths: Array,
) -> None:
    theirs = np.where(strengths > 0, 1 + 0.8 / 0.4 * strengths, 0)
    assert_same_factors(
        implicit(1.0, 0.2 / 0.4),
        theirs,
        strengths,
        alpha=0.8,
        unobserved_weight=0.4,
        regularization=0.2,
        nu=0,
    )


def test_a_thumb_down_is_a_negative_confidence_of_implicits(strengths: Array) -> None:
    ours = strengths.copy()
    ours[::5] *= -1
    theirs = np.sign(ours) * np.where(ours != 0, 1 + 2 * np.abs(ours), 0)
    assert_same_factors(
        implicit(1.0, 0.3), theirs, ours, alpha=2, unobserved_weight=1, regularization=0.3, nu=0
    )


# ---- irspack ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_irspacks_original_loss_is_ours(strengths: Array, nu: float) -> None:
    assert_same_factors(
        irspack(0.3, 0.02, nu, "ORIGINAL"),
        strengths,
        strengths,
        alpha=1,
        unobserved_weight=0.3,
        regularization=0.02,
        nu=nu,
    )


def test_our_alpha_is_in_irspacks_matrix(strengths: Array) -> None:
    assert_same_factors(
        irspack(0.3, 0.02, 1.0, "ORIGINAL"),
        2.5 * strengths,
        strengths,
        alpha=2.5,
        unobserved_weight=0.3,
        regularization=0.02,
        nu=1,
    )


def test_irspacks_logarithmic_confidence_is_a_function_of_the_strengths(strengths: Array) -> None:
    scaled = np.log(1 + strengths / 0.5)
    assert_same_factors(
        irspack(0.3, 0.02, 1.0, "ORIGINAL"),
        scaled,
        scaled,
        alpha=1,
        unobserved_weight=0.3,
        regularization=0.02,
        nu=1,
    )


@pytest.mark.parametrize("nu", [0.0, 1.0])
def test_irspacks_usual_loss_is_ours_rescaled_where_all_strengths_are_equal(
    strengths: Array, nu: float
) -> None:
    alpha0, reg, strength = 0.3, 0.02, 2.0
    seen = np.sign(strengths)
    target = strength / (alpha0 + strength)
    assert_same_factors(
        irspack(alpha0, reg, nu, "IALSPP"),
        strength * seen,
        seen,
        scale=np.sqrt(target),
        alpha=strength,
        unobserved_weight=alpha0,
        regularization=reg / target,
        nu=nu,
    )


def test_irspacks_nu_star_is_a_factor_of_the_regularization(strengths: Array) -> None:
    alpha0, reg, nu, nu_star = 0.3, 0.02, 0.5, 1.0
    seen = strengths != 0
    counts = np.concatenate([seen.sum(axis=1) + alpha0 * 35, seen.sum(axis=0) + alpha0 * 50])
    # compute_reg_scale of irspack, written out: the sums over rows and over columns.
    of_rows = [sum((row.sum() + alpha0 * 35) ** power for row in seen) for power in (nu_star, nu)]
    of_columns = [sum((column.sum() + alpha0 * 50) ** power for column in seen.T) for power in (nu_star, nu)]
    scaled = reg * (of_rows[0] + of_columns[0]) / (of_rows[1] + of_columns[1])
    assert_same_factors(
        irspack(alpha0, scaled, nu, "ORIGINAL"),
        strengths,
        strengths,
        alpha=1,
        unobserved_weight=alpha0,
        regularization=reg * np.sum(counts**nu_star) / np.sum(counts**nu),
        nu=nu,
    )


# ---- cmfrec, Spark ---------------------------------------------------------------------------------


def test_cmfrecs_parameters_are_ours(strengths: Array) -> None:
    assert_same_factors(
        cmfrec(2.0, 0.5), strengths, strengths, alpha=2, unobserved_weight=1, regularization=0.5, nu=0
    )


def test_cmfrecs_weight_of_the_matrix_divides_its_lambda(strengths: Array) -> None:
    assert_same_factors(
        cmfrec(2.0, 0.5, w_main=4.0),
        strengths,
        strengths,
        alpha=2,
        unobserved_weight=1,
        regularization=0.5 / 4,
        nu=0,
    )


def test_our_unobserved_weight_divides_cmfrecs_parameters(strengths: Array) -> None:
    assert_same_factors(
        cmfrec(0.8 / 0.4, 0.2 / 0.4),
        strengths,
        strengths,
        alpha=0.8,
        unobserved_weight=0.4,
        regularization=0.2,
        nu=0,
    )


def test_sparks_parameters_are_ours_times_a_small_unobserved_weight(strengths: Array) -> None:
    epsilon = 1e-6
    assert_same_factors(
        spark(2.0, 0.3),
        strengths,
        strengths,
        alpha=2 * epsilon,
        unobserved_weight=epsilon,
        regularization=0.3 * epsilon,
        nu=1,
    )


def test_without_that_sparks_regularization_is_another(strengths: Array) -> None:
    users, items = start(strengths.shape)
    expected = alternate(spark(2.0, 0.3), strengths, items.astype(np.float64))[0]
    found = fit(strengths, (users, items), alpha=2, unobserved_weight=1, regularization=0.3, nu=1)[0]
    assert np.abs(found - expected).max() > 0.05 * np.abs(expected).max()
