"""The native kernels: arrays in, arrays out. None stands for an array that a model does without."""

import numpy as np
from numpy.typing import NDArray

def sort_order(
    rows: NDArray[np.int32], columns: NDArray[np.int32], n_rows: int, n_columns: int
) -> NDArray[np.int64]: ...
def transpose_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    n_columns: int,
    n_threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
def merge_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    new_columns: NDArray[np.int32],
    later_indptr: NDArray[np.int64],
    later_columns: NDArray[np.int32],
    later_values: NDArray[np.float32],
    n_threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
def solve_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    weights: NDArray[np.float32] | None = None,
    *,
    feedback: str,
    confidence: float,
    unobserved: float,
    fixed: NDArray[np.float32],
    column_biases: NDArray[np.float32] | None,
    second: NDArray[np.float32] | None = None,
    second_columns: NDArray[np.int32] | None = None,
    second_biases: NDArray[np.float32] | None = None,
    offset: float,
    ridge: NDArray[np.float32],
    prior: NDArray[np.float64] | None,
    shift: NDArray[np.float32] | None,
    spread: float,
    seed: int,
    same_noise: bool,
    solver: str,
    n_steps: int,
    refine_always: bool,
    solution: NDArray[np.float32],
    biases: NDArray[np.float32] | None,
    squared_errors: NDArray[np.float64] | None,
    penalties: NDArray[np.float64] | None,
    n_threads: int,
) -> None: ...
def gram(factors: NDArray[np.float32], gram: NDArray[np.float64], n_threads: int) -> None: ...
def multiply_sparse(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    dense: NDArray[np.float32],
    product: NDArray[np.float32],
    n_threads: int,
) -> None: ...
def multiply_sparse_rows(
    left_indptr: NDArray[np.int64],
    left_columns: NDArray[np.int32],
    left_values: NDArray[np.float32],
    right_indptr: NDArray[np.int64],
    right_columns: NDArray[np.int32],
    right_values: NDArray[np.float32],
    product: NDArray[np.float32],
    n_threads: int,
) -> None: ...
def predict(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    row_factors: NDArray[np.float32],
    column_factors: NDArray[np.float32],
    row_biases: NDArray[np.float32] | None,
    column_biases: NDArray[np.float32] | None,
    n_samples: int,
    offset: float,
    low: float,
    high: float,
    predicted: NDArray[np.float32],
    n_threads: int,
) -> None: ...

class PackedFactors:
    def __init__(
        self, factors: NDArray[np.float32], scales: NDArray[np.float32] | None = None, rounds: bool = False
    ) -> None: ...
    def rank(
        self,
        queries: NDArray[np.float32],
        query_biases: NDArray[np.float32] | None,
        query_offset: float,
        rows: NDArray[np.int32] | None,
        offsets: NDArray[np.float32] | None,
        excluded_indptr: NDArray[np.int64] | None,
        excluded_columns: NDArray[np.int32] | None,
        best: NDArray[np.int32],
        scores: NDArray[np.float32],
        n_threads: int,
    ) -> None: ...

def levels() -> list[str]: ...
def level() -> str: ...
def use_level(name: str) -> None: ...
