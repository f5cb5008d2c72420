"""The row problem in extended precision: its minimum by Householder's QR, and its objective.

numpy's long double has 64 bits of mantissa on x86 and more on Arm. A QR decomposition squares no condition
number, so it has digits to spare where the normal equations in double precision have none left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Extended = NDArray[np.longdouble]


@dataclass(frozen=True)
class ExtendedRow:
    """One row problem: the minimum of Σ c(t − yᵀx)² + (x − m)ᵀ(P + λI)(x − m) + a constant.

    Attributes
    ----------
    factors : ndarray, shape (n_ratings, k)
        The factors y, with a column of ones if the row has a bias.
    weights, targets : ndarray, shape (n_ratings,)
        The numbers c and t.
    prior : ndarray, shape (k, k), or None
        P.
    ridge : float
        λ.
    shift : ndarray, shape (k,)
        (P + λI)m.
    at_zero : float or None
        The objective of x = 0, which says what the constant is. Without it the constant is 0.
    """

    factors: Extended
    weights: Extended
    targets: Extended
    prior: Extended | None
    ridge: float
    shift: Extended
    at_zero: np.longdouble | None = None

    @property
    def root(self) -> Extended:
        """The upper triangle R with RᵀR = P + λI."""
        k = self.factors.shape[1]
        if self.prior is None:
            return np.sqrt(np.longdouble(self.ridge)) * np.eye(k, dtype=np.longdouble)
        left = self.prior + np.longdouble(self.ridge) * np.eye(k, dtype=np.longdouble)
        root = np.zeros((k, k), dtype=np.longdouble)
        for f in range(k):
            root[f] = left[f] / np.sqrt(left[f, f])
            root[f, :f] = 0
            left -= np.outer(root[f], root[f])
        return root

    @cached_property
    def stacked(self) -> tuple[Extended, Extended]:
        """The matrix and the right-hand side whose least squares are the row problem."""
        root = self.root
        of_prior = np.zeros(len(root), dtype=np.longdouble)
        for f in range(len(root)):
            of_prior[f] = (self.shift[f] - root[:f, f] @ of_prior[:f]) / root[f, f]
        scales = np.sqrt(self.weights)
        return (
            np.vstack([root, scales[:, None] * self.factors]),
            np.concatenate([of_prior, scales * self.targets]),
        )

    @property
    def minimum(self) -> Extended:
        """The x of the smallest objective."""
        matrix, side = self.stacked
        k = matrix.shape[1]
        matrix = np.column_stack([matrix, side])
        for f in range(k):
            reflector = matrix[f:, f].copy()
            length = np.sqrt(reflector @ reflector)
            reflector[0] += np.copysign(length, reflector[0])
            reflector /= np.sqrt(reflector @ reflector)
            matrix[f:, f:] -= np.outer(2 * reflector, reflector @ matrix[f:, f:])
        x = np.zeros(k, dtype=np.longdouble)
        for f in reversed(range(k)):
            x[f] = (matrix[f, k] - matrix[f, f + 1 : k] @ x[f + 1 :]) / matrix[f, f]
        return x

    def objective(self, x: NDArray[np.float32]) -> float:
        """The objective at x: a sum of squares, and the constant."""
        matrix, side = self.stacked
        constant = np.longdouble(0) if self.at_zero is None else self.at_zero - side @ side
        return float(np.square(side - matrix @ x.astype(np.longdouble)).sum() + constant)
