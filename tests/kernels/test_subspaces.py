"""Sweeps over blocks of factors, with a pass over the ratings for each block, against float64 numpy."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Solver, Terms

from .rows_in_steps import IMPLICIT, RowsInSteps, assert_any_number_of_threads_gives_the_same

N_COLUMNS = 300
# Of one block and of many, whole, padded or cut short; at
# 45, 90 and 112 a panel is no whole registers of ratings.
RANKS = [1, 15, 16, 33, 45, 64, 90, 112, 128, 160, 512]
# No rating and one; a register of ratings, and one more or less; a panel and many.
LENGTHS = [0, 1, 2, 15, 16, 17, 36, 37, 130, 0, 700]
TERMS = {"ratings": Terms(offset=2.5), "confidence": IMPLICIT}


def swept_rows(rank: int, lengths: list[int], terms: Terms, *, weighted: bool = False) -> RowsInSteps:
    """Rows whose columns come again."""
    generator = np.random.default_rng([rank, len(lengths)])
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    size = indptr[-1]
    values = generator.integers(1, 6, size=size).astype(np.float32)
    # A row whose targets are all 0 is not swept: its answer is exact. So each row has one that is not.
    own_first = np.isin(np.arange(size), indptr)
    if terms.confidence is not None:
        values *= np.where(own_first, 1, generator.choice([1, 1, -1, 0], size=size))
    weights = generator.uniform(0.2, 3, size=size).astype(np.float32) if weighted else None
    columns = generator.integers(0, N_COLUMNS, size=size).astype(np.int32)
    fixed = (generator.normal(size=(N_COLUMNS, rank)) / np.sqrt(rank)).astype(np.float32)
    ridge = generator.uniform(0.5, 3, size=len(lengths)).astype(np.float32)
    start = (0.3 * generator.normal(size=(len(lengths), rank))).astype(np.float32)
    start[np.diff(indptr) == 0] = 0
    return RowsInSteps(Rows(indptr, columns, values, weights), terms, fixed, ridge, start)


def assert_sweeps_meet_the_reference(problem: RowsInSteps, n_sweeps: int) -> None:
    solver = Solver("subspace", n_sweeps)

    found, losses = problem.solve(solver)

    rows, objective, size = problem.expected(solver)
    for ours, start, expected in zip(found, problem.start, rows, strict=True):
        # The change is added to the start, so that it is as precise as the larger of the two.
        assert np.linalg.norm(ours - expected) <= 1e-5 * max(map(np.linalg.norm, (start, expected)))
    assert losses.squared_error + losses.penalty == pytest.approx(objective, abs=1e-6 * size)


@pytest.mark.parametrize("n_sweeps", [1, 3])
@pytest.mark.parametrize("feedback", TERMS)
@pytest.mark.parametrize("rank", RANKS)
def test_sweeps_of_any_rank_and_length_are_those_of_the_reference(
    level: str, rank: int, feedback: str, n_sweeps: int
) -> None:
    assert_sweeps_meet_the_reference(swept_rows(rank, LENGTHS, TERMS[feedback]), n_sweeps)


@pytest.mark.parametrize("feedback", TERMS)
@pytest.mark.parametrize("rank", [40, 64])
def test_sweeps_of_ratings_with_weights_are_those_of_the_reference(
    level: str, rank: int, feedback: str
) -> None:
    assert_sweeps_meet_the_reference(swept_rows(rank, LENGTHS, TERMS[feedback], weighted=True), 2)


@pytest.mark.parametrize("rank", [40, 64])
def test_sweeps_of_a_row_of_a_hundred_thousand_ratings_are_those_of_the_reference(
    level: str, rank: int
) -> None:
    assert_sweeps_meet_the_reference(swept_rows(rank, [3, 100_000], TERMS["confidence"]), 1)


@pytest.mark.parametrize("rank", [45, 128])
def test_sweeps_are_the_same_to_the_bit_for_any_number_of_threads(level: str, rank: int) -> None:
    problem = swept_rows(rank, LENGTHS, TERMS["confidence"])
    assert_any_number_of_threads_gives_the_same(problem, Solver("subspace", 2))
