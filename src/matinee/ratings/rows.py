"""Compressed sparse rows: the one form in which ratings reach the kernels."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from matinee.ratings.columns import Values
from matinee.ratings.ids import Codes

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Rows(NamedTuple):
    """Compressed sparse rows; the columns ascend in each row.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
        Row ``r`` holds ``columns[indptr[r]:indptr[r + 1]]``.
    columns : ndarray of int32, shape (n_ratings,)
    values : ndarray of float32, shape (n_ratings,)
    """

    indptr: Array
    columns: Codes
    values: Values
