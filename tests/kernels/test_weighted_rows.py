"""Weights of ratings in the kernels, against float64 numpy, repeated ratings and absent ones."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, Side, Solver, Terms, solve_rows

from ..conftest import random_rows, remembered

RANKS = [1, 2, 7, 15, 16, 17, 32, 33, 64, 65, 100, 128, 256, 511, 512]
N_COLUMNS = 400
LENGTHS = [0, 1, 2, 399, 17, 130, 0, 64, 250]
EXPLICIT = Terms(offset=3.25)
SEEN = Terms(confidence=2.5, unobserved=0.2)
ALIKE = Terms(confidence=2.5, unobserved=0.2, strength=1.0)
GRADED = Terms(confidence=2.5, unobserved=0.2, graded=True)
KINDS = {"explicit": EXPLICIT, "seen": SEEN, "alike": ALIKE, "graded": GRADED}


def weighted_rows(generator: np.random.Generator, terms: Terms) -> Rows:
    """Rows of all lengths; a fifth of the weights is 0, and with confidence some ratings are thumbs down."""
    rows = random_rows(generator, LENGTHS, N_COLUMNS)
    n = len(rows.values)
    values = rows.values
    if terms.strength is not None:
        values = np.ones_like(values)
    elif terms.graded:
        values = 1 + 0.1 * values
    elif terms.confidence is not None:
        values = values * generator.choice(np.array([1, 1, 1, -1, 0], np.float32), size=n)
    weights = generator.choice([0.0, 0.01, 0.5, 1.0, 30.0], size=n) * generator.uniform(0.5, 1.5, size=n)
    return rows._replace(values=values, weights=weights.astype(np.float32))


def random_side(generator: np.random.Generator, rank: int, *, biases: bool) -> Side:
    side = Side.empty(N_COLUMNS, rank, biases=biases)
    side.factors[:] = 0.4 * generator.normal(size=(N_COLUMNS, rank))
    if side.biases is not None:
        side.biases[:] = 0.2 * generator.normal(size=N_COLUMNS)
    return side


def solve(
    observed: Rows,
    fixed: Side,
    ridge: np.ndarray,
    terms: Terms,
    *,
    solver: Solver = Solver(),  # noqa: B008 - frozen
    n_threads: int = 2,
) -> tuple[np.ndarray, Losses]:
    solved = Side.empty(len(ridge), fixed.factors.shape[1], biases=fixed.biases is not None)
    losses = solve_rows(observed, fixed, solved, ridge=ridge, terms=terms, n_threads=n_threads, solver=solver)
    biases = [] if solved.biases is None else [solved.biases]
    return np.column_stack([solved.factors, *biases]), losses


@remembered
def reference(observed: Rows, fixed: Side, ridge: np.ndarray, terms: Terms) -> tuple[np.ndarray, float]:
    """The solutions in float64, and the squared error over all pairs, seen or not.

    A rating of weight w is w times what a seen pair has that an unseen one lacks, as if it were w ratings.
    """
    factors = fixed.factors.astype(np.float64)
    if fixed.biases is not None:
        factors = np.column_stack([factors, np.ones(len(factors))])
    unseen = terms.unobserved if terms.confidence is not None else 0.0
    prior = unseen * factors.T @ factors
    solutions, total = [], 0.0
    for row in range(observed.n_rows):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        columns, values = observed.columns[part], observed.values[part].astype(np.float64)
        times = (
            np.ones(len(values)) if observed.weights is None else observed.weights[part].astype(np.float64)
        )
        y = factors[columns]
        if terms.confidence is None:
            biases = 0 if fixed.biases is None else fixed.biases[columns].astype(np.float64)
            c, t = np.ones(len(values)), values - terms.offset - biases
        elif terms.graded:
            c = np.full(len(values), terms.confidence)
            t = values
        else:
            c, t = (
                terms.confidence * np.abs(values),
                np.where(values > 0, 1 + unseen / np.maximum(terms.confidence * np.abs(values), 1e-300), 0.0),
            )
        matrix = prior + (y.T * (times * c)) @ y + ridge[row] * np.eye(y.shape[1])
        x = np.linalg.solve(matrix, y.T @ (times * c * t)) if len(values) else np.zeros(len(matrix))
        solutions.append(x)
        s = y @ x
        if terms.confidence is None:
            total += float((times * (t - s) ** 2).sum())
            continue
        # (α₀ + c)(τ − s)² in place of α₀ s², for each of the w ratings.
        tau = t / (1 + unseen / c) if terms.graded else (values > 0).astype(np.float64)
        weight_seen = unseen + c if terms.graded else np.where(values > 0, unseen + c, 0.0)
        of_seen = weight_seen * (tau - s) ** 2 - unseen * s**2
        if not terms.graded:
            of_seen = np.where(values > 0, of_seen, c * s**2)
        total += float((times * of_seen).sum() + x @ prior @ x)
    return np.array(solutions), total


def worst_relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    sizes = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / np.where(sizes > 0, sizes, 1)).max())


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", KINDS)
def test_weighted_rows_meet_the_float64_reference_at_every_rank(level: str, rank: int, name: str) -> None:
    generator = np.random.default_rng(rank)
    terms = KINDS[name]
    observed = weighted_rows(generator, terms)
    fixed = random_side(generator, rank, biases=False)
    ridge = generator.uniform(0.05, 3, size=len(LENGTHS)).astype(np.float32)
    expected, error = reference(observed, fixed, ridge, terms)
    for solver in (Solver(), Solver(exact=True)):
        found, losses = solve(observed, fixed, ridge, terms, solver=solver)
        assert worst_relative_error(found, expected) < 1e-4
        assert losses.squared_error == pytest.approx(error, rel=1e-4)
        assert losses.penalty == pytest.approx((ridge[:, None] * expected**2).sum(), rel=1e-4)


@pytest.mark.parametrize("rank", RANKS)
def test_weighted_rows_with_biases_meet_the_float64_reference_at_every_rank(level: str, rank: int) -> None:
    generator = np.random.default_rng(rank)
    observed = weighted_rows(generator, EXPLICIT)
    fixed = random_side(generator, rank, biases=True)
    ridge = generator.uniform(0.05, 3, size=len(LENGTHS)).astype(np.float32)
    expected, error = reference(observed, fixed, ridge, EXPLICIT)
    for solver in (Solver(), Solver(exact=True)):
        found, losses = solve(observed, fixed, ridge, EXPLICIT, solver=solver)
        assert worst_relative_error(found, expected) < 1e-4
        assert losses.squared_error == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("rank", [32, 128, 300])
@pytest.mark.parametrize("biases", [False, True])
def test_weighted_rows_of_fewer_ratings_than_factors_meet_the_reference(
    level: str, rank: int, biases: bool
) -> None:
    generator = np.random.default_rng(rank)
    edge = 3 * rank // 4
    lengths = [1, 2, 15, 16, 17, edge - 16, edge - 1, edge, edge + 1, rank - 1, rank]
    observed = random_rows(generator, lengths, N_COLUMNS)
    weights = generator.uniform(0, 3, size=len(observed.values)).astype(np.float32)
    observed = observed._replace(weights=weights)
    fixed = random_side(generator, rank, biases=biases)
    ridge = generator.uniform(0.5, 3, size=len(lengths)).astype(np.float32)
    found, losses = solve(observed, fixed, ridge, EXPLICIT)
    expected, error = reference(observed, fixed, ridge, EXPLICIT)
    assert worst_relative_error(found, expected) < 1e-5
    assert losses.squared_error == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("solver", ["cg", "subspace"])
@pytest.mark.parametrize("name", ["seen", "alike", "graded"])
@pytest.mark.parametrize("rank", [3, 16, 40, 128])
def test_steps_on_weighted_rows_end_at_the_reference(level: str, rank: int, name: str, solver: str) -> None:
    generator = np.random.default_rng(rank)
    terms = KINDS[name]
    observed = weighted_rows(generator, terms)
    fixed = random_side(generator, rank, biases=False)
    ridge = generator.uniform(1, 3, size=len(LENGTHS)).astype(np.float32)
    found, losses = solve(observed, fixed, ridge, terms, solver=Solver(solver, 400))
    expected, error = reference(observed, fixed, ridge, terms)
    assert worst_relative_error(found, expected) < 1e-3
    assert losses.squared_error == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("rank", [8, 64])
@pytest.mark.parametrize("name", ["explicit", "seen"])
def test_badly_conditioned_weighted_rows_are_refined(level: str, rank: int, shift: float, name: str) -> None:
    generator = np.random.default_rng(2)
    terms = KINDS[name]
    observed = weighted_rows(generator, terms)
    fixed = random_side(generator, rank, biases=False)
    fixed.factors[:] += np.float32(shift)
    ridge = np.full(len(LENGTHS), 1e-2, dtype=np.float32)
    found, _ = solve(observed, fixed, ridge, terms, solver=Solver(exact=True))
    assert worst_relative_error(found, reference(observed, fixed, ridge, terms)[0]) < 1e-4


def test_weighted_rows_that_only_double_precision_can_solve_meet_the_reference(level: str) -> None:
    generator = np.random.default_rng(4)
    observed = random_rows(generator, [12, 25, 40], N_COLUMNS)
    weights = generator.uniform(0.1, 5, size=len(observed.values)).astype(np.float32)
    observed = observed._replace(weights=weights)
    fixed = random_side(generator, 30, biases=False)
    fixed.factors[:] = 1 + 1e-3 * fixed.factors
    ridge = np.full(3, 1e-5, dtype=np.float32)
    found, losses = solve(observed, fixed, ridge, EXPLICIT, solver=Solver(exact=True))
    expected, error = reference(observed, fixed, ridge, EXPLICIT)
    penalty = float((ridge[:, None] * expected**2).sum())
    assert losses.squared_error + losses.penalty == pytest.approx(error + penalty, rel=1e-5)
    y = fixed.factors.astype(np.float64)
    for row in range(3):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        y_row, times = y[observed.columns[part]], weights[part].astype(np.float64)
        misses = [
            times @ (observed.values[part] - 3.25 - y_row @ x) ** 2 + ridge[row] * x @ x
            for x in (found[row].astype(np.float64), expected[row])
        ]
        assert misses[0] == pytest.approx(misses[1], rel=1e-5)


@pytest.mark.parametrize("rank", [1, 16, 33, 64, 128])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_weights_of_one_give_the_very_bits_of_none(level: str, rank: int, biases: bool, name: str) -> None:
    generator = np.random.default_rng(rank)
    terms = KINDS[name]
    biases = biases and terms.confidence is None
    observed = weighted_rows(generator, terms)
    fixed = random_side(generator, rank, biases=biases)
    ridge = generator.uniform(0.05, 3, size=len(LENGTHS)).astype(np.float32)
    solvers = [Solver(), Solver(exact=True)]
    if not biases:
        solvers += [Solver("cg", 3), Solver("subspace", 1)]
    for solver in solvers:
        plain = solve(observed._replace(weights=None), fixed, ridge, terms, solver=solver)
        ones = solve(
            observed._replace(weights=np.ones_like(observed.values)), fixed, ridge, terms, solver=solver
        )
        assert np.array_equal(plain[0], ones[0])
        assert plain[1] == ones[1]


@pytest.mark.parametrize("rank", [5, 32, 100])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_whole_weights_are_repeated_ratings_and_zeros_are_none(
    level: str, rank: int, biases: bool, name: str
) -> None:
    generator = np.random.default_rng(rank)
    terms = KINDS[name]
    rows = weighted_rows(generator, terms)
    times = generator.integers(0, 4, size=len(rows.values))
    fixed = random_side(generator, rank, biases=biases and terms.confidence is None)
    ridge = generator.uniform(0.5, 3, size=len(LENGTHS)).astype(np.float32)
    before = np.concatenate([[0], np.cumsum(times)])
    repeated = Rows(before[rows.indptr], np.repeat(rows.columns, times), np.repeat(rows.values, times))
    found, losses = solve(rows._replace(weights=times.astype(np.float32)), fixed, ridge, terms)
    expected, expected_losses = solve(repeated, fixed, ridge, terms)
    assert worst_relative_error(found, expected) < 1e-5
    assert losses.squared_error == pytest.approx(expected_losses.squared_error, rel=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_a_row_whose_weights_are_all_zero_is_that_of_nobody(level: str, name: str) -> None:
    generator = np.random.default_rng(0)
    terms = KINDS[name]
    observed = weighted_rows(generator, terms)
    observed = observed._replace(weights=np.zeros_like(observed.values))
    fixed = random_side(generator, 20, biases=terms.confidence is None)
    ridge = np.full(len(LENGTHS), 0.1, dtype=np.float32)
    for solver in (Solver(), Solver(exact=True)):
        found, losses = solve(observed, fixed, ridge, terms, solver=solver)
        assert not found.any()
        assert (losses.squared_error, losses.penalty) == (0, 0)


def test_a_weighted_answer_is_the_same_for_any_number_of_threads(level: str) -> None:
    generator = np.random.default_rng(0)
    observed = weighted_rows(generator, EXPLICIT)
    fixed = random_side(generator, 48, biases=True)
    ridge = np.full(len(LENGTHS), 0.5, dtype=np.float32)
    alone = solve(observed, fixed, ridge, EXPLICIT, n_threads=1)
    for n_threads in (2, 3, 7):
        together = solve(observed, fixed, ridge, EXPLICIT, n_threads=n_threads)
        assert np.array_equal(alone[0], together[0])
        assert alone[1] == together[1]


def test_a_long_weighted_row_that_threads_divide_meets_the_reference(level: str) -> None:
    generator = np.random.default_rng(0)
    n, rank = 17_000, 512
    columns = generator.integers(0, N_COLUMNS, size=n).astype(np.int32)
    values = generator.integers(1, 6, size=n).astype(np.float32)
    weights = generator.uniform(0, 2, size=n).astype(np.float32)
    observed = Rows(np.array([0, n]), columns, values, weights)
    fixed = random_side(generator, rank, biases=True)
    ridge = np.full(1, 5.0, dtype=np.float32)
    alone = solve(observed, fixed, ridge, EXPLICIT, n_threads=1)
    assert worst_relative_error(alone[0], reference(observed, fixed, ridge, EXPLICIT)[0]) < 1e-4
    assert np.array_equal(alone[0], solve(observed, fixed, ridge, EXPLICIT, n_threads=3)[0])


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("rank", [1, 16, 33, 128])
def test_weighted_draws_have_the_mean_and_the_noise_of_their_precision(
    level: str, rank: int, biases: bool
) -> None:
    generator = np.random.default_rng(rank)
    observed = weighted_rows(generator, EXPLICIT)
    fixed = random_side(generator, rank, biases=biases)
    size = rank + biases
    root = generator.normal(size=(size, size)) / np.sqrt(size)
    prior = 3 * root @ root.T + np.eye(size)
    shift = generator.normal(size=(1, rank + 1)).astype(np.float32)
    solved = [Side.empty(observed.n_rows, rank, biases=biases) for _ in range(2)]
    for side, spread in zip(solved, (0.0, 1.0), strict=True):
        solve_rows(
            observed,
            fixed,
            side,
            ridge=np.zeros(observed.n_rows, np.float32),
            terms=EXPLICIT,
            n_threads=2,
            solver=Solver(spread=spread, seed=3, same_noise=True),
            prior=prior,
            shift=shift,
        )
    mean, drawn = (
        np.column_stack([side.factors, *([] if side.biases is None else [side.biases])]).astype(np.float64)
        for side in solved
    )
    lengths = []
    for row in range(observed.n_rows):
        part = slice(observed.indptr[row], observed.indptr[row + 1])
        columns = observed.columns[part]
        y = np.column_stack([fixed.factors[columns].astype(np.float64), np.ones(len(columns))])[:, :size]
        times = observed.weights[part].astype(np.float64)
        targets = observed.values[part] - 3.25 - (0 if fixed.biases is None else fixed.biases[columns])
        matrix = prior + (y.T * times) @ y
        expected = np.linalg.solve(matrix, shift[0, :size] + y.T @ (times * targets))
        assert np.abs(mean[row] - expected).max() < 1e-4 * max(1, np.abs(expected).max())
        away = drawn[row] - mean[row]
        lengths.append(away @ matrix @ away)
    # All rows draw with the same noise, so (x − mean)ᵀ A (x − mean) is its squared length for each of them.
    assert np.allclose(lengths, lengths[0], rtol=1e-2)
    assert lengths[0] > 0
