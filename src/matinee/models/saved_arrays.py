"""Checks the arrays of a model file: no file can make the kernels read outside them, or compute with NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from matinee.errors import ModelFileError
from matinee.files.model_file import quoted
from matinee.ratings import Rows
from matinee.ratings.columns import LARGEST_WEIGHT
from matinee.ratings.ids import MAX_ID_LENGTH

_GREATEST_CODE_POINT = 0x10FFFF
_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF
# Numbers that are checked at a time: 512 KiB, which the second-level cache holds.
_AT_ONCE = 1 << 17


def check_finite(arrays: dict[str, Any]) -> None:
    """Raise a ModelFileError for the first NaN or infinity in the arrays."""
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            continue
        flat = array.reshape(-1)
        for first in range(0, len(flat), _AT_ONCE):
            finite = np.isfinite(flat[first : first + _AT_ONCE])
            if not finite.all():
                place = first + int(finite.argmin())
                raise ModelFileError(f"{quoted(name)} holds {flat[place]} at place {place:,}")


def saved_ids(array: Any) -> Any:
    """The sorted ids in an array.

    Raises
    ------
    ModelFileError
        If the array does not hold ids, or they are not sorted.
    """
    if array.dtype == np.uint32 and array.ndim == 2:
        _check_text(array)
        array = array.view(f"<U{max(array.shape[1], 1)}").reshape(-1)
    elif array.dtype not in (np.int64, np.uint64) or array.ndim != 1:
        raise ModelFileError(f"the ids are of type {array.dtype} and have {array.ndim} dimensions")
    if not (array[:-1] < array[1:]).all():
        raise ModelFileError("the ids are not sorted")
    return array


def _check_text(table: Any) -> None:
    """Raise a ModelFileError for code points, a row for each id, that are no text an id can have."""
    if table.shape[1] > MAX_ID_LENGTH:
        raise ModelFileError(f"the ids have {table.shape[1]:,} characters; expected up to {MAX_ID_LENGTH}")
    surrogate = (table >= _FIRST_SURROGATE) & (table <= _LAST_SURROGATE)
    if (surrogate | (table > _GREATEST_CODE_POINT)).any():
        raise ModelFileError("an id holds a number that is not a character")
    if ((table[:, :-1] == 0) & (table[:, 1:] != 0)).any():
        raise ModelFileError("an id holds a NUL")


def saved_array(arrays: dict[str, Any], name: str, dtype: Any, n_dimensions: int) -> Any:
    """The array with this name; raises a ModelFileError if its type or number of dimensions is wrong."""
    array = arrays[name]
    if array.dtype != dtype or array.ndim != n_dimensions:
        raise ModelFileError(f"{name} is of type {array.dtype} and has {array.ndim} dimensions")
    return array


def saved_rows(arrays: dict[str, Any], name: str) -> Rows:
    """The rows in the arrays whose names begin with ``name``; `check_rows` checks their values."""
    has_weights, has_contexts = f"{name}_weights" in arrays, f"{name}_contexts" in arrays
    return Rows(
        saved_array(arrays, f"{name}_indptr", np.int64, 1),
        saved_array(arrays, f"{name}_columns", np.int32, 1),
        saved_array(arrays, f"{name}_values", np.float32, 1),
        saved_array(arrays, f"{name}_weights", np.float32, 1) if has_weights else None,
        saved_array(arrays, f"{name}_contexts", np.int64, 1) if has_contexts else None,
    )


def arrays_of_rows(rows: Rows, name: str) -> dict[str, Any]:
    """The arrays of rows, under the names that `saved_rows` looks for; only those that there are."""
    return {f"{name}_{part}": array for part, array in rows._asdict().items() if array is not None}


def check_rows(rows: Rows, n_rows: int, n_columns: int) -> None:
    """Raise a ModelFileError for rows that would make the kernels read outside their arrays."""
    indptr, columns, values, weights, contexts = rows
    fits = len(indptr) == n_rows + 1 and len(columns) == len(values) == indptr[-1]
    fits = fits and indptr[0] == 0 and bool((indptr[:-1] <= indptr[1:]).all())
    if not fits:
        raise ModelFileError("its arrays do not fit together")
    if len(columns) and not (int(columns.min()) >= 0 and int(columns.max()) < n_columns):
        raise ModelFileError("a rating is of an item that is not in the file")
    starts = np.zeros(len(columns), dtype=bool)
    starts[indptr[:-1][indptr[:-1] < len(columns)]] = True
    if not (starts[1:] | (columns[:-1] < columns[1:])).all():
        raise ModelFileError("the ratings of a user are not sorted")
    if weights is not None and not (
        len(weights) == len(values) and bool(((weights >= 0) & (weights <= LARGEST_WEIGHT)).all())
    ):
        raise ModelFileError("the weights of its ratings are none")
    if contexts is not None and (len(contexts) != len(values) or (contexts < 0).any()):
        raise ModelFileError("the contexts of its ratings are none")
