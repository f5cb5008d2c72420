"""Sweeps over blocks of factors, with a pass over the ratings for each block, against float64 numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, Side, Solver, Terms, solve_rows

BLOCK = 32  # factors that are solved at a time
N_COLUMNS = 300
# Of one block and of many, whole, padded or cut short; at
# 45, 90 and 112 a panel is no whole registers of ratings.
RANKS = [1, 15, 16, 33, 45, 64, 90, 112, 128, 160, 512]
# No rating and one; a register of ratings, and one more or less; a panel and many.
LENGTHS = [0, 1, 2, 15, 16, 17, 36, 37, 130, 0, 700]
TERMS = {"ratings": Terms(offset=2.5), "confidence": Terms(confidence=1.5, unobserved=0.2)}


class SweptRows:
    """Rows whose columns come again, a start for each, and their equations in float64."""

    def __init__(self, rank: int, lengths: list[int], terms: Terms, *, weighted: bool = False) -> None:
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
        self.observed, self.terms = Rows(indptr, columns, values, weights), terms
        self.fixed = (generator.normal(size=(N_COLUMNS, rank)) / np.sqrt(rank)).astype(np.float32)
        self.ridge = generator.uniform(0.5, 3, size=len(lengths)).astype(np.float32)
        self.start = (0.3 * generator.normal(size=(len(lengths), rank))).astype(np.float32)
        self.start[np.diff(indptr) == 0] = 0  # nothing improves a row without ratings

    def sweep(self, n_sweeps: int, n_threads: int = 2) -> tuple[np.ndarray, Losses]:
        solved = Side.empty(len(self.ridge), self.fixed.shape[1], biases=False)
        solved.factors[:] = self.start
        losses = solve_rows(
            self.observed,
            Side(self.fixed, None),
            solved,
            ridge=self.ridge,
            terms=self.terms,
            n_threads=n_threads,
            solver=Solver("subspace", n_sweeps),
        )
        return solved.factors, losses

    def equations(self) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """A, b and the sum of squared targets of each row."""
        fixed = self.fixed.astype(np.float64)
        prior = np.zeros((fixed.shape[1],) * 2)
        if self.terms.confidence is not None:
            prior = self.terms.unobserved * fixed.T @ fixed
        for row, ridge in enumerate(self.ridge.astype(np.float64)):
            part = slice(self.observed.indptr[row], self.observed.indptr[row + 1])
            factors = fixed[self.observed.columns[part]]
            values = self.observed.values[part].astype(np.float64)
            times = 1 if self.observed.weights is None else self.observed.weights[part].astype(np.float64)
            if self.terms.confidence is None:
                weights, targets = times * np.ones_like(values), values - self.terms.offset
                right, squares = weights * targets, weights * targets**2
            else:
                weights = times * self.terms.confidence * np.abs(values)
                right = squares = np.where(values > 0, times * self.terms.unobserved + weights, 0)
            matrix = prior + ridge * np.eye(fixed.shape[1]) + factors.T @ (weights[:, None] * factors)
            yield matrix, factors.T @ right, float(squares.sum())


def swept(matrix: np.ndarray, side: np.ndarray, x: np.ndarray, n_sweeps: int) -> np.ndarray:
    """So many sweeps from x: each block is solved while the others are held."""
    x = x.copy()
    for _ in range(n_sweeps):
        for first in range(0, len(x), BLOCK):
            block = slice(first, first + BLOCK)
            x[block] += np.linalg.solve(matrix[block, block], (side - matrix @ x)[block])
    return x


def assert_sweeps_meet_the_reference(problem: SweptRows, n_sweeps: int) -> None:
    found, losses = problem.sweep(n_sweeps)

    objective = size = 0.0
    for row, (matrix, side, squares) in enumerate(problem.equations()):
        start = problem.start[row].astype(np.float64)
        expected = swept(matrix, side, start, n_sweeps)
        # The change is added to the start, so that it is as precise as the larger of the two.
        assert np.linalg.norm(found[row] - expected) <= 1e-5 * max(map(np.linalg.norm, (start, expected)))
        objective += expected @ matrix @ expected - 2 * side @ expected + squares
        size += squares
    assert losses.squared_error + losses.penalty == pytest.approx(objective, abs=1e-6 * size)


@pytest.mark.parametrize("n_sweeps", [1, 3])
@pytest.mark.parametrize("feedback", TERMS)
@pytest.mark.parametrize("rank", RANKS)
def test_sweeps_of_any_rank_and_length_are_those_of_the_reference(
    level: str, rank: int, feedback: str, n_sweeps: int
) -> None:
    assert_sweeps_meet_the_reference(SweptRows(rank, LENGTHS, TERMS[feedback]), n_sweeps)


@pytest.mark.parametrize("feedback", TERMS)
@pytest.mark.parametrize("rank", [40, 64])
def test_sweeps_of_ratings_with_weights_are_those_of_the_reference(
    level: str, rank: int, feedback: str
) -> None:
    assert_sweeps_meet_the_reference(SweptRows(rank, LENGTHS, TERMS[feedback], weighted=True), 2)


@pytest.mark.parametrize("rank", [40, 64])
def test_sweeps_of_a_row_of_a_hundred_thousand_ratings_are_those_of_the_reference(
    level: str, rank: int
) -> None:
    assert_sweeps_meet_the_reference(SweptRows(rank, [3, 100_000], TERMS["confidence"]), 1)


@pytest.mark.parametrize("rank", [45, 128])
def test_sweeps_are_the_same_to_the_bit_for_any_number_of_threads(level: str, rank: int) -> None:
    problem = SweptRows(rank, LENGTHS, TERMS["confidence"])

    alone, losses = problem.sweep(2, n_threads=1)

    for n_threads in (2, 5):
        together, other_losses = problem.sweep(2, n_threads)
        assert np.array_equal(alone, together)
        assert losses == other_losses
