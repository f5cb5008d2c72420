"""Random rows from the edges of what the models accept, against extended precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import Side, Solver, Terms, as_ridge, bias_of, solve_rows

from .extended_reference import ExtendedRow

# MATINEE_EXTREME_ROWS=10000 is the whole measurement, with factors up to 512; it takes half an hour.
N_ROWS = int(os.environ.get("MATINEE_EXTREME_ROWS", "800"))
LARGEST_RANK = 512 if N_ROWS >= 10_000 else 96
BATCHES = 8
LARGEST_CONDITION = 1e12

# Rounding the minimum alone to single precision can raise the objective by more than this.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Row:
    """A row as the kernel takes it, and the same in extended precision."""

    observed: Rows
    fixed: Side
    terms: Terms
    ridge: np.ndarray
    prior: np.ndarray | None
    shift: np.ndarray | None
    reference: ExtendedRow

    def solve(self, level: str, solver: Solver, start: np.ndarray | None = None) -> np.ndarray:
        """The kernel's answer, the bias behind the factors."""
        has_bias = self.fixed.biases is not None
        solved = Side.empty(1, self.fixed.factors.shape[1], biases=has_bias)
        if start is not None:
            solved.factors[:] = start
        _kernels.use_level(level)
        solve_rows(
            self.observed,
            self.fixed,
            solved,
            ridge=self.ridge,
            terms=self.terms,
            n_threads=1,
            solver=solver,
            prior=self.prior,
            shift=self.shift,
        )
        return solved.factors[0] if solved.biases is None else np.append(solved.factors[0], solved.biases)


def logarithmic(generator: np.random.Generator, low: float, high: float) -> float:
    return float(10 ** generator.uniform(np.log10(low), np.log10(high)))


def random_factors(generator: np.random.Generator, n: int, rank: int) -> np.ndarray:
    """Factors of one of the shapes that make rows hard: graded, nearly equal columns, nearly constant."""
    factors = generator.normal(size=(n, rank))
    kind = generator.integers(5)
    if kind == 1:
        factors *= np.geomspace(1, logarithmic(generator, 1e-6, 1), rank)
    if kind == 2:
        half = (rank + 1) // 2
        factors[:, half:] = factors[:, : rank - half] + logarithmic(generator, 1e-7, 1e-1) * factors[:, half:]
    if kind == 3:
        factors = 1 + logarithmic(generator, 1e-6, 1) * factors
    if kind == 4:
        factors = factors @ (generator.normal(size=(rank, rank)) * np.geomspace(1, 1e-5, rank)[:, None])
    return (logarithmic(generator, 1e-2, 1e2) * factors).astype(np.float32)


def random_row(generator: np.random.Generator, largest_rank: int) -> Row:
    """Explicit ratings or confidence, with and without a bias, a prior and a shift."""
    rank = int(largest_rank ** (generator.random() ** 1.5))
    n = 1 if generator.random() < 0.1 else int(generator.integers(1, 2 * rank + 20))
    fixed = random_factors(generator, n + int(generator.integers(0, rank + 5)), rank)
    columns = np.sort(generator.choice(len(fixed), size=n, replace=False)).astype(np.int32)
    ridge = as_ridge(np.array([0.0 if generator.random() < 0.2 else logarithmic(generator, 1e-9, 1e6)]))
    if generator.random() < 0.4:
        return confidence_row(generator, fixed, columns, ridge)
    return explicit_row(generator, fixed, columns, ridge)


def confidence_row(
    generator: np.random.Generator, fixed: np.ndarray, columns: np.ndarray, ridge: np.ndarray
) -> Row:
    strengths = np.exp(generator.normal(size=len(columns)) * generator.choice([0, 1, 3]))
    values = (strengths * generator.choice([1, 1, 1, 1, -1], size=len(columns))).astype(np.float32)
    confidence = float(np.float32(logarithmic(generator, 1e-8, 1e8)))
    unobserved = 0.0 if generator.random() < 0.2 else float(np.float32(logarithmic(generator, 1e-8, 1e2)))
    terms = Terms(confidence=confidence, unobserved=unobserved)
    # A seen item is the target 1 of the weight c and, in the prior, of the weight α₀.
    extended = fixed.astype(np.longdouble)
    prior = unobserved * (fixed.T.astype(np.float64) @ fixed.astype(np.float64))
    weights = np.longdouble(confidence) * np.abs(values.astype(np.longdouble))
    shift = unobserved * (values > 0).astype(np.longdouble) @ extended[columns]
    at_zero = ((values > 0) * (unobserved + weights)).sum()
    return with_reference(
        fixed, columns, values, terms, ridge, prior, None, weights, values > 0, shift, at_zero=at_zero
    )


def explicit_row(
    generator: np.random.Generator, fixed: np.ndarray, columns: np.ndarray, ridge: np.ndarray
) -> Row:
    n, rank = len(columns), fixed.shape[1]
    has_bias, has_prior = generator.random() < 0.5, generator.random() < 0.4
    targets = generator.normal(size=n)
    if generator.random() < 0.5:  # what the factors explain, but for a little
        planted = fixed[columns].astype(np.float64) @ generator.normal(size=rank)
        targets = planted / (np.abs(planted).max() or 1) + logarithmic(generator, 1e-8, 1e-1) * targets
    values = (logarithmic(generator, 1e-3, 1e15) * targets).astype(np.float32)
    biases = (values.std() * generator.normal(size=len(fixed))).astype(np.float32) if has_bias else None
    offset = float(values.mean()) if has_bias else 0.0
    exact_targets = values.astype(np.longdouble) - offset
    if biases is not None:
        exact_targets -= biases[columns]
    prior = shift = None
    exact_shift = np.zeros(rank + has_bias, dtype=np.longdouble)
    if has_prior:
        root = generator.normal(size=(rank + has_bias, rank + has_bias)) * logarithmic(generator, 1e-3, 1e2)
        prior = root.T @ root / len(root)
        if generator.random() < 0.5:
            shift = np.zeros((1, rank + 1), dtype=np.float32)
            shift[0, : rank + has_bias] = (prior @ generator.normal(size=len(prior))) * values.std()
            exact_shift = shift[0, : rank + has_bias].astype(np.longdouble)
    weights = np.ones(n)
    return with_reference(
        fixed,
        columns,
        values,
        Terms(offset=offset),
        ridge,
        prior,
        shift,
        weights,
        exact_targets,
        exact_shift,
        biases,
    )


def with_reference(
    fixed: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    terms: Terms,
    ridge: np.ndarray,
    prior: np.ndarray | None,
    shift: np.ndarray | None,
    weights: np.ndarray,
    targets: np.ndarray,
    extended_shift: np.ndarray,
    biases: np.ndarray | None = None,
    at_zero: np.longdouble | None = None,
) -> Row:
    """The row, with its ridge raised until its condition number is no larger than the largest."""
    seen = fixed[columns].astype(np.longdouble)
    if biases is not None:
        seen = np.column_stack([seen, np.ones(len(seen))])
    matrix = (seen.T * weights) @ seen + (0 if prior is None else prior)
    largest = float(np.linalg.eigvalsh(matrix.astype(np.float64))[-1])
    ridge = np.maximum(ridge, np.float32(largest / LARGEST_CONDITION))
    reference = ExtendedRow(
        seen,
        weights.astype(np.longdouble),
        targets.astype(np.longdouble),
        None if prior is None else prior.astype(np.longdouble),
        float(ridge[0]),
        extended_shift,
        at_zero,
    )
    observed = Rows(np.array([0, len(columns)]), columns, values)
    return Row(observed, Side(fixed, biases), terms, ridge, prior, shift, reference)


def excesses(row: Row) -> dict[tuple[str, bool], float]:
    """By what share each answer's objective exceeds that of the rounded minimum; inf if it is above x = 0."""
    reference = row.reference
    rounded = reference.minimum.astype(np.float32)
    best, of_zero = reference.objective(rounded), reference.objective(np.zeros_like(rounded))
    best = min(best, of_zero)
    found = {}
    for level in _kernels.levels():
        for exact in (False, True):
            objective = reference.objective(row.solve(level, Solver(exact=exact)))
            above = objective - best if objective <= of_zero * (1 + 1e-15) else np.inf
            found[level, exact] = above / best if best else above
    return found


@pytest.fixture
def usual_level() -> Iterator[None]:
    usual = _kernels.level()
    yield
    _kernels.use_level(usual)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_row_ends_above_its_rounded_minimum_or_above_zero(usual_level: None, batch: int) -> None:
    generator = np.random.default_rng([17, batch])
    for number in range(N_ROWS // BATCHES):
        for (level, exact), excess in excesses(random_row(generator, LARGEST_RANK)).items():
            assert excess < TOLERANCE, f"row {number} of batch {batch}, {level}, exact={exact}: {excess}"


@cache
def rows_to_improve() -> list[tuple[Row, np.ndarray, float, float]]:
    """Rows, where a half-step starts, the objective there, and what rounding may add to it."""
    generator, found = np.random.default_rng(18), []
    for _ in range(N_ROWS // 2):
        rank = int(LARGEST_RANK ** generator.random())
        fixed = random_factors(generator, 2 * rank + 5, rank)
        columns = np.sort(generator.choice(len(fixed), size=rank + 4, replace=False)).astype(np.int32)
        row = confidence_row(
            generator, fixed, columns, as_ridge(np.array([logarithmic(generator, 1e-9, 10)]))
        )
        nearby = row.reference.minimum.astype(np.float32)
        start = nearby * (1 + logarithmic(generator, 1e-8, 10) * generator.normal(size=rank)).astype(
            np.float32
        )
        # What double precision can tell apart in numbers of the size of those that the objective is left of.
        rounding = 1e-14 * float(row.reference.at_zero)
        found.append((row, start, row.reference.objective(start), rounding))
    return found


@pytest.mark.parametrize("solver", [Solver(), Solver("cg", 3), Solver("subspace", 1)])
def test_no_half_step_raises_the_objective_of_a_row(level: str, solver: Solver) -> None:
    for number, (row, start, before, rounding) in enumerate(rows_to_improve()):
        after = row.reference.objective(row.solve(level, solver, start))
        assert after <= before * (1 + 1e-5) + rounding, f"row {number}: from {before} to {after}"


def explicit_reference(observed: Rows, fixed: np.ndarray, ridge: float, *, has_bias: bool) -> ExtendedRow:
    factors = fixed[observed.columns].astype(np.longdouble)
    if has_bias:
        factors = np.column_stack([factors, np.ones(len(factors))])
    ones, shift = np.ones(len(factors), np.longdouble), np.zeros(factors.shape[1], np.longdouble)
    return ExtendedRow(factors, ones, observed.values.astype(np.longdouble), None, ridge, shift)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("difference", [1e-3, 3e-4, 1e-4, 1e-5])
def test_nearly_collinear_factors_beside_a_bias_are_told_apart(
    level: str, difference: float, exact: bool
) -> None:
    generator = np.random.default_rng(0)
    half = generator.normal(size=(23, 11))
    fixed = np.hstack([half, half + difference * generator.normal(size=half.shape)]).astype(np.float32)
    observed = Rows(np.array([0, 23]), np.arange(23, dtype=np.int32), 4 * generator.random(23, np.float32))
    ridge = np.array([4.1e-6], dtype=np.float32)
    solved = Side.empty(1, 22, biases=True)

    losses = solve_rows(
        observed,
        Side(fixed, np.zeros(23, np.float32)),
        solved,
        ridge=ridge,
        terms=Terms(),
        n_threads=1,
        solver=Solver(exact=exact),
    )

    reference = explicit_reference(observed, fixed, float(ridge[0]), has_bias=True)
    found = reference.objective(np.append(solved.factors[0], bias_of(solved)))
    assert found <= reference.objective(reference.minimum.astype(np.float32)) * (1 + 1e-4)
    assert losses.squared_error + losses.penalty == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e12])
def test_a_row_of_one_rating_is_exact_however_long_its_factors_are(
    level: str, size: float, exact: bool
) -> None:
    """By hand, x = y·t / (λ + ‖y‖²)."""
    fixed = (size * np.random.default_rng(1).normal(size=(1, 20))).astype(np.float32)
    observed = Rows(np.array([0, 1]), np.zeros(1, np.int32), np.array([3], np.float32))
    solved = Side.empty(1, 20, biases=False)

    solve_rows(
        observed,
        Side(fixed, None),
        solved,
        ridge=np.array([1e-6], np.float32),
        terms=Terms(),
        n_threads=1,
        solver=Solver(exact=exact),
    )

    y = fixed[0].astype(np.float64)
    expected = 3 * y / (np.float32(1e-6) + y @ y)
    assert np.linalg.norm(solved.factors[0] - expected) <= 2e-7 * np.linalg.norm(expected)
