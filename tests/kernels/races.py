"""Calls kernels that share work among threads, and expects the bits of one thread: for `make races`.

ThreadSanitizer prints each race, and then ends the program with 66. polars doesn't load beside it, so that
this takes the extension alone.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

N_ROWS, N_COLUMNS, RANK = 2_000, 900, 40
# With the rank of the long rows, enough flops that threads divide one.
LONG_RANK, LONG_ROW = 512, 16_000
N_THREADS = 7

Arrays = tuple[np.ndarray, ...]
Call = Callable[[int], Arrays]


def load_kernels() -> ModuleType:
    path = next(Path(sysconfig.get_path("purelib"), "matinee").glob("_kernels*.so"))
    spec = importlib.util.spec_from_file_location("_kernels", path)
    assert spec is not None and spec.loader is not None
    kernels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernels)
    return kernels


def random_rows(generator: np.random.Generator, lengths: np.ndarray) -> Arrays:
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = [np.sort(generator.choice(N_COLUMNS, n, replace=n > N_COLUMNS)) for n in lengths]
    values = generator.integers(1, 6, size=indptr[-1]).astype(np.float32)
    return indptr, np.concatenate(columns).astype(np.int32), values


def random_factors(generator: np.random.Generator, n: int, rank: int) -> np.ndarray:
    return (0.1 * generator.normal(size=(n, rank))).astype(np.float32)


def solve(kernels: ModuleType, rows: Arrays, fixed: np.ndarray, **terms: Any) -> Call:
    """Solves the rows from 0, by these terms in place of those of plain explicit feedback."""
    n_rows, rank = len(rows[0]) - 1, fixed.shape[1]
    has_biases = terms.pop("has_biases", False)
    given = {
        "feedback": "ratings",
        "confidence": 1.0,
        "unobserved": 0.0,
        "column_biases": np.linspace(-1, 1, len(fixed), dtype=np.float32) if has_biases else None,
        "offset": 3.0,
        "ridge": np.full(n_rows, 0.5, dtype=np.float32),
        "prior": None,
        "shift": None,
        "spread": 0.0,
        "seed": 1,
        "same_noise": False,
        "solver": "cholesky",
        "n_steps": 3,
        "refine_always": False,
    } | terms

    def call(n_threads: int) -> Arrays:
        solution = np.zeros((n_rows, rank), dtype=np.float32)
        biases = np.zeros(n_rows, dtype=np.float32) if has_biases else None
        errors, penalties = np.zeros(n_rows), np.zeros(n_rows)
        kernels.solve_rows(
            *rows,
            **given,
            fixed=fixed,
            solution=solution,
            biases=biases,
            squared_errors=errors,
            penalties=penalties,
            n_threads=n_threads,
        )
        return (solution, errors, penalties) + ((biases,) if biases is not None else ())

    return call


def fill(shape: tuple[int, ...], dtype: type, call: Callable[[np.ndarray, int], None]) -> Call:
    """A call that writes to an array of this shape."""

    def filled(n_threads: int) -> Arrays:
        out: np.ndarray = np.zeros(shape, dtype=dtype)
        call(out, n_threads)
        return (out,)

    return filled


def rank_columns(packed: Any, queries: np.ndarray) -> Call:
    def call(n_threads: int) -> Arrays:
        best = np.zeros((len(queries), 10), dtype=np.int32)
        scores = np.zeros((len(queries), 10), dtype=np.float32)
        packed.rank(queries, None, 0.0, None, None, None, None, best, scores, n_threads)
        return best, scores

    return call


def merged(found: Arrays) -> Arrays:
    """Without the places that are not used."""
    indptr, columns, values = found
    return indptr, columns[: indptr[-1]], values[: indptr[-1]]


def calls(kernels: ModuleType) -> Iterator[tuple[str, Call]]:
    generator = np.random.default_rng(0)
    rows = random_rows(generator, generator.integers(0, 60, size=N_ROWS))
    fixed = random_factors(generator, N_COLUMNS, RANK)
    queries = random_factors(generator, N_ROWS, RANK)
    gram = np.zeros((RANK, RANK))
    kernels.gram(fixed, gram, 1)
    implicit = {"feedback": "confidence", "confidence": 10.0, "unobserved": 0.1, "offset": 0.0}
    for has_biases in (False, True):
        yield f"explicit, biases: {has_biases}", solve(kernels, rows, fixed, has_biases=has_biases)
    weighted = *rows, generator.uniform(0, 2, size=len(rows[2])).astype(np.float32)
    yield "weights", solve(kernels, weighted, fixed, has_biases=True)
    for solver in ("cholesky", "cg", "subspace"):
        yield f"implicit, {solver}", solve(kernels, rows, fixed, **implicit, prior=0.1 * gram, solver=solver)
    yield "draws", solve(kernels, rows, fixed, prior=np.eye(RANK), spread=1.0)
    # With so many ratings and factors, levels that can do so round the factors of a half-step.
    middling = random_rows(generator, generator.integers(80, 200, size=300))
    yield "rounded", solve(kernels, middling, random_factors(generator, N_COLUMNS, 64), has_biases=True)
    no_ridge = np.zeros(N_ROWS, dtype=np.float32)
    yield "beyond single precision", solve(kernels, rows, fixed, ridge=no_ridge, has_biases=True)
    long_rows = random_rows(generator, np.array([30, LONG_ROW, 0, LONG_ROW + 500, 700]))
    long_fixed = random_factors(generator, N_COLUMNS, LONG_RANK)
    yield "long rows", solve(kernels, long_rows, long_fixed, has_biases=True)

    yield "gram", fill(gram.shape, float, lambda out, n_threads: kernels.gram(fixed, out, n_threads))
    yield "ranking", rank_columns(kernels.PackedFactors(fixed), queries)
    # So many that threads share the columns.
    many_columns = kernels.PackedFactors(random_factors(generator, 70_000, 64), None, True)
    yield "ranking by bytes", rank_columns(many_columns, random_factors(generator, 100, 64))
    dense = random_factors(generator, N_COLUMNS, RANK)
    yield (
        "sparse by dense",
        fill(
            (N_ROWS, RANK),
            np.float32,
            lambda out, n_threads: kernels.multiply_sparse(*rows, dense, out, n_threads),
        ),
    )
    few = random_rows(generator, generator.integers(0, 8, size=N_COLUMNS))
    yield (
        "sparse by sparse",
        fill(
            (N_ROWS, N_COLUMNS),
            np.float32,
            lambda out, n_threads: kernels.multiply_sparse_rows(*rows, *few, out, n_threads),
        ),
    )
    many = random_rows(generator, generator.integers(50, 150, size=N_ROWS))
    yield "rows by column", lambda n_threads: kernels.transpose_rows(*many, N_COLUMNS, n_threads)
    kept = np.arange(N_COLUMNS, dtype=np.int32)
    yield "merged rows", lambda n_threads: merged(kernels.merge_rows(*many, kept, *rows, n_threads))
    pairs = [generator.integers(0, n, size=200_000).astype(np.int32) for n in (N_ROWS, N_COLUMNS)]
    yield (
        "prediction",
        fill(
            (200_000,),
            np.float32,
            lambda out, n_threads: kernels.predict(
                *pairs, queries, fixed, None, None, 1, 3.0, 1.0, 5.0, out, n_threads
            ),
        ),
    )


def check_bits(name: str, call: Call) -> int:
    """Compares several numbers of threads with one; how many calls that took."""
    expected = call(1)
    for n_threads in (2, N_THREADS):
        for found, alone in zip(call(n_threads), expected, strict=True):
            assert np.array_equal(found, alone), f"{name}: {n_threads} threads differ from one"
    return 3


def check_callers(all_calls: list[tuple[str, Call]]) -> int:
    """Lets several threads of Python call at once, as a web application does; how many calls they made."""
    errors: list[BaseException] = []
    expected = [call(1) for _, call in all_calls]

    def ask(first: int) -> None:
        try:
            for i in range(first, first + len(all_calls)):
                name, call = all_calls[i % len(all_calls)]
                for found, alone in zip(call(2), expected[i % len(all_calls)], strict=True):
                    assert np.array_equal(found, alone), f"{name}: another caller made a difference"
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    if errors:
        raise errors[0]
    return 5 * len(all_calls)


def check_interrupt(call: Call) -> int:
    """Interrupts the call at some moments; how many of them came before its end."""
    n_interrupted = 0
    for delay in (0.02, 0.1, 0.3):
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            for _ in itertools.count():
                call(N_THREADS)
        except KeyboardInterrupt:
            n_interrupted += 1
        timer.join()
    return n_interrupted


def main() -> None:
    kernels = load_kernels()
    started, n_calls = time.perf_counter(), 0
    for level in kernels.levels():
        kernels.use_level(level)
        all_calls = list(calls(kernels))
        n_calls += sum(check_bits(name, call) for name, call in all_calls)
        n_calls += check_callers([each for each in all_calls if each[0] != "long rows"])
        interrupted = sum(check_interrupt(call) for name, call in all_calls if name in ("draws", "long rows"))
        assert interrupted == 6
        print(f"{level}: {n_calls} calls, {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
