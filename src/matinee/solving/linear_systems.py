"""Solves the small systems that take scores apart, also where rounding has made one singular."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError

# Beside what is wanted, the greatest error of a solution that is good enough to explain scores.
RESIDUAL = 1e-9


def solved(precisions: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[Any]:
    """The solution of a symmetric system, or of one that is singular to the last digit the shortest.

    Parameters
    ----------
    precisions : ndarray of float64, shape (…, k, k)
        One matrix, or a matrix for each of several systems.
    wanted : ndarray of float64, shape (…, k, n)

    Returns
    -------
    ndarray of float64, shape (…, k, n)

    Raises
    ------
    DataError
        If a number is not finite, because those that it was computed from were too large.
    """
    try:
        solution: NDArray[Any] = np.linalg.solve(precisions, wanted)
        error, size = (np.abs(each).max(initial=0.0) for each in (precisions @ solution - wanted, wanted))
        if error <= RESIDUAL * size:
            return solution
    except np.linalg.LinAlgError:
        pass
    if not np.isfinite(precisions).all():
        raise DataError("these scores cannot be explained: the numbers behind them are too large")
    smallest = np.finfo(np.float64).eps * precisions.shape[-1]
    shortest: NDArray[Any] = np.linalg.pinv(precisions, rcond=smallest, hermitian=True) @ wanted
    return shortest
