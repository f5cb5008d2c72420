"""The product of a sparse and a dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.ratings import Rows

Floats = NDArray[np.float32]


def multiply(sparse: Rows, dense: NDArray[Any], n_threads: int) -> Floats:
    """The product of a sparse and a dense matrix; float32, shape (n_rows, n_columns of the dense one)."""
    dense = np.ascontiguousarray(dense, dtype=np.float32)
    product = np.empty((sparse.n_rows, dense.shape[1]), dtype=np.float32)
    _kernels.multiply_sparse(*sparse[:3], dense, product, n_threads)
    return product
