"""The kernels' confidence terms, Gram matrix and step-wise solvers against dense float64 numpy."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, Side, Solver, Terms, gram, solve_rows

from ..conftest import random_rows, remembered

# Below, at and above the blocks of 16 and 32 that the kernels work in.
RANKS = [1, 5, 15, 16, 17, 32, 33, 65, 128, 512]
STEPWISE = ["cg", "subspace"]
N_COLUMNS = 300


@remembered
def dense_solution(
    fixed: np.ndarray, weights: np.ndarray, targets: np.ndarray, ridge: np.ndarray
) -> np.ndarray:
    """The solutions of rows that weigh every column."""
    equations = (
        (fixed.T @ (c[:, None] * fixed) + r * np.eye(fixed.shape[1]), (c * t) @ fixed)
        for c, t, r in zip(weights, targets, ridge, strict=True)
    )
    return np.array([np.linalg.solve(matrix, side) for matrix, side in equations])


class DenseRows:
    """The row problem over all columns, seen or not: weights, targets and their normal equations."""

    def __init__(self, observed: Rows, fixed: np.ndarray, ridge: np.ndarray, terms: Terms) -> None:
        shape = (len(ridge), len(fixed))
        rows = np.repeat(np.arange(shape[0]), np.diff(observed.indptr))
        self.fixed = fixed.astype(np.float64)
        self.ridge = ridge.astype(np.float64)
        self.weights = np.full(shape, terms.unobserved)
        self.weights[rows, observed.columns] += terms.confidence * np.abs(observed.values.astype(np.float64))
        self.targets = np.zeros(shape)
        self.targets[rows, observed.columns] = observed.values > 0

    def solution(self) -> np.ndarray:
        return dense_solution(self.fixed, self.weights, self.targets, self.ridge)

    def squared_error(self, x: np.ndarray) -> float:
        return float((self.weights * (self.targets - x.astype(np.float64) @ self.fixed.T) ** 2).sum())

    @property
    def targets_squared(self) -> float:
        """What the squared error is taken off from, and so how large its rounding is."""
        return float((self.weights * self.targets**2).sum())

    def penalty(self, x: np.ndarray) -> float:
        return float((self.ridge[:, None] * x.astype(np.float64) ** 2).sum())

    def objective(self, x: np.ndarray) -> float:
        return self.squared_error(x) + self.penalty(x)


def solve(
    observed: Rows,
    fixed: np.ndarray,
    ridge: np.ndarray,
    terms: Terms,
    *,
    solver: Solver = Solver(exact=True),  # noqa: B008 - frozen
    start: np.ndarray | None = None,
    n_threads: int = 2,
) -> tuple[np.ndarray, Losses]:
    solved = Side.empty(len(ridge), fixed.shape[1], biases=False)
    if start is not None:
        solved.factors[:] = start
    losses = solve_rows(
        observed, Side(fixed, None), solved, ridge=ridge, terms=terms, n_threads=n_threads, solver=solver
    )
    return solved.factors, losses


def worst_relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    sizes = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / np.where(sizes > 0, sizes, 1)).max())


def feedback(generator: np.random.Generator, lengths: list[int], n_columns: int = N_COLUMNS) -> Rows:
    """Strengths of 1 to 5, and among them thumbs down and zeros."""
    rows = random_rows(generator, lengths, n_columns)
    return rows._replace(values=rows.values * generator.choice([1, 1, 1, -1, 0], size=len(rows.values)))


def made_up(
    rank: int, seed: int = 0, shift: float = 0.0
) -> tuple[Rows, np.ndarray, np.ndarray, np.random.Generator]:
    """Rows of all lengths, longer than a panel (256 ratings at the most) too; factors; a λ for each row."""
    generator = np.random.default_rng([rank, seed])
    observed = feedback(generator, [0, 1, 2, 299, 17, 130, 0, 64, 290])
    fixed = (0.3 * generator.normal(size=(N_COLUMNS, rank)) + shift).astype(np.float32)
    return observed, fixed, generator.uniform(0.05, 3, size=9).astype(np.float32), generator


@pytest.mark.parametrize("rank", RANKS)
def test_every_rank_meets_the_dense_problem_over_all_columns(level: str, rank: int) -> None:
    observed, fixed, ridge, _ = made_up(rank)
    terms = Terms(confidence=2.5, unobserved=0.2)

    found, losses = solve(observed, fixed, ridge, terms)

    dense = DenseRows(observed, fixed, ridge, terms)
    expected = dense.solution()
    assert worst_relative_error(found, expected) < 1e-5
    assert losses.squared_error == pytest.approx(
        dense.squared_error(expected), abs=1e-6 * dense.targets_squared
    )
    assert losses.penalty == pytest.approx(dense.penalty(expected), rel=1e-5)


@pytest.mark.parametrize("rank", RANKS)
def test_the_faster_half_steps_of_a_fit_meet_it_to_four_digits(level: str, rank: int) -> None:
    observed, fixed, ridge, _ = made_up(rank, seed=1)
    terms = Terms(confidence=1.0, unobserved=0.5)

    found, losses = solve(observed, fixed, ridge, terms, solver=Solver())

    dense = DenseRows(observed, fixed, ridge, terms)
    expected = dense.solution()
    assert worst_relative_error(found, expected) < 1e-4
    assert losses.squared_error + losses.penalty == pytest.approx(dense.objective(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("confidence", "unobserved"), [(1.0, 0.0), (0.0, 1.0), (40.0, 1.0), (1e-3, 1.0), (1e4, 1e-3), (1.0, 50.0)]
)
@pytest.mark.parametrize("rank", [3, 40])
def test_weights_of_any_size_meet_the_dense_problem(
    level: str, rank: int, confidence: float, unobserved: float
) -> None:
    observed, fixed, ridge, _ = made_up(rank, seed=2)
    terms = Terms(confidence=confidence, unobserved=unobserved)

    found, losses = solve(observed, fixed, ridge, terms)

    dense = DenseRows(observed, fixed, ridge, terms)
    expected = dense.solution()
    assert worst_relative_error(found, expected) < 1e-5
    assert losses.squared_error + losses.penalty == pytest.approx(dense.objective(expected), rel=1e-4)


@pytest.mark.parametrize(("regularization", "shift"), [(1e-2, 0.5), (1e-3, 1.0), (10.0, 2.0)])
@pytest.mark.parametrize("rank", [8, 64, 300])
def test_badly_conditioned_rows_are_exact_where_answers_are_kept(
    level: str, rank: int, regularization: float, shift: float
) -> None:
    observed, fixed, ridge, _ = made_up(rank, seed=3, shift=shift)
    ridge[:] = regularization
    terms = Terms(confidence=1.0, unobserved=0.1)

    found, _ = solve(observed, fixed, ridge, terms)

    dense = DenseRows(observed, fixed, ridge, terms)
    # A float64 solution is itself off by the condition number, up to 1e7 here, times 1e-16.
    assert worst_relative_error(found, dense.solution()) < 1e-5


@pytest.mark.parametrize("rank", [1, 24, 130])
def test_a_row_of_many_panels_meets_the_dense_problem(level: str, rank: int) -> None:
    generator = np.random.default_rng(4)
    observed = feedback(generator, [5_000, 3, 2_049], 6_000)
    fixed = (0.2 * generator.normal(size=(6_000, rank))).astype(np.float32)
    ridge = np.array([0.1, 3, 20], dtype=np.float32)
    terms = Terms(confidence=0.7, unobserved=0.05)

    found, losses = solve(observed, fixed, ridge, terms)

    dense = DenseRows(observed, fixed, ridge, terms)
    assert worst_relative_error(found, dense.solution()) < 1e-5
    assert losses.squared_error + losses.penalty == pytest.approx(dense.objective(found), rel=1e-5)


@pytest.mark.parametrize("solver", [Solver(exact=True), Solver("cg", 3), Solver("subspace", 1)])
def test_a_row_without_feedback_becomes_zero_and_adds_nothing_to_the_objective(
    level: str, solver: Solver
) -> None:
    observed = random_rows(np.random.default_rng(0), [0, 3, 0], 5)
    fixed = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    terms, ridge = Terms(confidence=1.0, unobserved=1.0), np.ones(3, np.float32)

    found, losses = solve(observed, fixed, ridge, terms, solver=solver, start=np.full((3, 4), 9))

    assert not found[[0, 2]].any()
    assert found[1].any()
    assert losses.squared_error + losses.penalty == pytest.approx(
        DenseRows(observed, fixed, ridge, terms).objective(found), rel=1e-4
    )


@pytest.mark.parametrize("solver", [Solver(exact=True), Solver("cg", 3), Solver("subspace", 2)])
def test_zeros_have_no_effect(level: str, solver: Solver) -> None:
    observed, fixed, ridge, generator = made_up(20, seed=5)
    terms = Terms(confidence=1.5, unobserved=0.3)
    counted = observed.values != 0
    kept = np.concatenate([[0], np.cumsum(counted)])[observed.indptr]
    without = Rows(kept, observed.columns[counted], observed.values[counted])
    start = generator.normal(size=(9, 20)).astype(np.float32)
    start[np.diff(kept) == 0] = 0  # such a row is left alone: it has nothing to go by

    found, losses = solve(observed, fixed, ridge, terms, solver=solver, start=start)
    expected, expected_losses = solve(without, fixed, ridge, terms, solver=solver, start=start)

    assert not counted.all()
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert losses.squared_error == pytest.approx(expected_losses.squared_error, rel=1e-4)


@pytest.mark.parametrize("solver", [Solver(exact=True), Solver("cg", 50), Solver("subspace", 50)])
def test_a_row_of_zeros_alone_ends_at_zero(level: str, solver: Solver) -> None:
    observed = Rows(np.array([0, 3]), np.array([0, 2, 4], np.int32), np.zeros(3, np.float32))
    fixed = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    terms = Terms(confidence=1.0, unobserved=1.0)

    found, losses = solve(
        observed, fixed, np.ones(1, np.float32), terms, solver=solver, start=np.full((1, 4), 3)
    )

    assert np.abs(found).max() < 1e-5
    assert losses.squared_error == pytest.approx(0, abs=1e-4)


def test_a_thumb_down_pulls_the_prediction_towards_zero_and_a_seen_item_towards_one(level: str) -> None:
    """In one dimension, by hand: x = (α₀ + α)·y / (α₀·Σy² + α·2y² + λ) with a seen and a thumb down."""
    fixed = np.full((4, 1), 2, dtype=np.float32)
    columns = np.array([0, 1], dtype=np.int32)
    terms, ridge = Terms(confidence=3.0, unobserved=0.5), np.ones(1, dtype=np.float32)
    for values, side, weight in (([1, -1], 1, 2), ([1, 1], 2, 2), ([-1, -2], 0, 3), ([1, 0], 1, 1)):
        observed = Rows(np.array([0, 2]), columns, np.array(values, dtype=np.float32))
        found, _ = solve(observed, fixed, ridge, terms)
        assert found[0, 0] == pytest.approx(side * 3.5 * 2 / (0.5 * 16 + 3 * weight * 4 + 1), rel=1e-6)


def test_the_prior_is_the_gram_matrix_weighed_and_may_be_given(level: str) -> None:
    observed, fixed, ridge, _ = made_up(33, seed=6)
    terms, side = Terms(confidence=1.5, unobserved=0.3), Side(fixed, None)

    prior = terms.prior(side, 2)

    assert np.allclose(prior, 0.3 * fixed.T.astype(np.float64) @ fixed, rtol=1e-10, atol=1e-10)
    solved = Side.empty(9, 33, biases=False)
    losses = solve_rows(observed, side, solved, ridge=ridge, terms=terms, n_threads=1, prior=prior)
    found, expected = solve(observed, fixed, ridge, terms, solver=Solver())
    assert np.array_equal(solved.factors, found)
    assert losses == expected


@pytest.mark.parametrize("rank", [20, 64])
@pytest.mark.parametrize("solver", ["cholesky", *STEPWISE])
def test_without_any_penalty_answers_are_finite_and_the_objective_no_higher(
    level: str, rank: int, solver: str
) -> None:
    observed, fixed, ridge, generator = made_up(rank, seed=7)
    ridge[:] = 0
    terms = Terms(confidence=2.0, unobserved=0.0)  # every matrix of a short row is singular
    start = (0.1 * generator.normal(size=(9, rank))).astype(np.float32)

    found, _ = solve(observed, fixed, ridge, terms, solver=Solver(solver, 3), start=start)

    assert np.isfinite(found).all()
    dense = DenseRows(observed, fixed, ridge, terms)
    assert dense.objective(found) <= dense.objective(start)


# ---- the Gram matrix --------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 63, 256, 9_001])
@pytest.mark.parametrize("rank", [1, 15, 33, 200])
def test_the_gram_matrix_is_exact_to_double_precision(level: str, rank: int, n_rows: int) -> None:
    factors = np.random.default_rng(n_rows).normal(size=(n_rows, rank)).astype(np.float32)
    expected = factors.T.astype(np.float64) @ factors.astype(np.float64)
    found = gram(factors, 2)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize("n_rows", [5, 600, 20_000])
def test_the_gram_matrix_is_the_same_to_the_bit_for_any_number_of_threads(level: str, n_rows: int) -> None:
    factors = np.random.default_rng(0).normal(size=(n_rows, 24)).astype(np.float32)
    alone = gram(factors, 1)
    for n_threads in (2, 3, 7, 16):
        assert np.array_equal(gram(factors, n_threads), alone)


# ---- steps ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 16, 31, 33, 130])
@pytest.mark.parametrize("solver", STEPWISE)
def test_many_steps_end_at_the_exact_solution(level: str, solver: str, rank: int) -> None:
    observed, fixed, ridge, generator = made_up(rank, seed=8)
    terms = Terms(confidence=1.0, unobserved=0.5)
    start = (0.3 * generator.normal(size=(9, rank))).astype(np.float32)

    found, losses = solve(observed, fixed, ridge, terms, solver=Solver(solver, 100), start=start)

    dense = DenseRows(observed, fixed, ridge, terms)
    expected = dense.solution()
    assert worst_relative_error(found, expected) < 1e-4
    assert losses.squared_error + losses.penalty == pytest.approx(dense.objective(expected), rel=1e-5)


@pytest.mark.parametrize("rank", [1, 17, 32, 129])
@pytest.mark.parametrize("solver", STEPWISE)
@pytest.mark.parametrize(
    ("confidence", "unobserved", "shift"), [(1.0, 0.5, 0.0), (40.0, 0.1, 0.3), (1.0, 0.0, 0.0)]
)
def test_no_step_raises_the_objective_and_each_is_told_right(
    level: str, solver: str, rank: int, confidence: float, unobserved: float, shift: float
) -> None:
    observed, fixed, ridge, generator = made_up(rank, seed=9, shift=shift)
    terms = Terms(confidence=confidence, unobserved=unobserved)
    dense = DenseRows(observed, fixed, ridge, terms)
    start = (0.3 * generator.normal(size=(9, rank))).astype(np.float32)
    start[np.diff(observed.indptr) == 0] = 0
    before = dense.objective(start)
    for n_steps in (1, 2, 3, 5, 9):
        found, losses = solve(observed, fixed, ridge, terms, solver=Solver(solver, n_steps), start=start)
        assert dense.objective(found) <= before * (1 + 1e-6)
        before = dense.objective(found)
        size = before + dense.targets_squared
        assert losses.squared_error + losses.penalty == pytest.approx(before, abs=1e-5 * size)
        assert losses.penalty == pytest.approx(dense.penalty(found), rel=1e-5)


@pytest.mark.parametrize("rank", [1, 16, 30, 32])
def test_one_sweep_over_a_single_block_is_exact(level: str, rank: int) -> None:
    observed, fixed, ridge, generator = made_up(rank, seed=10)
    terms = Terms(confidence=1.0, unobserved=0.5)
    start = (0.3 * generator.normal(size=(9, rank))).astype(np.float32)
    found, _ = solve(observed, fixed, ridge, terms, solver=Solver("subspace", 1), start=start)
    assert worst_relative_error(found, DenseRows(observed, fixed, ridge, terms).solution()) < 1e-4


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_as_many_conjugate_gradients_as_factors_are_exact(level: str, rank: int) -> None:
    observed, fixed, ridge, generator = made_up(rank, seed=11)
    terms = Terms(confidence=1.0, unobserved=0.5)
    start = (0.3 * generator.normal(size=(9, rank))).astype(np.float32)
    found, _ = solve(observed, fixed, ridge, terms, solver=Solver("cg", rank), start=start)
    assert worst_relative_error(found, DenseRows(observed, fixed, ridge, terms).solution()) < 1e-4


@pytest.mark.parametrize("solver", [Solver(), Solver(exact=True), Solver("cg", 3), Solver("subspace", 1)])
def test_the_number_of_threads_does_not_change_a_bit(level: str, solver: Solver) -> None:
    generator = np.random.default_rng(12)
    observed = feedback(generator, generator.integers(0, 200, size=400).tolist())
    fixed = generator.normal(size=(N_COLUMNS, 40)).astype(np.float32)
    start = generator.normal(size=(400, 40)).astype(np.float32)
    ridge, terms = np.full(400, 0.3, dtype=np.float32), Terms(confidence=2.0, unobserved=0.1)
    alone, alone_losses = solve(observed, fixed, ridge, terms, solver=solver, start=start, n_threads=1)
    for n_threads in (2, 3, 16):
        together, losses = solve(
            observed, fixed, ridge, terms, solver=solver, start=start, n_threads=n_threads
        )
        assert np.array_equal(alone, together)
        assert losses == alone_losses


@pytest.mark.parametrize("solver", ["cholesky", *STEPWISE])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_factors_that_are_not_finite_end_in_an_answer_not_a_hang(level: str, solver: str, bad: float) -> None:
    observed = random_rows(np.random.default_rng(0), [5, 2], 5)
    fixed = np.full((5, 4), bad, dtype=np.float32)
    terms = Terms(confidence=1.0, unobserved=1.0)
    found, _ = solve(observed, fixed, np.ones(2, np.float32), terms, solver=Solver(solver, 3, exact=True))
    assert found.shape == (2, 4)


def test_an_unknown_solver_or_kind_of_feedback_is_refused() -> None:
    observed = random_rows(np.random.default_rng(0), [2], 5)
    fixed, terms = np.ones((5, 2), dtype=np.float32), Terms(confidence=1.0)
    with pytest.raises(ValueError, match="solver is 'cholesky', 'cg' or 'subspace', not 'lu'"):
        solve(observed, fixed, np.ones(1, np.float32), terms, solver=Solver("lu"))
