"""Fits that need more memory than there is, or numbers larger than any, say so."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matinee
from matinee.models import memory
from matinee.models.item_ridge import MOST_ITEMS
from matinee.ratings import Ratings

from ..conftest import random_ratings

RATINGS = random_ratings()


@pytest.mark.parametrize("n_factors", [2**28, 2**40, 2**62, 2**70])
@pytest.mark.parametrize("kind", [matinee.ALS, matinee.ImplicitALS, matinee.BayesianALS])
def test_a_fit_that_no_memory_has_room_for_is_refused_before_it_begins(kind: Any, n_factors: int) -> None:
    message = (
        rf"a fit of {kind.__name__}.*{n_factors}\) to 60 users and 40 items needs at least .*B of memory"
    )
    with pytest.raises(matinee.NotEnoughMemoryError, match=message):
        kind(n_factors=n_factors).fit(RATINGS)
    with pytest.raises(MemoryError):
        kind(n_factors=n_factors).fit(RATINGS)


def test_a_fit_that_fits_just_so_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_NEGLIGIBLE", 0)
    needed = 4 * 3 * (60 + 40 + 3)
    model = matinee.ALS(n_factors=3, n_iterations=1)
    monkeypatch.setattr(memory, "free_memory", lambda: needed)
    assert model.fit(RATINGS).user_factors_.shape == (60, 3)
    monkeypatch.setattr(memory, "free_memory", lambda: needed - 1)
    with pytest.raises(matinee.NotEnoughMemoryError, match="needs at least 1.21 KiB of memory, and 1.21 KiB"):
        model.fit(RATINGS)
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    assert model.fit(RATINGS).user_factors_.shape == (60, 3)


def test_features_need_room_for_their_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_NEGLIGIBLE", 0)
    matrix = np.random.default_rng(0).random((40, 99))
    model = matinee.ALS(n_factors=2, n_iterations=1)
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * 8 * 100**2)
    model.fit(RATINGS, item_features=(RATINGS.items, matrix))
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * 8 * 100**2 - 1)
    with pytest.raises(matinee.NotEnoughMemoryError, match="learning from 99 features needs at least"):
        model.fit(RATINGS, item_features=(RATINGS.items, matrix))


@pytest.mark.parametrize(
    ("model", "arrays"),
    [
        (matinee.ALS(n_factors=5, n_iterations=1), ["user_factors_", "item_factors_"]),
        (matinee.ImplicitALS(n_factors=5, n_iterations=1), ["user_factors_", "item_factors_"]),
        (matinee.ItemRidge(), ["item_weights_"]),
    ],
)
def test_a_fit_needs_at_least_what_it_leaves(model: Any, arrays: list[str]) -> None:
    model.fit(RATINGS)
    left = sum(getattr(model, name).nbytes for name in arrays)
    assert left <= model.least_memory(RATINGS) <= 3 * left


def test_a_bayesian_fit_needs_at_least_the_samples_that_it_keeps() -> None:
    model = matinee.BayesianALS(n_factors=5, n_samples=6, n_burn_in=0, n_kept=4).fit(RATINGS)
    kept = model.posterior_.user_samples.nbytes + model.posterior_.item_samples.nbytes
    assert kept <= model.least_memory(RATINGS) <= 2 * kept
    few = matinee.BayesianALS(n_factors=5, n_samples=2, n_kept=4)
    assert few.least_memory(RATINGS) == 4 * 5 * (60 + 40 + 5) * 3


def test_a_ridge_of_too_many_items_is_refused_for_their_number() -> None:
    n = MOST_ITEMS + 1
    ratings = Ratings.from_arrays(np.zeros(n, int), np.arange(n), np.ones(n))
    with pytest.raises(matinee.DataError, match="40,001 items"):
        matinee.ItemRidge().fit(ratings)


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 bytes"),
        (1023, "1.02e+03 bytes"),
        (1024, "1 KiB"),
        (3 << 29, "1.5 GiB"),
        (2**60, "1 EiB"),
        (2**80, "1.05e+06 EiB"),
    ],
)
def test_bytes_in_words(n_bytes: int, words: str) -> None:
    assert memory.in_units(n_bytes) == words


def test_memory_is_free_on_the_machine_in_the_container_and_by_ulimit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 900 kB\nMemFree: 1 kB\nMemAvailable:   200 kB\nSwapFree: 50 kB\nHuge: 3",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/proc/self/status": "Name:\tpython\nVmSize:\t 100 kB\n",
    }
    monkeypatch.setattr(memory, "_text", lambda path: files.get(str(path), ""))
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, 0))
    assert memory.free_memory() == 250 << 10
    files["/sys/fs/cgroup/memory.max"] = "65536\n"
    assert memory.free_memory() == 65536
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (110 << 10, 0))
    assert memory.free_memory() == 10 << 10
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (90 << 10, 0))
    assert memory.free_memory() == 0


def test_where_no_system_says_what_is_free_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ("_free_on_machine", "_limit_of_container", "_left_by_ulimit"):
        monkeypatch.setattr(memory, source, lambda: None)
    assert memory.free_memory() is None
    memory.require_memory(1 << 60, "a fit", "take a smaller model")


def limited(code: str, megabytes: int) -> str:
    """What a process prints under a limit of its address space, beyond what it has when it begins."""
    script = f"""
        import resource
        import matinee, numpy as np
        from matinee.models import memory

        taken = memory._sizes(memory.Path("/proc/self/status"))["VmSize"]
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (taken + ({megabytes} << 20), resource.RLIM_INFINITY))
        ids = np.arange(50_000)
        ratings = matinee.Ratings.from_arrays(ids, ids % 9, ids % 5)
    """
    script = textwrap.dedent(script) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LARGE_FIT = """
        limit()
        try:
            matinee.ALS(n_factors=2000, n_threads=1).fit(ratings, progress=False)
        except matinee.NotEnoughMemoryError as error:
            print(error)
    """


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits the address space")
def test_under_a_limit_a_fit_says_what_it_needs() -> None:
    said = limited(LARGE_FIT, 200)
    assert said.startswith("a fit of ALS(n_factors=2000, n_threads=1) to ")
    assert "users and 9 items needs at least " in said


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits the address space")
def test_under_a_limit_a_fit_that_runs_out_of_memory_says_what_was_fitted() -> None:
    code = """
        memory.require_memory.__globals__["free_memory"] = lambda: None
    """
    said = limited(code.rstrip(" ") + LARGE_FIT.lstrip("\n"), 200)
    assert said.startswith("there is too little memory to fit ALS(n_factors=2000, n_threads=1) to ")
    assert "Unable to allocate" in said


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits the address space")
def test_under_a_limit_lists_for_everybody_say_how_many_they_are() -> None:
    code = """
        ratings = matinee.Ratings.from_arrays(ids, ids % 3000, ids % 5)
        model = matinee.ALS(n_factors=1, n_iterations=1, n_threads=1).fit(ratings, progress=False)
        model.recommend_all(users=[1], n=1)
        limit()
        try:
            model.recommend_all(n=3000)
        except matinee.NotEnoughMemoryError as error:
            print(error)
    """
    said = limited(code, 400)
    assert said.startswith("there is too little memory to make lists of 3,000 items for 50,000 users (Unable")
    assert said.strip().endswith("; ask for some of the users at a time")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits the address space")
def test_under_a_limit_a_file_that_cannot_be_mapped_or_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with path.open("wb") as file:
        file.write((40 << 20).to_bytes(8, "little") + b"{")
        file.truncate(1 << 30)
    code = f"""
        limit()
        for size in (1 << 30, (40 << 20) + 8):
            with open({str(path)!r}, "r+b") as file:
                file.truncate(size)
            try:
                matinee.load({str(path)!r})
            except matinee.MatineeError as error:
                print(type(error).__name__, error)
    """
    said = limited(code, 60).splitlines()
    assert said[0] == f"ModelFileError {path} cannot be read: [Errno 12] Cannot allocate memory"
    assert said[1].startswith(
        f"NotEnoughMemoryError there is too little memory to load {path} (out of memory)"
    )


@pytest.mark.parametrize("rating", [1.1e15, -1.1e15, 3e38])
def test_ratings_whose_squares_would_be_infinite_are_refused(rating: float) -> None:
    with pytest.raises(matinee.DataError, match=r"row 3: the rating .* is beyond 1e\+15"):
        Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 2, rating])


@pytest.mark.parametrize("largest", [1e15, -1e15])
@pytest.mark.parametrize(
    "model",
    [matinee.ALS(n_factors=2), matinee.BayesianALS(n_factors=2, n_samples=5), matinee.baselines.ItemBiases()],
)
def test_the_largest_ratings_have_finite_answers(model: Any, largest: float) -> None:
    shares = np.array([1, 1, 0.5, 0.3, -1])
    model.fit(Ratings.from_arrays([1, 1, 2, 2, 3], [1, 2, 1, 2, 1], shares * largest))
    assert np.isfinite(model.predict([1, 2, 3, 3], [1, 1, 1, 2])).all()
    explained = model.explain(1, 1)
    assert np.isfinite([explained.score, explained.baseline, explained.rest]).all()
    assert np.isfinite([each.score for each in model.recommend(1, exclude_seen=False)]).all()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_no_column() -> None:
    matrix = np.matrix([1, 2, 3])
    with pytest.raises(matinee.DataError):
        Ratings.from_arrays(matrix, matrix, matrix)
    with pytest.raises(matinee.DataError, match="user ids have 2 dimensions"):
        Ratings.from_arrays(matrix.T, [1, 2, 3], [1, 2, 3])
    with pytest.raises(matinee.DataError, match="ratings"):
        Ratings.from_arrays([1, 2, 3], [1, 2, 3], matrix.T)
    model = matinee.ALS(n_factors=1, n_iterations=1).fit(RATINGS)
    for users in (np.matrix([3, 10]), np.array([[3, 10]])):
        with pytest.raises(matinee.DataError, match="users have 2 dimensions; expected a column of ids"):
            model.recommend_all(users)
