"""The native kernels against float64 numpy, at every level of instructions that this machine can run."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import Losses, Side, Solver, Terms, predict_pairs, solve_rows

from ..conftest import random_rows, reference_rows

RANKS = [1, 2, 3, 7, 10, 15, 16, 17, 31, 32, 33, 50, 64, 65, 100, 128, 200, 256, 511, 512]


def solve(
    observed: Rows,
    fixed: Side,
    ridge: np.ndarray,
    *,
    biases: bool,
    offset: float = 0.0,
    n_threads: int = 2,
    exact: bool = False,
) -> tuple[Side, Losses]:
    solved = Side.empty(len(ridge), fixed.factors.shape[1], biases=biases)
    losses = solve_rows(
        observed,
        fixed,
        solved,
        ridge=ridge,
        terms=Terms(offset=offset),
        n_threads=n_threads,
        solver=Solver(exact=exact),
    )
    return solved, losses


def worst_relative_error(solved: Side, expected: np.ndarray) -> float:
    found = solved.factors if solved.biases is None else np.column_stack([solved.factors, solved.biases])
    sizes = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / np.where(sizes > 0, sizes, 1)).max())


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("biases", [False, True])
def test_every_rank_meets_the_float64_reference(level: str, rank: int, biases: bool) -> None:
    generator = np.random.default_rng(rank)
    observed = random_rows(generator, [0, 1, 2, 399, 17, 130, 0, 64, 250], 400)
    factors = (0.4 * generator.normal(size=(400, rank))).astype(np.float32)
    item_biases = (0.2 * generator.normal(size=400)).astype(np.float32) if biases else None
    ridge = generator.uniform(0.05, 3, size=9).astype(np.float32)
    offset = 3.25 if biases else 0.0

    solved, losses = solve(observed, Side(factors, item_biases), ridge, biases=biases, offset=offset)

    expected, errors = reference_rows(observed, factors, ridge, item_biases, offset, biases)
    assert worst_relative_error(solved, expected) < 1e-4
    assert losses.squared_error == pytest.approx(errors.sum(), rel=1e-4)
    assert losses.penalty == pytest.approx((ridge[:, None] * expected**2).sum(), rel=1e-4)


@pytest.mark.parametrize("rank", [16, 64, 128])
@pytest.mark.parametrize("biases", [False, True])
def test_aligned_factors_are_used_in_place_to_the_same_end(level: str, rank: int, biases: bool) -> None:
    generator = np.random.default_rng(rank)
    observed = random_rows(generator, [0, 1, rank // 2, rank - 1, rank, 399, 250], 400)
    ridge = generator.uniform(0.05, 3, size=7).astype(np.float32)
    aligned = Side.empty(400, rank, biases=biases)
    aligned.factors[:] = 0.4 * generator.normal(size=(400, rank))
    memory = np.empty(400 * rank + 1, dtype=np.float32)
    shifted = Side(memory[1:].reshape(400, rank), aligned.biases)
    shifted.factors[:] = aligned.factors
    expected = reference_rows(observed, aligned.factors, ridge, aligned.biases, 3.0, biases)[0]
    for fixed in (aligned, shifted):
        solved, _ = solve(observed, fixed, ridge, biases=biases, offset=3.0)
        assert worst_relative_error(solved, expected) < 2e-5


@pytest.mark.parametrize("rank", [1, 10, 64])
def test_a_row_of_a_hundred_thousand_ratings_meets_the_reference(level: str, rank: int) -> None:
    generator = np.random.default_rng(1)
    observed = random_rows(generator, [100_000, 3], 120_000)
    factors = (generator.normal(size=(120_000, rank)) + 0.5).astype(np.float32)
    ridge = np.full(2, 0.1, dtype=np.float32)

    solved, losses = solve(observed, Side(factors, None), ridge, biases=False)

    expected, errors = reference_rows(observed, factors, ridge)
    assert worst_relative_error(solved, expected) < 1e-4
    assert losses.squared_error == pytest.approx(errors.sum(), rel=1e-5)


@pytest.mark.parametrize(("regularization", "shift"), [(0.01, 0.0), (0.01, 0.5), (1e-3, 1.0), (10.0, 2.0)])
@pytest.mark.parametrize("rank", [8, 64, 300])
def test_badly_conditioned_rows_are_refined(
    level: str, rank: int, regularization: float, shift: float
) -> None:
    generator = np.random.default_rng(2)
    observed = random_rows(generator, [40, 100, 300, 499], 500)
    factors = (generator.normal(size=(500, rank)) + shift).astype(np.float32)
    ridge = np.full(4, regularization, dtype=np.float32)

    solved, _ = solve(observed, Side(factors, None), ridge, biases=False)

    assert worst_relative_error(solved, reference_rows(observed, factors, ridge)[0]) < 1e-4


@pytest.mark.parametrize(
    ("n_ratings", "regularization"), [(1, 1e-3), (1000, 0.1), (10_000, 0.1), (1000, 0.01)]
)
def test_a_bias_beside_nearly_constant_factors_is_refined(
    level: str, n_ratings: int, regularization: float
) -> None:
    generator = np.random.default_rng(8)
    observed = random_rows(generator, [n_ratings], n_ratings)
    factors = (1 + 0.001 * generator.normal(size=(n_ratings, 1))).astype(np.float32)
    ridge = np.full(1, regularization, dtype=np.float32)

    solved, _ = solve(observed, Side(factors, None), ridge, biases=True)

    assert worst_relative_error(solved, reference_rows(observed, factors, ridge, with_bias=True)[0]) < 1e-4


@pytest.mark.parametrize("rank", [32, 128, 300])
@pytest.mark.parametrize("biases", [False, True])
def test_rows_of_fewer_ratings_than_factors_meet_the_reference(level: str, rank: int, biases: bool) -> None:
    generator = np.random.default_rng(rank)
    edge = 3 * rank // 4
    lengths = [1, 2, 15, 16, 17, edge - 16, edge - 1, edge, edge + 1, rank - 1, rank]
    observed = random_rows(generator, lengths, 400)
    factors = (0.3 * generator.normal(size=(400, rank))).astype(np.float32)
    ridge = generator.uniform(0.5, 3, size=len(lengths)).astype(np.float32)

    solved, losses = solve(observed, Side(factors, None), ridge, biases=biases)

    expected, errors = reference_rows(observed, factors, ridge, with_bias=biases)
    assert worst_relative_error(solved, expected) < 3e-5
    assert losses.squared_error == pytest.approx(errors.sum(), rel=1e-4)


def test_exact_rows_are_right_to_the_last_digits_of_single_precision(level: str) -> None:
    generator = np.random.default_rng(3)
    observed = random_rows(generator, [40, 100, 300], 400)
    factors = (0.3 * generator.normal(size=(400, 50))).astype(np.float32)
    ridge = np.full(3, 5.0, dtype=np.float32)

    solved, _ = solve(observed, Side(factors, None), ridge, biases=True, exact=True)

    expected = reference_rows(observed, factors, ridge, with_bias=True)[0]
    assert worst_relative_error(solved, expected) < 3e-7


@pytest.mark.parametrize("rank", [3, 20])
def test_without_regularisation_a_row_of_few_ratings_is_still_fitted(level: str, rank: int) -> None:
    generator = np.random.default_rng(4)
    observed = random_rows(generator, [2, 1, 50], 60)
    factors = generator.normal(size=(60, rank)).astype(np.float32)

    solved, losses = solve(observed, Side(factors, None), np.zeros(3, dtype=np.float32), biases=False)

    assert np.isfinite(solved.factors).all()
    least = [
        np.linalg.lstsq(factors[c].astype(np.float64), v, rcond=None)[1].sum()
        for c, v in ((observed.columns[s:e], observed.values[s:e]) for s, e in ((0, 2), (2, 3), (3, 53)))
    ]
    assert losses.squared_error == pytest.approx(sum(least), abs=0.05)


def test_a_row_without_ratings_becomes_zero(level: str) -> None:
    observed = random_rows(np.random.default_rng(0), [0, 3, 0], 5)
    solved = Side(np.full((3, 4), 9, dtype=np.float32), np.full(3, 9, dtype=np.float32))
    fixed = Side(np.ones((5, 4), dtype=np.float32), np.zeros(5, dtype=np.float32))

    solve_rows(observed, fixed, solved, ridge=np.ones(3, np.float32), terms=Terms(), n_threads=1)

    assert not solved.factors[[0, 2]].any()
    assert solved.biases is not None
    assert not solved.biases[[0, 2]].any()
    assert solved.factors[1].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_factors_that_are_not_finite_end_in_an_answer_not_a_hang(level: str, bad: float) -> None:
    observed = random_rows(np.random.default_rng(0), [5], 5)
    solved, _ = solve(
        observed, Side(np.full((5, 4), bad, np.float32), None), np.ones(1, np.float32), biases=False
    )
    assert solved.factors.shape == (1, 4)


def test_the_number_of_threads_does_not_change_a_bit(level: str) -> None:
    generator = np.random.default_rng(5)
    observed = random_rows(generator, list(generator.integers(0, 200, size=500)), 300)
    fixed = Side(generator.normal(size=(300, 24)).astype(np.float32), np.zeros(300, dtype=np.float32))
    ridge = np.full(500, 0.3, dtype=np.float32)
    alone, alone_losses = solve(observed, fixed, ridge, biases=True, n_threads=1)
    for n_threads in (2, 3, 7, 16):
        together, losses = solve(observed, fixed, ridge, biases=True, n_threads=n_threads)
        assert np.array_equal(alone.factors, together.factors)
        assert np.array_equal(alone.biases, together.biases)
        assert losses == alone_losses


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_counting_sorts_agree_with_lexsort_and_scipy(data: st.DataObject) -> None:
    n_rows, n_columns = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    pairs = data.draw(
        st.lists(st.tuples(st.integers(0, n_rows - 1), st.integers(0, n_columns - 1)), max_size=60)
    )
    rows = np.array([row for row, _ in pairs], dtype=np.int32)
    columns = np.array([column for _, column in pairs], dtype=np.int32)

    order = _kernels.sort_order(rows, columns, n_rows, n_columns)

    assert np.array_equal(order, np.lexsort((columns, rows)))
    matrix = scipy.sparse.csr_matrix(
        (np.arange(1.0, len(rows) + 1), (rows, columns)), shape=(n_rows, n_columns)
    )
    matrix.sum_duplicates()
    transposed = _kernels.transpose_rows(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float32),
        n_columns,
    )
    expected = matrix.T.tocsr()
    expected.sort_indices()
    assert np.array_equal(transposed[0], expected.indptr)
    assert np.array_equal(transposed[1], expected.indices)
    assert np.array_equal(transposed[2], expected.data)


def test_codes_out_of_range_are_refused() -> None:
    codes = np.array([0, 5], dtype=np.int32)
    with pytest.raises(IndexError, match=r"row 5 at position 1 is outside 0\.\.2"):
        _kernels.sort_order(codes, np.zeros(2, dtype=np.int32), 3, 1)


@pytest.mark.parametrize("rank", [1, 9, 16, 65])
@pytest.mark.parametrize("n_items", [1, 31, 32, 200])
def test_the_best_n_are_those_of_a_full_sort(level: str, rank: int, n_items: int) -> None:
    generator = np.random.default_rng(rank * n_items)
    users = Side(
        generator.normal(size=(70, rank)).astype(np.float32), generator.normal(size=70).astype(np.float32)
    )
    items = Side(
        generator.normal(size=(n_items, rank)).astype(np.float32),
        generator.normal(size=n_items).astype(np.float32),
    )
    seen = random_rows(generator, list(generator.integers(0, n_items + 1, size=70)), n_items)
    asked = generator.permutation(70)[:50].astype(np.int32)

    positions, scores = Ranker(items).best(users, 10, offset=3.5, rows=asked, excluded=seen, n_threads=2)

    full = users.factors.astype(np.float64) @ items.factors.T + items.biases + users.biases[:, None] + 3.5
    for place, user in enumerate(asked):
        allowed = np.setdiff1d(np.arange(n_items), seen.columns[seen.indptr[user] : seen.indptr[user + 1]])
        expected = allowed[np.argsort(-full[user, allowed], kind="stable")][:10]
        found = positions[place][positions[place] >= 0]
        assert np.array_equal(found, expected)
        assert np.allclose(scores[place][: len(found)], full[user, found], atol=1e-4)


def test_equal_scores_keep_the_order_of_the_items(level: str) -> None:
    items = Side(np.ones((100, 2), dtype=np.float32), None)
    positions, _ = Ranker(items).best(Side(np.ones((1, 2), dtype=np.float32), None), 7)
    assert positions[0].tolist() == list(range(7))


def test_one_query_scores_like_many(level: str) -> None:
    generator = np.random.default_rng(6)
    users = Side(generator.normal(size=(64, 33)).astype(np.float32), None)
    ranker = Ranker(Side(generator.normal(size=(500, 33)).astype(np.float32), None))
    positions, scores = ranker.best(users, 20, n_threads=3)
    for user in range(64):
        alone = ranker.best(Side(users.factors[user : user + 1], None), 20)
        assert np.array_equal(alone[0][0], positions[user])
        assert np.array_equal(alone[1][0], scores[user])


@pytest.mark.parametrize("rank", [1, 5, 16, 40])
def test_predictions_of_pairs_are_dot_products_and_biases(level: str, rank: int) -> None:
    generator = np.random.default_rng(7)
    users = Side(
        generator.normal(size=(30, rank)).astype(np.float32), generator.normal(size=30).astype(np.float32)
    )
    items = Side(
        generator.normal(size=(20, rank)).astype(np.float32), generator.normal(size=20).astype(np.float32)
    )
    rows, columns = generator.integers(0, 30, size=99), generator.integers(0, 20, size=99)
    rows[0], columns[1], rows[2], columns[2] = -1, -1, -1, -1

    predicted = predict_pairs(rows, columns, users, items, offset=3.0, n_threads=2)

    expected = (
        3.0 + np.where(rows >= 0, users.biases[rows], 0) + np.where(columns >= 0, items.biases[columns], 0)
    )
    products = (users.factors[rows].astype(np.float64) * items.factors[columns]).sum(axis=1)
    expected = expected + np.where((rows >= 0) & (columns >= 0), products, 0)
    assert np.allclose(predicted, expected, atol=1e-4)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot run the level 'mmx'"):
        _kernels.use_level("mmx")
