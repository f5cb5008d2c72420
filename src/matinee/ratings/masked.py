"""Masked arrays of numpy: what is masked is missing."""

from __future__ import annotations

from typing import Any

import numpy as np


def unmasked(column: Any) -> Any:
    """A masked array as a plain one, with None for what is masked; any other column as it is."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    masked = np.ma.getmaskarray(column)
    if not masked.any():
        return column.data
    plain = column.data.astype(object)
    plain[masked] = None
    return plain
