"""Ctrl-C in one call of the kernels that solves very many short rows."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Side, Terms, solve_rows

RANK, N_COLUMNS = 128, 20


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_the_rest_of_the_rows_undone() -> None:
    n_rows = 200_000  # takes many seconds
    indptr = N_COLUMNS * np.arange(n_rows + 1)
    columns = np.tile(np.arange(N_COLUMNS, dtype=np.int32), n_rows)
    fixed = Side.empty(N_COLUMNS, RANK, biases=False)
    fixed.factors[:] = np.random.default_rng(0).normal(size=fixed.factors.shape)
    solved = Side.empty(n_rows, RANK, biases=False)
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        solve_rows(
            Rows(indptr, columns, np.ones(len(columns), np.float32)),
            fixed,
            solved,
            ridge=np.ones(n_rows, np.float32),
            terms=Terms(),
            n_threads=1,
        )

    assert solved.factors[0].any()
    assert not solved.factors[-1].any()
