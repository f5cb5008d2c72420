"""Fits at the edges of the parameters that are accepted, by an objective computed in float64 numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from matinee import ALS, ImplicitALS, read_ratings
from matinee.models.alternating_model import AlternatingModel
from matinee.ratings import Ratings
from matinee.solving.row_problem import rows_of
from matinee.solving.training_loop import AlternationInMemory

from ..conftest import random_ratings


def observations(fit: AlternationInMemory) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The users, the items and the values of the row problem."""
    users = np.repeat(np.arange(fit.by_user.n_rows), fit.by_user.counts)
    return users, fit.by_user.columns, fit.by_user.values.astype(np.float64)


def objective_of(model: AlternatingModel, fit: AlternationInMemory) -> float:
    """What the class docstrings of both models say is minimised."""
    x, y = fit.users.factors.astype(np.float64), fit.items.factors.astype(np.float64)
    users, items, values = observations(fit)
    predicted = (x[users] * y[items]).sum(axis=1)
    penalty = (fit.user_ridge * (x**2).sum(axis=1)).sum() + (fit.item_ridge * (y**2).sum(axis=1)).sum()
    if isinstance(model, ImplicitALS):
        weights, targets = model.alpha * np.abs(values), values > 0
        seen = weights * (targets - predicted) ** 2
        unseen = model.unobserved_weight * ((targets - predicted) ** 2 - predicted**2)
        everything = model.unobserved_weight * ((x.T @ x) * (y.T @ y)).sum()
        return float((seen + unseen).sum() + everything + penalty)
    if fit.users.biases is not None and fit.items.biases is not None:
        of_users, of_items = fit.users.biases.astype(np.float64), fit.items.biases.astype(np.float64)
        predicted += of_users[users] + of_items[items]
        penalty += (fit.user_ridge * of_users**2).sum() + (fit.item_ridge * of_items**2).sum()
    return float(((values - fit.terms.offset - predicted) ** 2).sum() + penalty)


def objective_of_zero(model: AlternatingModel, fit: AlternationInMemory) -> float:
    values = observations(fit)[2]
    if isinstance(model, ImplicitALS):
        return float((model.unobserved_weight + model.alpha * np.abs(values)).sum())
    return float(((values - fit.terms.offset) ** 2).sum())


def assert_descends(model: AlternatingModel, ratings: Ratings, n_iterations: int) -> None:
    fit = model.alternation(ratings, None)
    # What the sums of single-precision rows are rounded to, and what double precision can tell apart.
    of_zero = objective_of_zero(model, fit)
    before = np.inf
    for iteration in range(n_iterations):
        fit.improve()
        now = objective_of(model, fit)
        assert now <= before * (1 + 1e-6) + 1e-12 * of_zero, f"iteration {iteration} of {model}"
        assert fit._objective == pytest.approx(now, rel=1e-4, abs=3e-7 * of_zero)
        before = now


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "subspace", "unobserved_weight": 1e-6, "regularization": 1e-7, "n_factors": 32},
        {"solver": "cg", "unobserved_weight": 1e-6, "regularization": 1e-7, "n_factors": 32},
        {"solver": "cholesky", "unobserved_weight": 0, "regularization": 1e-9, "n_factors": 32},
        {"solver": "cholesky", "unobserved_weight": 1e-6, "regularization": 1e-6, "n_factors": 63},
        {"unobserved_weight": 1e-6, "regularization": 1e-6, "n_factors": 63, "alpha": 1e8},
    ],
)
def test_no_iteration_on_movielens_raises_the_objective(
    movielens: Callable[[str], Path], parameters: dict[str, float]
) -> None:
    ratings = read_ratings(movielens("ml-100k/u.data"))
    assert_descends(ImplicitALS(nu=0, **parameters), ratings, 8)


def logarithmic(generator: np.random.Generator, low: float, high: float) -> float:
    return float(10 ** generator.uniform(np.log10(low), np.log10(high)))


def random_model(generator: np.random.Generator) -> AlternatingModel:
    n_factors = int(generator.choice([1, 3, 6, 16, 20, 32, 40, 63]))
    regularization = 0.0 if generator.random() < 0.2 else logarithmic(generator, 1e-10, 1e2)
    if generator.random() < 0.3:
        return ALS(
            n_factors=n_factors,
            regularization=regularization,
            biases=bool(generator.random() < 0.6),
            weighting=float(generator.choice([0, 0.5, 1])),
        )
    return ImplicitALS(
        n_factors=n_factors,
        regularization=regularization,
        alpha=logarithmic(generator, 1e-8, 1e8),
        unobserved_weight=0.0 if generator.random() < 0.2 else logarithmic(generator, 1e-8, 1e4),
        nu=float(generator.choice([0, 0.5, 1])),
        solver=generator.choice(["cholesky", "cg", "subspace"]).item(),
        momentum=float(generator.choice([0, 0, 0.6, 0.95])),
    )


@pytest.mark.parametrize("batch", range(4))
def test_no_iteration_raises_the_objective_with_any_parameters(batch: int) -> None:
    generator = np.random.default_rng([3, batch])
    for _ in range(40):
        ratings = random_ratings(
            int(generator.integers(5, 80)),
            int(generator.integers(5, 60)),
            float(generator.uniform(0.1, 1)),
            seed=int(generator.integers(1 << 20)),
        )
        assert_descends(random_model(generator), ratings, 6)


def test_without_regularisation_a_user_of_movielens_is_exact(movielens: Callable[[str], Path]) -> None:
    """User 675 has 34 ratings, fewer than factors, and a matrix of a condition number near 1e8."""
    model = ALS(n_factors=40, regularization=0).fit(read_ratings(movielens("ml-100k/u.data")))
    position = model.user_index_.position(675)
    rated = model.rated_.pick(np.array([position]))
    factors = np.column_stack([model.item_factors_[rated.columns], np.ones(len(rated.columns))])
    targets = rated.values - np.float64(model.mean_) - model.item_biases_[rated.columns]
    # The ridge of 1e-6 as rows of their own: a QR decomposition needs no square of the condition number.
    matrix = np.vstack([factors.astype(np.float64), 1e-3 * np.eye(41)])
    side = np.append(targets, np.zeros(41))
    expected = np.linalg.lstsq(matrix, side, rcond=None)[0]

    for found in (rows_of(model.user_side)[position], rows_of(model.fold(rated))[0]):
        least = ((side - matrix @ expected) ** 2).sum()
        assert ((side - matrix @ found.astype(np.float64)) ** 2).sum() <= least * (1 + 1e-4)
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(expected), rel=1e-3)
    assert all(abs(each.score) < 1000 for each in model.recommend(675, 4))


@pytest.mark.parametrize("seed", range(5))
def test_without_regularisation_a_small_matrix_is_met_by_balanced_sides(seed: int) -> None:
    wanted = (np.random.default_rng(seed).random((7, 6)) < 0.5).astype(np.float32)
    users, items = np.nonzero(wanted >= 0)
    model = ImplicitALS(n_factors=6, regularization=0, nu=0, alpha=2, n_iterations=5)

    model.fit(Ratings.from_arrays(users, items, wanted[users, items]))

    found = model.user_factors_.astype(np.float64) @ model.item_factors_.T
    assert np.abs(found - wanted).max() < 1e-4
    sizes = np.linalg.norm(model.user_factors_), np.linalg.norm(model.item_factors_)
    assert max(sizes) <= 3 * min(sizes)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
def test_strengths_whose_sums_overflow_single_precision_are_solved(solver: str) -> None:
    size, ratings = 2e14, random_ratings(20, 15, 0.5)
    users = np.repeat(np.arange(20), ratings.by_user.counts)
    large = Ratings.from_arrays(users, ratings.by_user.columns, ratings.values.astype(np.float64) * size)
    model = ImplicitALS(n_factors=4, alpha=1e12, solver=solver)  # type: ignore[arg-type]

    with np.errstate(over="ignore"):
        model.fit(large)

    assert np.isfinite(model.user_factors_).all()
    assert np.isfinite(model.item_factors_).all()
    # Four factors explain what was seen, and nothing else weighs anything beside it.
    assert model.history_[-1].objective < 1e-5 * 1e12 * size * float(ratings.values.sum())
