"""Lists from many items, which are looked at in bytes first, against single precision and float64."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving import ranking
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import Side

from ..conftest import random_rows

N_ITEMS = 9_001  # the last pack is not full


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "ROUNDED_FROM", 64)


def fitted(generator: np.random.Generator, n: int, rank: int, spread: float = 0.5) -> np.ndarray:
    """Factors like those of a fit: later ones say less, and items have very different lengths."""
    lengths = np.exp(spread * generator.normal(size=(n, 1)))
    shares = (1 + np.arange(rank)) ** -0.5
    return (lengths * generator.normal(size=(n, rank)) * shares).astype(np.float32)


def both(items: Side, queries: Side, n: int, *, cosine: bool = False, **asked: Any) -> Any:
    """The lists by bytes, after they were found equal to those of single precision, to the last bit."""
    found = Ranker(items, cosine=cosine).best(queries, n, **asked)
    exact = Ranker(items, cosine=cosine, rounds=False).best(queries, n, **{**asked, "n_threads": 1})
    assert np.array_equal(found[0], exact[0])
    assert np.array_equal(found[1].view(np.int32), exact[1].view(np.int32))
    return found


@pytest.mark.parametrize(
    "rank", [1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 60, 63, 64, 65, 100, 128, 130, 192, 511, 512]
)
def test_every_rank_gives_the_lists_of_single_precision(level: str, rank: int) -> None:
    generator = np.random.default_rng(rank)
    items = Side(
        fitted(generator, N_ITEMS, rank), generator.normal(scale=0.3, size=N_ITEMS).astype(np.float32)
    )
    factors, biases = fitted(generator, 70, rank), generator.normal(size=70).astype(np.float32)
    full = factors.astype(np.float64) @ items.factors.T.astype(np.float64) + items.biases
    full += biases[:, None].astype(np.float64) + 3.5
    best = -np.sort(np.partition(-full, 10, axis=1)[:, :10], axis=1)
    for n in (1, 5, 70):
        positions, scores = both(items, Side(factors[:n], biases[:n]), 10, offset=3.5, n_threads=2)
        near = 1e-4 * np.abs(scores).max()
        assert np.allclose(scores, best[:n], atol=near)
        assert np.allclose(scores, np.take_along_axis(full[:n], positions, axis=1), atol=near)


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 100, 140, 141, 1000])
def test_lists_of_any_length(level: str, n: int) -> None:
    generator = np.random.default_rng(n)
    items = Side(fitted(generator, N_ITEMS, 20), None)
    both(items, Side(fitted(generator, 3, 20), None), n)


@pytest.mark.parametrize("n_queries", [1, 2, 65])
def test_any_number_of_threads_gives_the_same_lists(level: str, n_queries: int) -> None:
    generator = np.random.default_rng(n_queries)
    # So many that a single query is cut into pieces too; few values, so that many scores are equal.
    factors = generator.integers(-2, 3, size=(150_000, 128), dtype=np.int8).astype(np.float32)
    queries = Side(generator.integers(-1, 2, size=(n_queries, 128)).astype(np.float32), None)
    positions, scores = Ranker(Side(factors, None), rounds=False).best(queries, 50)
    ranker = Ranker(Side(factors, None))
    for n_threads in (1, 2, 3, 8, 64):
        found = ranker.best(queries, 50, n_threads=n_threads)
        assert np.array_equal(found[0], positions)
        assert np.array_equal(found[1], scores)


def test_equal_items_keep_their_order(level: str) -> None:
    items = Side(np.tile(np.float32([[1, 2, 3]]), (N_ITEMS, 1)), None)
    positions, _ = both(items, Side(np.float32([[1, 1, 1], [-1, 0, 0], [0, 0, 0]]), None), 40)
    assert np.array_equal(positions, np.tile(np.arange(40), (3, 1)))


def test_items_and_people_of_zero_factors_are_ranked_by_biases(level: str) -> None:
    generator = np.random.default_rng(1)
    biases = generator.normal(size=N_ITEMS).astype(np.float32)
    items = Side(np.zeros((N_ITEMS, 16), np.float32), biases)
    positions, _ = both(items, Side(fitted(generator, 4, 16), None), 20)
    assert np.array_equal(positions, np.tile(np.argsort(-biases, kind="stable")[:20], (4, 1)))
    items.factors[:] = fitted(generator, N_ITEMS, 16)
    assert np.array_equal(both(items, Side(np.zeros((4, 16), np.float32), None), 20)[0], positions)


@pytest.mark.parametrize("size", [1e-45, 1e-38, 1e-30, 1e-15, 1, 1e15, 1e19, 1e30])
@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:divide")
def test_numbers_of_any_size(level: str, size: float, cosine: bool) -> None:
    generator = np.random.default_rng(2)
    items = Side((fitted(generator, 3000, 24).astype(np.float64) * size).astype(np.float32), None)
    # One by one, sizes differ as much.
    items.factors[::7] *= np.float32(1e-6)
    for of_queries in (1e-30, 1e-15, 1, 1e15, 1e20):
        queries = (fitted(generator, 9, 24).astype(np.float64) * of_queries).astype(np.float32)
        both(items, Side(queries, None), 12, cosine=cosine)
        both(items, Side(queries[:1], None), 12, cosine=cosine)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_what_is_no_number_gives_the_lists_of_single_precision(level: str, strange: float) -> None:
    generator = np.random.default_rng(3)
    factors, biases = fitted(generator, N_ITEMS, 20), generator.normal(size=N_ITEMS).astype(np.float32)
    queries = fitted(generator, 40, 20)
    for rows in (factors, queries):
        rows[generator.integers(0, len(rows), size=9), generator.integers(0, 20, size=9)] = strange
    biases[generator.integers(0, N_ITEMS, size=9)] = strange
    both(Side(factors, biases), Side(queries, None), 10, n_threads=2)
    for query in range(40):
        both(Side(factors, None), Side(queries[query : query + 1], None), 10)


@pytest.mark.parametrize("offset", [0.0, -1e6, 1e6, 1e15, -3e38])
def test_offsets_that_swallow_the_products(level: str, offset: float) -> None:
    generator = np.random.default_rng(4)
    biases = np.float32(1e3) * generator.integers(0, 2, size=N_ITEMS).astype(np.float32)
    both(
        Side(fitted(generator, N_ITEMS, 20), biases), Side(fitted(generator, 20, 20), None), 10, offset=offset
    )
    both(Side(fitted(generator, N_ITEMS, 20), None), Side(fitted(generator, 20, 20), None), 10, offset=offset)


@cache
def much_excluded() -> tuple[Side, Side, Rows, np.ndarray, list[np.ndarray]]:
    """Items, queries, what each of these has seen, some of them in another order, and the columns seen."""
    generator = np.random.default_rng(5)
    items = Side(fitted(generator, 40_000, 32), generator.normal(size=40_000).astype(np.float32))
    queries = Side(fitted(generator, 70, 32), None)
    seen = random_rows(generator, [*generator.integers(0, 900, size=68), 0, 39_995], 40_000)
    asked = generator.permutation(70)[:66].astype(np.int32)
    full = queries.factors @ items.factors.T + items.biases
    # Those that a person has seen are above all the best.
    best = np.argsort(-full, axis=1)[:, :50]
    columns = [np.union1d(seen.columns[seen.indptr[q] : seen.indptr[q + 1]], best[q]) for q in range(70)]
    indptr = np.concatenate([[0], np.cumsum([len(each) for each in columns])]).astype(np.int64)
    seen = Rows(indptr, np.concatenate(columns).astype(np.int32), np.ones(indptr[-1], np.float32))
    return items, queries, seen, asked, columns


@pytest.mark.parametrize("n_threads", [1, 3])
def test_what_is_excluded_and_what_alone_is_asked_for(level: str, n_threads: int) -> None:
    items, queries, seen, asked, columns = much_excluded()
    for candidates in (None, [], [7, 39_999], np.arange(100, 40_000, 3)):
        positions, _ = both(
            items, queries, 10, rows=asked, excluded=seen, candidates=candidates, n_threads=n_threads
        )
        for place, query in enumerate(asked):
            found = positions[place][positions[place] >= 0]
            assert not np.isin(found, columns[query]).any()
            assert candidates is None or np.isin(found, candidates).all()
            allowed = np.setdiff1d(np.arange(40_000) if candidates is None else candidates, columns[query])
            assert len(found) == min(10, len(allowed))


def test_rising_scores_of_which_none_can_be_passed_over(level: str) -> None:
    generator = np.random.default_rng(6)
    query = fitted(generator, 1, 40)
    rising = np.linspace(0.1, 5, N_ITEMS, dtype=np.float32)[:, None]
    items = Side(query * rising + np.float32(1e-6) * fitted(generator, N_ITEMS, 40), None)
    positions, _ = both(items, Side(np.repeat(query, 20, axis=0), None), 10)
    assert positions.min() > N_ITEMS - 40


def test_items_that_differ_only_in_what_rounding_takes_away(level: str) -> None:
    generator = np.random.default_rng(7)
    # Steps are 1, by the last factor, which the query does not look at. All else rounds to 40.
    fractions = (generator.permutation(8001)[:, None] - 4000).astype(np.float32) / 8192
    items = Side(np.hstack([np.repeat(40 + fractions, 31, axis=1), np.full_like(fractions, 127)]), None)
    query = np.float32([[1] * 31 + [0]])
    for n_queries in (1, 9):
        positions, _ = both(items, Side(np.repeat(query, n_queries, axis=0), None), 5)
        assert np.array_equal(positions[0], np.argsort(-fractions[:, 0], kind="stable")[:5])


@pytest.mark.parametrize("most", [127, 63])
def test_queries_of_which_rounding_takes_away_what_counts(level: str, most: int) -> None:
    # The first half of the query rounds down and the other half up, and only they are looked at.
    query = np.float32([[10.49] * 16 + [10.51] * 16 + [most]])
    items = np.zeros((N_ITEMS, 33), np.float32)
    items[:32, 16:32] = 126
    items[5000, :32] = [127] * 16 + [0] * 16
    for n_queries in (1, 9):
        positions, _ = both(Side(items, None), Side(np.repeat(query, n_queries, axis=0), None), 1)
        assert positions.tolist() == [[5000]] * n_queries


@given(
    seed=st.integers(0, 2**32 - 1),
    rank=st.integers(1, 140),
    n_items=st.integers(640, 4000),
    n_queries=st.integers(1, 20),
    n=st.integers(1, 20),
    spread=st.sampled_from([0.0, 0.5, 3.0, 20.0]),
    grid=st.sampled_from([None, 1.0, 0.01]),
    cosine=st.booleans(),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_lists_are_always_those_of_single_precision(
    seed: int,
    rank: int,
    n_items: int,
    n_queries: int,
    n: int,
    spread: float,
    grid: float | None,
    cosine: bool,
) -> None:
    generator = np.random.default_rng(seed)
    factors, queries = fitted(generator, n_items, rank, spread), fitted(generator, n_queries, rank, spread)
    if grid is not None:
        factors, queries = (np.round(each / np.float32(grid)) for each in (factors, queries))
    biases = None if seed % 2 else generator.normal(size=n_items).astype(np.float32)
    usual = _kernels.level()
    try:
        for name in _kernels.levels():
            _kernels.use_level(name)
            both(Side(factors, biases), Side(queries, None), n, cosine=cosine, n_threads=1 + seed % 3)
    finally:
        _kernels.use_level(usual)
