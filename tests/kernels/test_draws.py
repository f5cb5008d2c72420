"""Rows with a prior of their own, their draws, and sparse products, against float64 numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import CHOLESKY, TO_THE_LAST_DIGIT, Losses, Side, Solver, Terms, solve_rows

from ..conftest import random_rows, remembered

RANKS = [1, 2, 7, 15, 16, 17, 32, 33, 64, 65, 128, 512]
OFFSET = 3.25


def bordered(side: Side) -> np.ndarray:
    """Factors and, if there are any, biases; in float64."""
    factors = side.factors.astype(np.float64)
    return factors if side.biases is None else np.column_stack([factors, side.biases])


def systems(observed: Rows, fixed: Side, prior: np.ndarray, shift: np.ndarray) -> list[tuple]:
    """The rows' A, b, factors and targets, of the size of the prior, by the design's table."""
    found = []
    size = len(prior)
    for row, (begin, end) in enumerate(zip(observed.indptr[:-1], observed.indptr[1:], strict=True)):
        columns = observed.columns[begin:end]
        factors = np.column_stack([fixed.factors[columns].astype(np.float64), np.ones(end - begin)])[:, :size]
        targets = observed.values[begin:end].astype(np.float64) - OFFSET
        if fixed.biases is not None:
            targets -= fixed.biases[columns]
        q = shift[row % len(shift), :size].astype(np.float64)
        found.append((prior + factors.T @ factors, q + factors.T @ targets, factors, targets))
    return found


@remembered
def expected_rows(
    observed: Rows, fixed: Side, prior: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """The solutions in float64, the sum of their errors, and that of the squared targets."""
    rows = systems(observed, fixed, prior, shift)
    found = np.array([np.linalg.solve(A, b) for A, b, _, _ in rows])
    errors = [
        documented_error(x, system, prior, shift[row % len(shift)])
        for row, (x, system) in enumerate(zip(found, rows, strict=True))
    ]
    return found, sum(errors), sum(float((targets**2).sum()) for _, _, _, targets in rows)


def documented_error(x: np.ndarray, system: tuple, prior: np.ndarray, shift: np.ndarray) -> float:
    """Σ (t − yᵀx − bias)² + xᵀ·prior·x − 2 shiftᵀx."""
    _, _, factors, targets = system
    return float(((targets - factors @ x) ** 2).sum() + x @ prior @ x - 2 * shift[: len(x)] @ x)


def random_prior(generator: np.random.Generator, size: int) -> np.ndarray:
    """A well-posed precision matrix that is far from diagonal."""
    root = generator.normal(size=(size, size)) / np.sqrt(size)
    return 3 * root @ root.T + np.eye(size)


def random_side(generator: np.random.Generator, n: int, rank: int, *, biases: bool) -> Side:
    side = Side.empty(n, rank, biases=biases)
    side.factors[:] = 0.4 * generator.normal(size=(n, rank))
    if side.biases is not None:
        side.biases[:] = 0.2 * generator.normal(size=n)
    return side


def solve(
    observed: Rows, fixed: Side, prior: np.ndarray, shift: np.ndarray, solver: Solver, n_threads: int = 2
) -> tuple[np.ndarray, Losses]:
    n_rows = len(observed.indptr) - 1
    solved = Side.empty(n_rows, fixed.factors.shape[1], biases=fixed.biases is not None)
    losses = solve_rows(
        observed,
        fixed,
        solved,
        ridge=np.zeros(n_rows, dtype=np.float32),
        terms=Terms(offset=OFFSET),
        n_threads=n_threads,
        solver=solver,
        prior=prior,
        shift=shift,
    )
    return bordered(solved), losses


def worst_relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float((np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)).max())


# ---- means --------------------------------------------------------------------------------------


def test_the_error_is_right_where_single_precision_cannot_factorise_the_prior(level: str) -> None:
    generator = np.random.default_rng(3)
    observed = random_rows(generator, [2, 0, 3], 20)
    fixed = random_side(generator, 20, 6, biases=True)
    direction = generator.normal(size=7)
    prior = 1e6 * np.outer(direction, direction) + 1e-3 * np.eye(7)
    shift = generator.normal(size=(1, 7)).astype(np.float32)
    found, losses = solve(observed, fixed, prior, shift, CHOLESKY)
    assert np.isfinite(found).all()
    rows = systems(observed, fixed, prior, shift)
    expected = [documented_error(x, row, prior, shift[0]) for x, row in zip(found, rows, strict=True)]
    assert losses.squared_error == pytest.approx(sum(expected), rel=1e-4)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("biases", [False, True])
def test_rows_with_a_prior_and_a_shift_meet_the_float64_reference(
    level: str, rank: int, biases: bool
) -> None:
    generator = np.random.default_rng(rank)
    lengths = [0, 1, 2, 399, 17, 130, 0, 64, 1]
    observed = random_rows(generator, lengths, 400)
    fixed = random_side(generator, 400, rank, biases=biases)
    prior = random_prior(generator, rank + biases)
    for n_shifts in (1, len(lengths)):
        shift = generator.normal(size=(n_shifts, rank + 1)).astype(np.float32)
        expected, error, size = expected_rows(observed, fixed, prior, shift)
        for solver, tolerance in ((CHOLESKY, 1e-4), (TO_THE_LAST_DIGIT, 1e-6)):
            found, losses = solve(observed, fixed, prior, shift, solver)
            assert worst_relative_error(found, expected) < tolerance
            assert losses.squared_error == pytest.approx(error, abs=1e-5 * size)


@pytest.mark.parametrize("rank", [1, 17, 33])
@pytest.mark.parametrize("biases", [False, True])
def test_a_row_of_a_hundred_thousand_ratings_with_a_prior_meets_the_reference(
    level: str, rank: int, biases: bool
) -> None:
    generator = np.random.default_rng(1)
    observed = random_rows(generator, [100_000, 3], 120_000)
    fixed = random_side(generator, 120_000, rank, biases=biases)
    fixed.factors[:] += 0.3
    prior = random_prior(generator, rank + biases)
    shift = generator.normal(size=(1, rank + 1)).astype(np.float32)
    expected, _, _ = expected_rows(observed, fixed, prior, shift)
    for solver, tolerance in ((CHOLESKY, 1e-4), (TO_THE_LAST_DIGIT, 1e-6)):
        assert worst_relative_error(solve(observed, fixed, prior, shift, solver)[0], expected) < tolerance


def test_exact_rows_stand_a_prior_of_a_condition_of_a_million(level: str) -> None:
    generator = np.random.default_rng(6)
    observed = random_rows(generator, [0, 3, 40], 60)
    fixed = random_side(generator, 60, 9, biases=True)
    directions = np.linalg.qr(generator.normal(size=(10, 10)))[0]
    prior = directions @ np.diag(np.logspace(-3, 3, 10)) @ directions.T
    prior = (prior + prior.T) / 2
    shift = generator.normal(size=(3, 11))[:, :10].astype(np.float32)
    expected = np.array([np.linalg.solve(A, b) for A, b, _, _ in systems(observed, fixed, prior, shift)])
    found, _ = solve(observed, fixed, prior, shift, TO_THE_LAST_DIGIT)
    assert worst_relative_error(found, expected) < 1e-5


def test_a_shift_of_another_shape_is_refused() -> None:
    generator = np.random.default_rng(0)
    observed, fixed = random_rows(generator, [2, 2, 2], 5), random_side(generator, 5, 3, biases=True)
    for shape in ((1, 3), (2, 4), (4, 4)):
        with pytest.raises(ValueError, match=r"shift belongs to a prior and has n_factors \+ 1 columns"):
            solve(observed, fixed, np.eye(4), np.zeros(shape, dtype=np.float32), CHOLESKY)
    with pytest.raises(ValueError, match="prior must be n_factors × n_factors, and one larger with biases"):
        solve(observed, fixed, np.eye(3), np.zeros((1, 4), dtype=np.float32), CHOLESKY)


# ---- draws --------------------------------------------------------------------------------------


def philox(seed: int, row: int, place: int) -> list[int]:
    """Philox 4x32 with ten rounds, by the paper (Salmon et al. 2011), for the counter (row, place, 0)."""
    mask = 2**32 - 1
    a, b, c, d = row & mask, row >> 32, place & mask, place >> 32
    low, high = seed & mask, seed >> 32
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ low, second & mask, (first >> 32) ^ d ^ high, first & mask
        low, high = (low + 0x9E3779B9) & mask, (high + 0xBB67AE85) & mask
    return [a, b, c, d]


def normals(seed: int, row: int, n: int) -> np.ndarray:
    """Box and Muller's numbers from 24 bits of Philox's each."""
    drawn = np.array([philox(seed, row, place) for place in range(-(-n // 4))], dtype=np.uint64)
    uniform = (drawn >> np.uint64(8)).astype(np.float64).reshape(-1, 2) / 2**24
    lengths, angles = np.sqrt(-2 * np.log(uniform[:, 0] + 2.0**-25)), 2 * np.pi * uniform[:, 1]
    return np.column_stack([lengths * np.cos(angles), lengths * np.sin(angles)]).ravel()[:n]


@pytest.mark.parametrize(
    ("seed", "row", "place", "expected"),
    [
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0x299F31D0A4093822, 0x85A308D3243F6A88, 0x0370734413198A2E, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_the_reference_gives_the_known_answers_of_random123(
    seed: int, row: int, place: int, expected: str
) -> None:
    assert " ".join(f"{number:08x}" for number in philox(seed, row, place)) == expected


def noise(n_rows: int, n_factors: int, seed: int, n_threads: int = 2, **how: bool) -> np.ndarray:
    """What rows without ratings draw where the prior is the identity: the plain numbers, the bias last."""
    nothing = Rows(np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    fixed = Side.empty(1, n_factors, biases=True)
    shift = np.zeros((1, n_factors + 1), dtype=np.float32)
    solver = Solver(spread=1.0, seed=seed, **how)
    return solve(nothing, fixed, np.eye(n_factors + 1), shift, solver, n_threads)[0]


@pytest.mark.parametrize("rank", [1, 2, 3, 6, 16, 33])
def test_the_numbers_drawn_are_philoxs(level: str, rank: int) -> None:
    for seed in (0, 7, 2**32 + 5, 2**63 - 1):
        expected = np.array([normals(seed, row, rank + 1) for row in range(9)])
        # Lengths near 0 come from logarithms near 0, which single precision has in steps.
        assert np.abs(noise(9, rank, seed) - expected).max() < 5e-4


@pytest.mark.parametrize("rank", [1, 7, 16, 33, 65])
@pytest.mark.parametrize("biases", [False, True])
def test_a_draw_is_the_mean_and_the_factors_inverse_times_the_noise(
    level: str, rank: int, biases: bool
) -> None:
    generator = np.random.default_rng(rank)
    observed = random_rows(generator, [0, 1, 5, 70, 300], 400)
    fixed = random_side(generator, 400, rank, biases=biases)
    prior = random_prior(generator, rank + biases)
    shift = generator.normal(size=(5, rank + 1)).astype(np.float32)
    spread = 0.7

    found, losses = solve(observed, fixed, prior, shift, Solver(spread=spread, seed=11))

    rows = systems(observed, fixed, prior, shift)
    expected = np.array(
        [
            np.linalg.solve(A, b)
            + spread * np.linalg.solve(np.linalg.cholesky(A).T, normals(11, row, rank + 1)[: len(A)])
            for row, (A, b, _, _) in enumerate(rows)
        ]
    )
    assert np.abs(found - expected).max() < 1e-3
    # Even so the error is that of the draw, and not of the mean.
    errors = [documented_error(*each, prior, q) for *each, q in zip(found, rows, shift, strict=True)]  # type: ignore[call-arg]
    assert losses.squared_error == pytest.approx(sum(errors), rel=1e-4)


def standardised(draws: np.ndarray, system: tuple, spread: float) -> np.ndarray:
    """Draws less their mean, turned and scaled so that they should be independent standard normals."""
    A, b, _, _ = system
    return (draws - np.linalg.solve(A, b)) @ np.linalg.cholesky(A) / spread


@pytest.mark.parametrize("n_ratings", [0, 1, 40])
@pytest.mark.parametrize("biases", [False, True])
def test_draws_have_the_mean_and_the_covariance_of_the_posterior(
    level: str, n_ratings: int, biases: bool
) -> None:
    generator = np.random.default_rng(3)
    n_rows, rank, spread = 20_000, 5, 0.6
    one = random_rows(generator, [n_ratings], 50)
    indptr = np.arange(n_rows + 1, dtype=np.int64) * n_ratings
    observed = Rows(indptr, np.tile(one.columns, n_rows), np.tile(one.values, n_rows))
    fixed = random_side(generator, 50, rank, biases=biases)
    prior = random_prior(generator, rank + biases)
    shift = generator.normal(size=(1, rank + 1)).astype(np.float32)

    found, _ = solve(observed, fixed, prior, shift, Solver(spread=spread, seed=5))

    numbers = standardised(found, systems(one, fixed, prior, shift)[0], spread)
    # Five standard errors: of a mean 1/√n, of a covariance 1/√n and of a variance √(2/n).
    assert np.abs(numbers.mean(axis=0)).max() < 5 / np.sqrt(n_rows)
    covariance = np.cov(numbers.T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 5 / np.sqrt(n_rows)
    assert np.abs(np.diag(covariance) - 1).max() < 5 * np.sqrt(2 / n_rows)
    assert scipy.stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3


def test_draws_of_many_seeds_are_normal_as_well() -> None:
    generator = np.random.default_rng(4)
    observed = random_rows(generator, [30], 50)
    fixed = random_side(generator, 50, 3, biases=True)
    prior, shift = random_prior(generator, 4), generator.normal(size=(1, 4)).astype(np.float32)
    drawn = [solve(observed, fixed, prior, shift, Solver(spread=1.0, seed=s), 1)[0][0] for s in range(4000)]
    numbers = standardised(np.array(drawn), systems(observed, fixed, prior, shift)[0], 1.0)
    assert np.abs(numbers.mean(axis=0)).max() < 5 / np.sqrt(4000)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(4)).max() < 5 / np.sqrt(4000)
    assert scipy.stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3


def test_the_tails_are_as_heavy_as_a_normals(level: str) -> None:
    numbers = noise(62_500, 15, seed=1).ravel()
    assert scipy.stats.kstest(numbers, "norm").pvalue > 1e-3
    for far in (2, 3, 4):
        expected = len(numbers) * 2 * scipy.stats.norm.sf(far)
        assert abs(np.count_nonzero(np.abs(numbers) > far) - expected) < 5 * np.sqrt(expected)
    # 24 bits reach so far; the share of a normal beyond it is 4e-9.
    assert np.abs(numbers).max() <= np.sqrt(-2 * np.log(2.0**-25)) + 1e-5


def test_places_rows_and_seeds_draw_independently() -> None:
    drawn = noise(40_000, 8, seed=2)
    least = 5 / np.sqrt(len(drawn))
    assert np.abs(np.corrcoef(drawn.T) - np.eye(9)).max() < least
    assert np.abs(np.corrcoef((drawn**2).T) - np.eye(9)).max() < least
    numbers = drawn.ravel()
    for other in (np.roll(drawn, 1, axis=0), noise(40_000, 8, seed=3), noise(40_000, 8, seed=2 + 2**32)):
        assert abs(np.corrcoef(numbers, other.ravel())[0, 1]) < 5 / np.sqrt(len(numbers))
        assert abs(np.corrcoef(numbers**2, other.ravel() ** 2)[0, 1]) < 5 / np.sqrt(len(numbers))
    assert len(np.unique(drawn[:, 0])) > 0.99 * len(drawn)


def test_a_draw_is_the_same_for_any_number_of_threads_and_rows(level: str) -> None:
    generator = np.random.default_rng(5)
    observed = random_rows(generator, list(generator.integers(0, 200, size=500)), 300)
    fixed = random_side(generator, 300, 24, biases=True)
    prior, shift = random_prior(generator, 25), generator.normal(size=(500, 25)).astype(np.float32)
    solver = Solver(spread=0.5, seed=9)
    alone, losses = solve(observed, fixed, prior, shift, solver, 1)
    for n_threads in (2, 5):
        together, same_losses = solve(observed, fixed, prior, shift, solver, n_threads)
        assert np.array_equal(alone, together)
        assert losses == same_losses
    end = observed.indptr[100]
    first = Rows(observed.indptr[:101], observed.columns[:end], observed.values[:end])
    assert np.array_equal(solve(first, fixed, prior, shift[:100], solver)[0], alone[:100])


def test_with_the_same_noise_all_rows_draw_what_the_first_does(level: str) -> None:
    drawn = noise(50, 6, seed=13, same_noise=True)
    assert np.array_equal(drawn, np.tile(noise(1, 6, seed=13), (50, 1)))


# ---- sparse products ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 15, 33, 48])
def test_a_sparse_matrix_times_a_dense_one_is_scipys(level: str, width: int) -> None:
    generator = np.random.default_rng(width)
    lengths = [0, 1, 3, 4, 5, 0, 8, 13, 90, 0]
    rows = random_rows(generator, lengths, 90)
    rows = rows._replace(values=generator.normal(size=len(rows.values)).astype(np.float32))
    dense = generator.normal(size=(90, width)).astype(np.float32)
    expected = scipy.sparse.csr_matrix((rows.values.astype(np.float64), rows.columns, rows.indptr)) @ dense
    for n_threads in (1, 3):
        product = np.full((len(lengths), width), np.nan, dtype=np.float32)
        _kernels.multiply_sparse(*rows[:3], dense, product, n_threads)
        assert np.allclose(product, expected, rtol=1e-5, atol=1e-5)
        assert not product[[0, 5, 9]].any()


def test_a_long_sparse_product_is_scipys_for_any_number_of_threads(level: str) -> None:
    matrix = scipy.sparse.random(3000, 700, density=0.05, format="csr", dtype=np.float32, random_state=0)
    dense = np.random.default_rng(0).normal(size=(700, 33)).astype(np.float32)
    products = []
    for n_threads in (1, 2, 5):
        products.append(np.empty((3000, 33), dtype=np.float32))
        indptr, columns = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        _kernels.multiply_sparse(indptr, columns, matrix.data, dense, products[-1], n_threads)
    assert np.allclose(products[0], matrix.astype(np.float64) @ dense, atol=1e-5)
    assert np.array_equal(products[0], products[1])
    assert np.array_equal(products[0], products[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(2, np.float32)}, "indptr must end at the number of columns and values"),
        ({"indptr": np.array([0, 1, 2])}, "indptr must end at the number of columns and values"),
        ({"columns": np.array([0, 1, 4], np.int32)}, "a column lies outside the dense matrix"),
        ({"columns": np.array([0, -1, 2], np.int32)}, "a column lies outside the dense matrix"),
        ({"product": np.zeros((3, 5), np.float32)}, "product must have a row for each row and a column"),
        ({"product": np.zeros((2, 4), np.float32)}, "product must have a row for each row and a column"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(change: dict, message: str) -> None:
    arguments = {
        "indptr": np.array([0, 1, 3]),
        "columns": np.array([0, 1, 3], np.int32),
        "values": np.ones(3, np.float32),
        "dense": np.ones((4, 5), np.float32),
        "product": np.zeros((2, 5), np.float32),
    }
    with pytest.raises(ValueError, match=message):
        _kernels.multiply_sparse(**{**arguments, **change}, n_threads=1)
