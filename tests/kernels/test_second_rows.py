"""Ratings with a second row beside the fixed one, as of a context, against float64 numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, SecondRows, Side, Solver, Terms, solve_rows

from ..conftest import random_rows, remembered

RANKS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 128, 129, 200, 256, 300, 400, 511, 512]
N_COLUMNS, N_SECOND = 400, 30
LENGTHS = [0, 1, 2, 399, 17, 130, 0, 64, 250]
TERMS = Terms(offset=3.25)


def observed_rows(generator: np.random.Generator, lengths: list[int], *, weighted: bool) -> Rows:
    rows = random_rows(generator, lengths, N_COLUMNS)
    if not weighted:
        return rows
    weights = generator.choice([0.0, 0.01, 0.5, 1.0, 30.0], size=len(rows.values))
    return rows._replace(weights=weights.astype(np.float32))


def random_side(generator: np.random.Generator, n_rows: int, rank: int, *, biases: bool) -> Side:
    side = Side.empty(n_rows, rank, biases=biases)
    side.factors[:] = 0.4 * generator.normal(size=(n_rows, rank))
    if side.biases is not None:
        side.biases[:] = 0.2 * generator.normal(size=n_rows)
    return side


def second_rows(generator: np.random.Generator, observed: Rows, rank: int, *, biases: bool) -> SecondRows:
    columns = generator.integers(0, N_SECOND, size=len(observed.values)).astype(np.int32)
    return SecondRows(columns, random_side(generator, N_SECOND, rank, biases=biases))


def solve(
    observed: Rows, fixed: Side, ridge: np.ndarray[Any, Any], second: SecondRows | None, **options: Any
) -> tuple[np.ndarray[Any, Any], Losses]:
    solved = Side.empty(len(ridge), fixed.factors.shape[1], biases=fixed.biases is not None)
    options = {"n_threads": 2, **options}
    losses = solve_rows(observed, fixed, solved, ridge=ridge, terms=TERMS, second=second, **options)
    biases = [] if solved.biases is None else [solved.biases]
    return np.column_stack([solved.factors, *biases]), losses


@remembered
def reference(
    observed: Rows,
    fixed: Side,
    ridge: np.ndarray[Any, Any],
    second: SecondRows,
    prior: np.ndarray[Any, Any] | None = None,
    shift: np.ndarray[Any, Any] | None = None,
) -> tuple[np.ndarray[Any, Any], float]:
    """The solutions and the sum of the weighted squared errors, in float64."""
    z_of, y_of = second.side.factors[second.columns], fixed.factors[observed.columns]
    vectors = (y_of + z_of).astype(np.float64)
    targets = observed.values - TERMS.offset - np.einsum("ij,ij->i", y_of, z_of, dtype=np.float64)
    if fixed.biases is not None and second.side.biases is not None:
        vectors = np.column_stack([vectors, np.ones(len(vectors))])
        targets -= fixed.biases[observed.columns].astype(np.float64) + second.side.biases[second.columns]
    c = np.ones(len(targets)) if observed.weights is None else observed.weights.astype(np.float64)
    size = vectors.shape[1]
    prior = np.zeros((size, size)) if prior is None else prior
    shift = np.zeros(size) if shift is None else shift
    found, error = np.zeros((observed.n_rows, size)), 0.0
    for row in range(observed.n_rows):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        v, t = vectors[part], targets[part]
        matrix = prior + (v.T * c[part]) @ v + ridge[row] * np.eye(size)
        found[row] = np.linalg.solve(matrix, shift + v.T @ (c[part] * t))
        error += float(c[part] @ (t - v @ found[row]) ** 2)
    return found, error


def worst_relative_error(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    sizes = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / np.where(sizes > 0, sizes, 1)).max())


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_second_rows_meet_the_float64_reference_at_every_rank(
    level: str, rank: int, weighted: bool, biases: bool
) -> None:
    generator = np.random.default_rng(rank)
    observed = observed_rows(generator, LENGTHS, weighted=weighted)
    fixed = random_side(generator, N_COLUMNS, rank, biases=biases)
    second = second_rows(generator, observed, rank, biases=biases)
    ridge = generator.uniform(0.05, 3, size=len(LENGTHS)).astype(np.float32)
    expected, error = reference(observed, fixed, ridge, second)
    for solver in (Solver(), Solver(exact=True)):
        found, losses = solve(observed, fixed, ridge, second, solver=solver)
        assert worst_relative_error(found, expected) < 1e-4
        assert losses.squared_error == pytest.approx(error, rel=1e-4)
        assert losses.penalty == pytest.approx((ridge[:, None] * expected**2).sum(), rel=1e-4)


@pytest.mark.parametrize("rank", [1, 16, 33, 128])
@pytest.mark.parametrize("weighted", [False, True])
def test_second_rows_under_a_prior_meet_the_reference_and_draws_have_its_noise(
    level: str, rank: int, weighted: bool
) -> None:
    generator = np.random.default_rng(rank)
    observed = observed_rows(generator, LENGTHS, weighted=weighted)
    fixed = random_side(generator, N_COLUMNS, rank, biases=True)
    second = second_rows(generator, observed, rank, biases=True)
    root = generator.normal(size=(rank + 1, rank + 1)) / np.sqrt(rank + 1)
    prior = 3 * root @ root.T + np.eye(rank + 1)
    shift = generator.normal(size=(1, rank + 1)).astype(np.float32)
    ridge = np.zeros(len(LENGTHS), dtype=np.float32)
    expected, _ = reference(observed, fixed, ridge, second, prior, shift[0])
    mean, drawn = (
        solve(observed, fixed, ridge, second, prior=prior, shift=shift, solver=solver)[0].astype(np.float64)
        for solver in (Solver(), Solver(spread=1.0, seed=3, same_noise=True))
    )
    assert worst_relative_error(mean, expected) < 1e-4
    # All rows draw with the same noise, so (x − mean)ᵀ A (x − mean) is its squared length for each of them.
    vectors = fixed.factors[observed.columns] + second.side.factors[second.columns]
    vectors = np.column_stack([vectors, np.ones(len(vectors))]).astype(np.float64)
    c = np.ones(len(vectors)) if observed.weights is None else observed.weights
    lengths = []
    for row in range(observed.n_rows):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        away = drawn[row] - mean[row]
        lengths.append(away @ (prior + (vectors[part].T * c[part]) @ vectors[part]) @ away)
    assert np.allclose(lengths, lengths[0], rtol=1e-2)
    assert lengths[0] > 0


def test_rows_that_only_double_precision_can_solve_reach_the_least_objective(level: str) -> None:
    generator = np.random.default_rng(4)
    observed = observed_rows(generator, [12, 25, 40], weighted=False)
    fixed = random_side(generator, N_COLUMNS, 30, biases=False)
    second = second_rows(generator, observed, 30, biases=False)
    for side in (fixed, second.side):
        side.factors[:] = 0.5 + 1e-3 * side.factors
    ridge = np.full(3, 1e-5, dtype=np.float32)
    _, losses = solve(observed, fixed, ridge, second, solver=Solver(exact=True))
    expected, error = reference(observed, fixed, ridge, second)
    penalty = float((ridge[:, None] * expected**2).sum())
    assert losses.squared_error + losses.penalty == pytest.approx(error + penalty, rel=1e-5)


@pytest.mark.parametrize("rank", [1, 16, 20, 64])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_second_row_of_zeros_changes_nothing(level: str, rank: int, weighted: bool) -> None:
    generator = np.random.default_rng(rank)
    observed = observed_rows(generator, LENGTHS, weighted=weighted)
    fixed = random_side(generator, N_COLUMNS, rank, biases=True)
    second = second_rows(generator, observed, rank, biases=True)
    nothing = SecondRows(second.columns, Side.empty(N_SECOND, rank, biases=True))
    ridge = np.full(len(LENGTHS), 0.5, dtype=np.float32)
    found, losses = solve(observed, fixed, ridge, nothing)
    expected, expected_losses = solve(observed, fixed, ridge, None)
    assert worst_relative_error(found, expected) < 1e-5
    assert losses.squared_error == pytest.approx(expected_losses.squared_error, rel=1e-5)


def test_both_rows_of_a_rating_may_change_places(level: str) -> None:
    generator = np.random.default_rng(1)
    observed = observed_rows(generator, LENGTHS, weighted=True)
    fixed = random_side(generator, N_COLUMNS, 24, biases=True)
    second = second_rows(generator, observed, 24, biases=True)
    ridge = np.full(len(LENGTHS), 0.5, dtype=np.float32)
    changed = observed._replace(columns=second.columns), second.side
    found, _ = solve(observed, fixed, ridge, second)
    exchanged, _ = solve(*changed, ridge, SecondRows(observed.columns, fixed))
    assert worst_relative_error(found, exchanged) < 1e-5


def test_the_answer_is_the_same_for_any_number_of_threads(level: str) -> None:
    generator = np.random.default_rng(0)
    n, rank = 17_000, 512  # so long that threads divide the row
    columns = generator.integers(0, N_COLUMNS, size=n).astype(np.int32)
    values = generator.integers(1, 6, size=n).astype(np.float32)
    observed = Rows(np.array([0, 100, n]), columns, values)
    fixed = random_side(generator, N_COLUMNS, rank, biases=True)
    second = second_rows(generator, observed, rank, biases=True)
    ridge = np.full(2, 5.0, dtype=np.float32)
    alone, losses = solve(observed, fixed, ridge, second, n_threads=1)
    assert worst_relative_error(alone, reference(observed, fixed, ridge, second)[0]) < 1e-4
    together, other_losses = solve(observed, fixed, ridge, second, n_threads=3)
    assert np.array_equal(alone, together)
    assert losses == other_losses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second_columns": None}, "second needs second_columns"),
        ({"second": None}, "second needs second_columns"),
        ({"second_columns": np.zeros(2, np.int32)}, "must match values"),
        ({"second_columns": np.full(3, 4, np.int32)}, "a second column lies outside"),
        ({"second_columns": np.full(3, -1, np.int32)}, "a second column lies outside"),
        ({"second": np.zeros((4, 3), np.float32)}, "of the rank of fixed"),
        ({"second_biases": np.zeros(3, np.float32)}, "second_biases must match"),
        ({"solver": "cg", "n_steps": 1}, "take second rows"),
        ({"feedback": "confidence"}, "take second rows"),
    ],
)
def test_second_rows_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "feedback": "ratings",
        "confidence": 1.0,
        "unobserved": 0.0,
        "fixed": np.zeros((5, 2), np.float32),
        "column_biases": None,
        "second": np.zeros((4, 2), np.float32),
        "second_columns": np.zeros(3, np.int32),
        "second_biases": np.zeros(4, np.float32),
        "offset": 0.0,
        "ridge": np.ones(1, np.float32),
        "prior": None,
        "shift": None,
        "spread": 0.0,
        "seed": 0,
        "same_noise": False,
        "solver": "cholesky",
        "n_steps": 0,
        "refine_always": False,
        "solution": np.zeros((1, 2), np.float32),
        "biases": None,
        "squared_errors": None,
        "penalties": None,
        "n_threads": 1,
    }
    rows = np.array([0, 3]), np.array([0, 1, 2], np.int32), np.ones(3, np.float32)
    _kernels.solve_rows(*rows, **given)
    with pytest.raises(ValueError, match=message):
        _kernels.solve_rows(*rows, **{**given, **change})
