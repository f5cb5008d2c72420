"""Rotations of the factors: a fit leaves the directions of the factors to chance.

Rotating the factors of both sides alike changes no prediction.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError

Rotation = Literal["none", "principal"]


def rotation_of(item_factors: NDArray[Any], rotation: str) -> NDArray[np.float64]:
    """The matrix by which to multiply the factors of both sides; shape (n_factors, n_factors)."""
    if rotation not in get_args(Rotation):
        raise DataError(f'rotation={rotation!r}; expected "none" or "principal"')
    if rotation == "none":
        return np.eye(item_factors.shape[1])
    return principal_directions(item_factors)[0]


def principal_directions(factors: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The principal directions of the rows, as columns, and the share of the variance along each.

    The sign of a direction is left to chance too; here the largest component is made positive.
    """
    centred = factors.astype(np.float64) - factors.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    variances, directions = variances[::-1], directions[:, ::-1]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    total = float(variances.sum())
    shares = np.maximum(variances, 0) / total if total > 0 else np.zeros_like(variances)
    return directions * np.where(largest < 0, -1.0, 1.0), shares
