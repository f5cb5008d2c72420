"""Rows so long that threads divide them, and that somebody who presses Ctrl-C should not wait for."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Side, Solver, Terms, solve_rows

from ..conftest import random_rows, reference_rows
from .rows_in_steps import EXPLICIT, IMPLICIT, RowsInSteps, assert_any_number_of_threads_gives_the_same

RANK = 512
N_COLUMNS = 2_000


def long_rows(generator: np.random.Generator, lengths: list[int]) -> Rows:
    """Rows of random columns, which may come again."""
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = generator.integers(0, N_COLUMNS, size=indptr[-1]).astype(np.int32)
    return Rows(indptr, columns, generator.integers(1, 6, size=indptr[-1]).astype(np.float32))


def random_side(generator: np.random.Generator, *, biases: bool) -> Side:
    side = Side.empty(N_COLUMNS, RANK, biases=biases)
    side.factors[:] = 0.1 * generator.normal(size=side.factors.shape)
    return side


@pytest.mark.parametrize("biases", [False, True])
def test_rows_that_are_divided_meet_the_reference_with_any_number_of_threads(
    level: str, biases: bool
) -> None:
    generator = np.random.default_rng(0)
    observed = long_rows(generator, [30, 16_000, 0, 700, 17_000])
    fixed = random_side(generator, biases=biases)
    ridge = np.full(5, 5.0, dtype=np.float32)

    def solve(n_threads: int) -> tuple[Side, float]:
        solved = Side.empty(5, RANK, biases=biases)
        losses = solve_rows(
            observed, fixed, solved, ridge=ridge, terms=Terms(offset=3.0), n_threads=n_threads
        )
        return solved, losses.squared_error

    alone, error = solve(1)

    expected, errors = reference_rows(observed, fixed.factors, ridge, fixed.biases, 3.0, biases)
    assert np.abs(alone.factors - expected[:, :RANK]).max() < 1e-5
    assert error == pytest.approx(errors.sum(), rel=1e-5)
    together, other_error = solve(3)
    assert np.array_equal(alone.factors, together.factors)
    assert alone.biases is None or np.array_equal(alone.biases, together.biases)
    assert error == other_error


def test_a_prior_counts_once_however_many_parts_a_row_has(level: str) -> None:
    generator = np.random.default_rng(1)
    observed = long_rows(generator, [16_000])
    fixed = random_side(generator, biases=False)
    ridge = np.full(1, 5.0, dtype=np.float32)
    prior = 1000 * np.eye(RANK)
    solved, expected = (Side.empty(1, RANK, biases=False) for _ in range(2))

    solve_rows(observed, fixed, solved, ridge=ridge, terms=Terms(), n_threads=2, prior=prior)
    solve_rows(observed, fixed, expected, ridge=ridge + 1000, terms=Terms(), n_threads=2)

    assert np.allclose(solved.factors, expected.factors, rtol=0, atol=1e-6)


def test_a_draw_of_a_row_that_is_divided_does_not_depend_on_the_threads(level: str) -> None:
    generator = np.random.default_rng(2)
    observed = long_rows(generator, [16_000, 10])
    fixed = random_side(generator, biases=True)
    drawn = [Side.empty(2, RANK, biases=True) for _ in range(2)]

    for n_threads, side in enumerate(drawn, start=1):
        solve_rows(
            observed,
            fixed,
            side,
            ridge=np.zeros(2, np.float32),
            terms=Terms(),
            n_threads=n_threads,
            solver=Solver(spread=1.0, seed=3),
            prior=np.eye(RANK + 1),
            shift=np.zeros((1, RANK + 1), np.float32),
        )

    assert drawn[0].factors.any()
    assert np.array_equal(drawn[0].factors, drawn[1].factors)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("solver", [Solver(), Solver("cg", 1000), Solver("subspace", 1000)])
def test_ctrl_c_ends_a_single_row_before_it_is_solved(solver: Solver) -> None:
    generator = np.random.default_rng(3)
    observed = long_rows(generator, [2_000_000])  # takes many seconds
    fixed = random_side(generator, biases=False)
    solved = Side.empty(1, RANK, biases=False)
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        solve_rows(
            observed,
            fixed,
            solved,
            ridge=np.ones(1, np.float32),
            terms=Terms(confidence=1.0, unobserved=1.0),
            n_threads=2,
            solver=solver,
        )

    assert not solved.factors.any()


# ---- rows whose factors are so many that the solvers in steps read them only once --------------------------


def long_rows_in_steps(rank: int, terms: Terms, *, weighted: bool = False) -> RowsInSteps:
    """Long rows beside short ones, of more than 4 MB of factors; implicit strengths are negative too."""
    generator = np.random.default_rng(rank)
    n_columns = 1_200_000 // rank
    lengths = [0, 7, n_columns - 1, 12, 150_000 // rank, 200, 400_000 // rank]
    rows = random_rows(generator, lengths, n_columns)
    if terms.confidence is not None:
        rows = rows._replace(values=rows.values * generator.choice([1, 1, -1, 0], size=len(rows.values)))
    if weighted:
        rows = rows._replace(weights=generator.uniform(0.2, 3, size=len(rows.values)).astype(np.float32))
    fixed = (0.3 * generator.normal(size=(n_columns, rank)) + 0.1).astype(np.float32)
    ridge = generator.uniform(0.5, 3, size=len(lengths)).astype(np.float32)
    start = (0.1 * generator.normal(size=(len(lengths), rank))).astype(np.float32)
    start[0] = 0
    return RowsInSteps(rows, terms, fixed, ridge, start)


@pytest.mark.parametrize("solver", [Solver("cg", 3), Solver("subspace", 2)])
@pytest.mark.parametrize(("terms", "weighted"), [(EXPLICIT, False), (IMPLICIT, False), (IMPLICIT, True)])
@pytest.mark.parametrize("rank", [12, 30, 64, 128])
def test_steps_of_long_rows_are_those_of_the_reference(
    level: str, rank: int, terms: Terms, weighted: bool, solver: Solver
) -> None:
    problem = long_rows_in_steps(rank, terms, weighted=weighted)

    found, losses = problem.solve(solver)

    rows, objective, size = problem.expected(solver)
    for ours, expected in zip(found, rows, strict=True):
        assert np.linalg.norm(ours - expected) <= 1e-4 * np.linalg.norm(expected)
    assert losses.squared_error + losses.penalty == pytest.approx(objective, abs=1e-5 * size)


@pytest.mark.parametrize("solver", [Solver("cg", 3), Solver("subspace", 1)])
def test_steps_of_long_rows_are_the_same_to_the_bit_for_any_number_of_threads(
    level: str, solver: Solver
) -> None:
    assert_any_number_of_threads_gives_the_same(long_rows_in_steps(48, IMPLICIT), solver)
