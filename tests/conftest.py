"""Small ratings, the float64 reference of kernels and models, and a line on the tests that were skipped."""

from __future__ import annotations

import builtins
import os
import pickle
import sys
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from hashlib import blake2b
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from matinee import _kernels
from matinee.ratings import Ratings, Rows
from tests.components import missing, untested

TESTS = Path(__file__).parent
NEEDED_IN_FOLDERS = {TESTS / "spark": "Java", TESTS / "web" / "end_to_end": "Chromium"}

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

SECONDS = 600  # for anything that is waited for: on the busiest machine only what hangs takes longer

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_itemcollected(item: pytest.Item) -> None:
    for folder, component in NEEDED_IN_FOLDERS.items():
        if folder in item.path.parents:
            item.add_marker(pytest.mark.needs(component))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if lacking := missing(name for mark in item.iter_markers("needs") for name in mark.args):
        pytest.skip(f"needs {' and '.join(lacking)}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Ends the output with what was not tested, which in CI (CI=true) fails the run."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of pytest-xdist, whose reports the controller gets
        return
    skipped = reporter.stats.get("skipped", [])
    if line := untested(report.longrepr[2].removeprefix("Skipped: ") for report in skipped):
        reporter.write_line(line, yellow=True)
        if os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
            reporter.write_line("CI=true: a test that was skipped has not been shown to pass", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def remembered(reference: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """The same function, which works out its arrays once for arguments of the same content.

    Each level of instructions is tested with the same numbers, and what is expected of them is dear.
    """
    answers: dict[bytes, Answer] = {}

    @wraps(reference)
    def remembering(*positional: Given.args, **named: Given.kwargs) -> Answer:
        key = blake2b(pickle.dumps((positional, named), protocol=5)).digest()
        if key not in answers:
            answers[key] = answer = reference(*positional, **named)
            for each in answer if isinstance(answer, tuple) else (answer,):
                if isinstance(each, np.ndarray):
                    each.setflags(write=False)
        return answers[key]

    return remembering


@remembered
def reference_rows(
    observed: Rows,
    fixed: np.ndarray,
    ridge: np.ndarray,
    column_biases: np.ndarray | None = None,
    offset: float = 0.0,
    with_bias: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The row problem in float64 numpy: factors (bias last, if any) and squared error of every row."""
    solutions, errors = [], []
    for row in range(len(observed.indptr) - 1):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        factors = fixed[observed.columns[part]].astype(np.float64)
        targets = observed.values[part].astype(np.float64) - offset
        if column_biases is not None:
            targets -= column_biases[observed.columns[part]]
        if with_bias:
            factors = np.column_stack([factors, np.ones(len(factors))])
        matrix = factors.T @ factors + ridge[row] * np.eye(factors.shape[1])
        solution = np.linalg.solve(matrix, factors.T @ targets) if len(targets) else np.zeros(len(matrix))
        solutions.append(solution)
        errors.append(((targets - factors @ solution) ** 2).sum())
    return np.array(solutions), np.array(errors)


def random_rows(generator: np.random.Generator, lengths: list[int], n_columns: int) -> Rows:
    """Rows of so many ratings of 1 to 5 each, of random columns."""
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = [np.sort(generator.choice(n_columns, size=n, replace=False)) for n in lengths]
    values = generator.integers(1, 6, size=indptr[-1]).astype(np.float32)
    return Rows(indptr, np.concatenate(columns).astype(np.int32), values)


def random_ratings(n_users: int = 60, n_items: int = 40, share: float = 0.3, seed: int = 0) -> Ratings:
    """A random share of all pairs, with ratings from planted factors of rank 3 and noise."""
    generator = np.random.default_rng(seed)
    users, items = np.nonzero(generator.random((n_users, n_items)) < share)
    left, right = generator.normal(size=(n_users, 3)), generator.normal(size=(n_items, 3))
    scores = 3.2 + 0.7 * (left[users] * right[items]).sum(axis=1) + 0.3 * generator.normal(size=len(users))
    return Ratings.from_arrays(users * 7 + 3, items * 11 + 5, np.clip(np.round(scores * 2) / 2, 0.5, 5))


@pytest.fixture(params=_kernels.levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every level of instructions that this machine can run, in turn."""
    usual = _kernels.level()
    _kernels.use_level(request.param)
    assert _kernels.level() == request.param
    yield request.param
    _kernels.use_level(usual)


@pytest.fixture(scope="session")
def small_ratings() -> Ratings:
    return random_ratings()


@pytest.fixture
def movielens() -> Callable[[str], Path]:
    """The path of a file of the MovieLens data; skips where there are none."""

    def find(name: str) -> Path:
        folder = os.environ.get("MATINEE_DATA")
        if not folder:
            pytest.skip("MATINEE_DATA is not set: no MovieLens data here")
        return Path(folder) / name

    return find


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes a package one that is not installed, for a module of ours that is then to be imported again."""

    def hide(package: str, module: str) -> None:
        real = builtins.__import__

        def without(name: str, *rest: Any, **named: Any) -> Any:
            if name.split(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {name!r}")
            return real(name, *rest, **named)

        monkeypatch.delitem(sys.modules, module)
        monkeypatch.setattr(builtins, "__import__", without)

    return hide
