"""The one row problem of the design, for arrays: every fit and every fold-in is a call of `solve_rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.ratings import Rows

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """The factors of one side, users or items, and their biases if the model has any.

    Attributes
    ----------
    factors : ndarray of float32, shape (n, n_factors)
    biases : ndarray of float32, shape (n,), or None
    """

    factors: Floats
    biases: Floats | None

    @classmethod
    def empty(cls, n_rows: int, n_factors: int, *, biases: bool) -> Side:
        """Zeros for n_rows."""
        factors = np.zeros((n_rows, n_factors), dtype=np.float32)
        return cls(factors, np.zeros(n_rows, dtype=np.float32) if biases else None)


@dataclass(frozen=True)
class Losses:
    """What a half-step leaves: Σ (target − prediction)² and Σ ridge·(‖x‖² + bias²) over its rows."""

    squared_error: float
    penalty: float


def solve_rows(
    observed: Rows,
    fixed: Side,
    solved: Side,
    *,
    ridge: Floats,
    offset: float,
    n_threads: int,
    exact: bool = False,
) -> Losses:
    """Solve every row of one side against the other, into ``solved``; a row without ratings becomes 0.

    Parameters
    ----------
    observed : Rows
        The ratings of the side to solve; its columns are rows of ``fixed``.
    fixed, solved : Side
        With biases, the fixed side's are taken off the ratings, and the solved side's are found together
        with the factors.
    ridge : ndarray of float32, shape (n_rows,)
        A row's regularisation λ.
    offset : float
        Taken off every rating: the mean.
    exact : bool
        Refine every row in double precision, and not only those where it matters.
    """
    n_rows = len(ridge)
    squared_errors, penalties = np.zeros(n_rows), np.zeros(n_rows)
    _kernels.solve_rows(
        *observed,
        fixed.factors,
        fixed.biases,
        offset,
        ridge,
        solved.factors,
        solved.biases,
        squared_errors,
        penalties,
        exact,
        n_threads,
    )
    return Losses(float(squared_errors.sum()), float(penalties.sum()))


def predict_pairs(
    rows: Any, columns: Any, row_side: Side, column_side: Side, *, offset: float, n_threads: int
) -> Floats:
    """Offset, biases and factors multiplied out, for pairs of positions; −1 is unknown and adds nothing.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    predicted = np.empty(len(rows), dtype=np.float32)
    _kernels.predict(
        np.ascontiguousarray(rows, dtype=np.int32),
        np.ascontiguousarray(columns, dtype=np.int32),
        row_side.factors,
        column_side.factors,
        row_side.biases,
        column_side.biases,
        offset,
        predicted,
        n_threads,
    )
    return predicted
