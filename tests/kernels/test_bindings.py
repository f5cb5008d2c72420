"""Every entry of the extension refuses arrays that would lead it outside them, and takes those that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matinee import _kernels
from matinee.errors import DataError

INT32_MAX = 2**31 - 1


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def longs(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def floats(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=np.float32)


ROWS = {"indptr": longs(0, 2, 3), "columns": ints(0, 4, 1), "values": floats(3)}
SOLVED = {
    **ROWS,
    "feedback": "ratings",
    "confidence": 1.0,
    "unobserved": 0.0,
    "fixed": floats(5, 2),
    "column_biases": floats(5),
    "offset": 0.0,
    "ridge": floats(2),
    "prior": np.eye(3),
    "shift": floats(2, 3),
    "spread": 0.0,
    "seed": 0,
    "same_noise": False,
    "solver": "cholesky",
    "n_steps": 1,
    "refine_always": True,
    "solution": floats(2, 2),
    "biases": floats(2),
    "squared_errors": np.ones(2),
    "penalties": np.ones(2),
    "n_threads": 1,
}
RANKED = {
    "queries": floats(2, 2),
    "query_biases": floats(2),
    "query_offset": 0.0,
    "rows": ints(1, 0, 1),
    "offsets": floats(5),
    "excluded_indptr": longs(0, 2, 3),
    "excluded_columns": ints(0, 4, 1),
    "best": np.zeros((3, 4), dtype=np.int32),
    "scores": floats(3, 4),
    "n_threads": 1,
}
PREDICTED = {
    "rows": ints(0, 1, -1),
    "columns": ints(4, -1, -1),
    "row_factors": floats(2, 6),
    "column_factors": floats(5, 6),
    "row_biases": floats(2, 3),
    "column_biases": floats(5, 3),
    "n_samples": 3,
    "offset": 0.0,
    "low": 0.0,
    "high": 5.0,
    "predicted": floats(3),
    "n_threads": 1,
}
PRODUCT = {**ROWS, "dense": floats(5, 3), "product": floats(2, 3), "n_threads": 1}
PRODUCT_OF_ROWS = {
    **{f"left_{name}": each for name, each in ROWS.items()},
    "right_indptr": longs(0, 1, 1, 1, 1, 2),
    "right_columns": ints(0, 6),
    "right_values": floats(2),
    "product": floats(2, 7),
    "n_threads": 1,
}
GRAM = {"factors": floats(5, 3), "gram": np.ones((3, 3)), "n_threads": 1}
SORTED = {"rows": ints(0, 1, 1), "columns": ints(4, 0, 0), "n_rows": 2, "n_columns": 5}
TRANSPOSED = {**ROWS, "n_columns": 5, "n_threads": 2}
MERGED = {
    **ROWS,
    "new_columns": ints(0, 1, 2, 3, 4),
    "later_indptr": longs(0, 1, 2),
    "later_columns": ints(3, 1),
    "later_values": floats(2),
    "n_threads": 2,
}


def rank(**arguments: Any) -> None:
    _kernels.PackedFactors(floats(5, 2)).rank(**arguments)


ENTRIES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "solve_rows": (
        lambda indptr, columns, values, **rest: _kernels.solve_rows(indptr, columns, values, **rest),
        SOLVED,
    ),
    "rank": (rank, RANKED),
    "predict": (_kernels.predict, PREDICTED),
    "multiply_sparse": (_kernels.multiply_sparse, PRODUCT),
    "multiply_sparse_rows": (_kernels.multiply_sparse_rows, PRODUCT_OF_ROWS),
    "gram": (_kernels.gram, GRAM),
    "sort_order": (_kernels.sort_order, SORTED),
    "transpose_rows": (_kernels.transpose_rows, TRANSPOSED),
    "merge_rows": (_kernels.merge_rows, MERGED),
}

BAD_INDPTRS = [longs(0, 2, 4), longs(0, 4, 3), longs(1, 2, 3), longs(-1, 2, 3), longs(0, -2, 3)]
BAD_INDPTRS += [longs(), longs(0, 2, 2), longs(0, 2**62, 3)]
BAD_COLUMNS = [ints(0, 5, 1), ints(0, 4, -1), ints(INT32_MAX, 4, 1), ints(0, 4, -INT32_MAX - 1), ints(0, 4)]
BAD_THREADS = [0, -1, 4097, INT32_MAX]

REFUSED: dict[str, dict[str, list[Any]]] = {
    "solve_rows": {
        "indptr": BAD_INDPTRS,
        "columns": [*BAD_COLUMNS, ints(0, 4, 5)],
        "values": [floats(2), floats(4)],
        "feedback": ["stars"],
        "fixed": [floats(4, 2), floats(5, 3), floats(5, 0)],
        "column_biases": [floats(4), floats(6)],
        "ridge": [floats(1), floats(3)],
        "prior": [np.eye(2), np.ones((3, 2)), None],
        "shift": [floats(3, 3), floats(2, 2), floats(0, 3)],
        "solver": ["lu", "cg", "subspace"],
        "solution": [floats(1, 2), floats(2, 3), floats(3, 2)],
        "biases": [floats(1), floats(3)],
        "squared_errors": [np.ones(1), np.ones(3)],
        "penalties": [np.ones(1), np.ones(3)],
        "n_threads": BAD_THREADS,
    },
    "rank": {
        "queries": [floats(2, 3), floats(1, 2)],
        "query_biases": [floats(1), floats(3)],
        "rows": [ints(1, 0, 2), ints(1, 0, -1), ints(1, 0)],
        "offsets": [floats(4), floats(6)],
        "excluded_indptr": [
            longs(0, 2, 4),
            longs(0, 4, 3),
            longs(-1, 2, 3),
            longs(0, 2**62, 3),
            longs(0, 2),
            None,
        ],
        "excluded_columns": [ints(0, 5, 1), ints(0, 4, -1), ints(4, 0, 1), ints(-33, 4, 1), ints(0, 4), None],
        "best": [np.zeros((2, 4), dtype=np.int32), np.zeros((3, 0), dtype=np.int32)],
        "scores": [floats(3, 3), floats(2, 4)],
        "n_threads": BAD_THREADS,
    },
    "predict": {
        "rows": [ints(0, 2, -1), ints(0, 1), ints(INT32_MAX, 1, -1)],
        "columns": [ints(5, -1, -1), ints(INT32_MAX, -1, -1)],
        "row_factors": [floats(1, 6), floats(2, 9)],
        "column_factors": [floats(4, 6), floats(5, 3)],
        "row_biases": [floats(2, 2), floats(1, 3)],
        "column_biases": [floats(5, 2), floats(4, 3)],
        "n_samples": [0, -3, 4, 5],
        "predicted": [floats(2), floats(4)],
        "n_threads": BAD_THREADS,
    },
    "multiply_sparse": {
        "indptr": BAD_INDPTRS,
        "columns": BAD_COLUMNS,
        "values": [floats(2)],
        "dense": [floats(4, 3), floats(5, 2)],
        "product": [floats(1, 3), floats(3, 3), floats(2, 4)],
        "n_threads": BAD_THREADS,
    },
    "multiply_sparse_rows": {
        "left_indptr": BAD_INDPTRS,
        "left_columns": BAD_COLUMNS,
        "right_indptr": [longs(0, 1, 1, 1, 2), longs(0, 1, 0, 1, 1, 2), longs(0, 1, 1, 1, 1, 3)],
        "right_columns": [ints(0, 7), ints(-1, 6)],
        "right_values": [floats(1)],
        "product": [floats(2, 6), floats(1, 7)],
        "n_threads": BAD_THREADS,
    },
    "gram": {"gram": [np.ones((2, 3)), np.ones((4, 4))], "n_threads": BAD_THREADS},
    "sort_order": {
        "rows": [ints(0, 1), ints(0, 1, 2), ints(0, 1, -1)],
        "columns": [ints(4, 0, 5), ints(4, 0, -1)],
        "n_rows": [1, -1, 2**31, 2**62],
        "n_columns": [4, -1, 2**31, 2**62],
    },
    "transpose_rows": {
        "indptr": BAD_INDPTRS,
        "columns": BAD_COLUMNS,
        "values": [floats(2)],
        "n_columns": [4, -1, 2**31, 2**61, 2**62, 2**63 - 1],
        "n_threads": BAD_THREADS,
    },
    "merge_rows": {
        "indptr": BAD_INDPTRS,
        "columns": BAD_COLUMNS,
        "values": [floats(2)],
        "new_columns": [ints(0, 1, 2, 3)],
        "later_indptr": [longs(0, 2), longs(0, 1, 3), longs(0, 3, 2), longs(1, 1, 2)],
        "later_columns": [ints(3)],
        "later_values": [floats(1)],
        "n_threads": BAD_THREADS,
    },
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_arguments_that_fit_are_taken(entry: str) -> None:
    """So that what is refused below is refused for the one argument that differs."""
    call, arguments = ENTRIES[entry]
    call(**{name: each.copy() if isinstance(each, np.ndarray) else each for name, each in arguments.items()})


@pytest.mark.parametrize(
    ("entry", "name", "bad"),
    [
        pytest.param(entry, name, bad, id=f"{entry}-{name}-{n}")
        for entry, refused in REFUSED.items()
        for name, values in refused.items()
        for n, bad in enumerate(values)
    ],
)
def test_an_argument_that_does_not_fit_is_refused(entry: str, name: str, bad: Any) -> None:
    call, arguments = ENTRIES[entry]
    with pytest.raises((ValueError, IndexError)) as caught:
        call(**{**arguments, name: bad})
    assert not isinstance(caught.value, DataError)


def test_what_is_excluded_for_others_is_not_looked_at() -> None:
    """A single query must not cost what all users have seen."""
    asked = {"rows": ints(0), "best": np.zeros((1, 4), dtype=np.int32), "scores": floats(1, 4)}
    best = asked["best"]
    rank(**{**RANKED, **asked, "excluded_columns": ints(0, 4, -7)})
    assert best[0].tolist() == [1, 2, 3, -1]


def test_a_column_may_be_excluded_twice() -> None:
    best = np.zeros((3, 4), dtype=np.int32)
    rank(**{**RANKED, "best": best, "excluded_columns": ints(4, 4, 1)})
    assert best[1].tolist() == [0, 1, 2, 3]
