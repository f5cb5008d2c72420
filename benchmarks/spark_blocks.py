"""The processor time of each block of a half-iteration on Spark, without Spark: the longest over the median.

    .venv/bin/python benchmarks/spark_blocks.py

The ratings are those of ``benchmarks/spark.py --only skew``: a tenth of all users have rated one movie. They
are divided as a fit divides them. One thread solves one block after the other, so that other work on the
machine and the moving of factors show little.
"""

from __future__ import annotations

import time

import harness
import numpy as np
import polars as pl
import spark_data

from matinee import ALS, Ratings
from matinee.ratings import Rows
from matinee.solving.row_problem import Side, solve_rows
from matinee.spark.fitting.layout import Layout, balanced_layout, chunk_size_of

N_FACTORS = 64
NUMBERS_OF_BLOCKS = (8, 16, 32)
# The least time of so many is what a block takes by itself.
REPEATS = 7


def layout_of(rows: Rows, n_blocks: int) -> Layout:
    """The rows divided as in ``matinee.spark.fitting.preparation``."""
    counts = np.diff(rows.indptr)
    size = chunk_size_of(len(counts))
    costs = np.add.reduceat(counts, np.arange(0, len(counts), size)) + size * N_FACTORS / 3
    return balanced_layout(len(counts), n_blocks, costs)


def block_of(rows: Rows, chosen: np.ndarray) -> Rows:
    """Some rows, as rows of their own."""
    counts = np.diff(rows.indptr)[chosen]
    indptr = np.concatenate([[0], np.cumsum(counts)])
    places = np.repeat(rows.indptr[chosen] - indptr[:-1], counts) + np.arange(indptr[-1])
    return Rows(indptr, rows.columns[places], rows.values[places])


def seconds_of(block: Rows, fixed: Side, model: ALS) -> float:
    """The least processor time in which the block is solved."""
    solved = Side.empty(len(block.indptr) - 1, N_FACTORS, biases=False)
    observed = model.observed(block)
    ridge, terms = model.ridge(observed, len(fixed.factors)), model.terms_of(3.0, 1.0, 5.0)
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        solve_rows(
            observed, fixed, solved, ridge=ridge, terms=terms, n_threads=1, solver=model.half_step_solver
        )
        taken.append(time.process_time() - began)
    return min(taken)


def main() -> None:
    ratings = Ratings.from_frame(pl.read_parquet(spark_data.synthetic_with_a_hit()))
    model = ALS(n_factors=N_FACTORS, biases=False, n_iterations=1)
    users, items = (model.empty_side(n_rows) for n_rows in (ratings.n_users, ratings.n_items))
    for side in (users, items):
        random = np.random.default_rng(0)
        side.factors[:] = random.standard_normal(side.factors.shape, dtype=np.float32) / np.sqrt(N_FACTORS)
    lines = []
    for n_blocks in NUMBERS_OF_BLOCKS:
        for name, rows, fixed in (("users", ratings.by_user, items), ("items", ratings.by_item, users)):
            layout = layout_of(rows, n_blocks)
            blocks = [block_of(rows, layout.rows_of(number)) for number in range(n_blocks)]
            seconds = [seconds_of(block, fixed, model) for block in blocks]
            longest_row = f"{np.diff(rows.indptr).max() / (len(ratings) / n_blocks):.0%}"
            typical = float(np.median(seconds))
            lines.append((f"{n_blocks}, {name}", longest_row, 1000 * typical, max(seconds) / typical))
    header = ["blocks", "longest row, of a block's ratings", "median, ms", "longest / median"]
    print(harness.markdown_table(header, lines))


if __name__ == "__main__":
    main()
