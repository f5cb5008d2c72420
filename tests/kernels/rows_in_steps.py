"""Rows that a solver in steps improves from a start, and the same steps in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, Side, Solver, Terms, solve_rows

BLOCK = 32  # factors that the solver "subspace" solves at a time
EXPLICIT, IMPLICIT = Terms(offset=3.0), Terms(confidence=1.5, unobserved=0.2)


def conjugate_gradients(matrix: np.ndarray, side: np.ndarray, x: np.ndarray, n_steps: int) -> np.ndarray:
    """So many steps of conjugate gradients from x (Hestenes & Stiefel 1952)."""
    residual = side - matrix @ x
    direction = residual
    for _ in range(n_steps):
        if not residual.any():
            break
        length = residual @ residual / (direction @ matrix @ direction)
        x, last = x + length * direction, residual
        residual = residual - length * (matrix @ direction)
        direction = residual + residual @ residual / (last @ last) * direction
    return x


def block_descent(matrix: np.ndarray, side: np.ndarray, x: np.ndarray, n_steps: int) -> np.ndarray:
    """So many sweeps over blocks of factors, each solved while the others are held."""
    x = x.copy()
    for _ in range(n_steps):
        for first in range(0, len(x), BLOCK):
            block = slice(first, first + BLOCK)
            x[block] += np.linalg.solve(matrix[block, block], (side - matrix @ x)[block])
    return x


REFERENCES = {"cg": conjugate_gradients, "subspace": block_descent}


@dataclass(frozen=True, eq=False)
class RowsInSteps:
    """Rows, the factors that they are solved against, and where the steps begin.

    Attributes
    ----------
    fixed : ndarray of float32, shape (n_columns, n_factors)
    ridge : ndarray of float32, shape (n_rows,)
    start : ndarray of float32, shape (n_rows, n_factors)
        Zero for a row without ratings, which nothing improves.
    """

    observed: Rows
    terms: Terms
    fixed: np.ndarray
    ridge: np.ndarray
    start: np.ndarray

    def solve(self, solver: Solver, n_threads: int = 2) -> tuple[np.ndarray, Losses]:
        solved = Side.empty(len(self.ridge), self.fixed.shape[1], biases=False)
        solved.factors[:] = self.start
        losses = solve_rows(
            self.observed,
            Side(self.fixed, None),
            solved,
            ridge=self.ridge,
            terms=self.terms,
            n_threads=n_threads,
            solver=solver,
        )
        return solved.factors, losses

    def expected(self, solver: Solver) -> tuple[list[np.ndarray], float, float]:
        """The rows after the solver's steps in float64, the objective there, and the sum Σ c t² of it."""
        rows, objective, size = [], 0.0, 0.0
        for start, (matrix, side, squares) in zip(self.start, self._equations(), strict=True):
            x = REFERENCES[solver.name](matrix, side, start.astype(np.float64), solver.n_steps)
            rows.append(x)
            objective += x @ matrix @ x - 2 * side @ x + squares
            size += squares
        return rows, objective, size

    def _equations(self) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
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


def assert_any_number_of_threads_gives_the_same(problem: RowsInSteps, solver: Solver) -> None:
    alone, losses = problem.solve(solver, n_threads=1)
    for n_threads in (2, 5):
        together, other_losses = problem.solve(solver, n_threads)
        assert np.array_equal(alone, together)
        assert losses == other_losses
