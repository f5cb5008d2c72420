"""Levels that round factors to bf16 answer as the others do: half-steps to 1e-4, all else to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import Losses, SecondRows, Side, Solver, Terms, solve_rows

from ..conftest import random_rows

ROUNDED = [name for name in _kernels.levels() if name in ("amx", "avx512_bf16")]
# At, below and above the tiles of 16 factors, and of 32 ratings; a panel takes 128 or 256 of them.
RANKS = [48, 50, 64, 79, 80, 96, 128, 145, 272, 512]
LENGTHS = [60, 80, 95, 96, 97, 127, 128, 129, 160, 255, 256, 257, 511, 513, 700]
N_COLUMNS, N_SECOND = 800, 20
KINDS = ["stars", "biases", "weights", "second", "confidence", "weighted confidence"]

pytestmark = pytest.mark.skipif(
    not ROUNDED,
    reason="needs a processor with AVX512-BF16, such as AMD's since Zen 4 or Intel's since Sapphire Rapids",
)


@pytest.fixture(params=ROUNDED)
def rounded(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Case:
    """Rows of one kind of feedback, at a fixed rank."""

    def __init__(self, kind: str, rank: int, lengths: list[int], regularization: float = 0.07) -> None:
        generator = np.random.default_rng([rank, len(kind)])
        self.observed = random_rows(generator, lengths, N_COLUMNS)
        n = len(self.observed.values)
        if "weight" in kind:
            weights = generator.choice([0.0, 0.1, 1.0, 4.0], size=n).astype(np.float32)
            self.observed = self.observed._replace(weights=weights)
        is_confidence, self.has_biases = "confidence" in kind, kind in ("biases", "second")
        self.terms = Terms(confidence=2.0, unobserved=0.1) if is_confidence else Terms(offset=3.0)
        self.fixed = self.side(generator, N_COLUMNS, rank)
        self.second: SecondRows | None = None
        if kind == "second":
            columns = generator.integers(0, N_SECOND, size=n).astype(np.int32)
            self.second = SecondRows(columns, self.side(generator, N_SECOND, rank))
        self.ridge = (regularization * np.maximum(lengths, 1)).astype(np.float32)

    def side(self, generator: np.random.Generator, n_rows: int, rank: int) -> Side:
        side = Side.empty(n_rows, rank, biases=self.has_biases)
        side.factors[:] = 0.3 * generator.normal(size=side.factors.shape)
        if side.biases is not None:
            side.biases[:] = 0.2 * generator.normal(size=n_rows)
        return side

    def solve(self, level: str, n_threads: int = 2, **options: Any) -> tuple[np.ndarray, Losses]:
        usual = _kernels.level()
        _kernels.use_level(level)
        try:
            solved = Side.empty(len(self.ridge), self.fixed.factors.shape[1], biases=self.has_biases)
            losses = solve_rows(
                self.observed,
                self.fixed,
                solved,
                ridge=self.ridge,
                terms=self.terms,
                second=self.second,
                n_threads=n_threads,
                solver=Solver(**options),
            )
        finally:
            _kernels.use_level(usual)
        return np.column_stack([solved.factors, *([] if solved.biases is None else [solved.biases])]), losses

    def reference(self) -> np.ndarray:
        """The solutions in float64: A and b as the row problem has them."""
        y, observed = self.fixed.factors[self.observed.columns].astype(np.float64), self.observed
        c = np.ones(len(y)) if observed.weights is None else observed.weights.astype(np.float64)
        ct, prior = c * (observed.values - self.terms.offset), np.zeros((1, 1))
        if self.terms.confidence is not None:
            ct, c = c * (self.terms.unobserved + 2.0 * observed.values), c * 2.0 * observed.values
            whole = self.fixed.factors.astype(np.float64)
            prior = self.terms.unobserved * (whole.T @ whole)
        if self.second is not None:
            z = self.second.side.factors[self.second.columns].astype(np.float64)
            ct, y = ct - c * (y * z).sum(axis=1), y + z
            ct -= c * self.second.side.biases[self.second.columns]
        if self.fixed.biases is not None:
            ct, y = ct - c * self.fixed.biases[observed.columns], np.column_stack([y, np.ones(len(y))])
        parts = [slice(*observed.indptr[row : row + 2]) for row in range(len(self.ridge))]
        return np.array(
            [
                np.linalg.solve(prior + (y[p].T * c[p]) @ y[p] + ridge * np.eye(y.shape[1]), y[p].T @ ct[p])
                for p, ridge in zip(parts, self.ridge.astype(np.float64), strict=True)
            ]
        )


def worst_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float((np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", RANKS)
def test_half_steps_meet_the_float64_reference(rounded: str, rank: int, kind: str) -> None:
    case = Case(kind, rank, LENGTHS)
    found, losses = case.solve(rounded)
    expected, of_others = case.solve("avx512")
    assert worst_error(found, case.reference()) < 1e-4
    assert losses.squared_error == pytest.approx(of_others.squared_error, rel=1e-4)
    assert losses.penalty == pytest.approx(of_others.penalty, rel=1e-4)
    # It is another way to the same answer: were it the same way, nothing of the above would be tested.
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_that_are_kept_and_draws_are_not_rounded(rounded: str, kind: str) -> None:
    case = Case(kind, 64, LENGTHS)
    for options in ({"exact": True}, {"spread": 0.5, "seed": 3}):
        np.testing.assert_array_equal(case.solve(rounded, **options)[0], case.solve("avx512", **options)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regularization", [1e-7, 1e-4, 0.005])
def test_rows_that_are_hard_for_single_precision_are_not_spoilt(
    rounded: str, kind: str, regularization: float
) -> None:
    case = Case(kind, 64, [65, 80, 130, 300], regularization)
    expected = case.reference()
    others = worst_error(case.solve("avx512")[0], expected)
    assert worst_error(case.solve(rounded)[0], expected) < max(1e-4, 2 * others)


@pytest.mark.parametrize("size", [1e-15, 1e15])
def test_factors_of_any_size_are_rounded(rounded: str, size: float) -> None:
    case = Case("stars", 64, LENGTHS)
    case.fixed.factors[:] *= size
    case.ridge *= size * size
    assert worst_error(case.solve(rounded)[0] * size, case.reference() * size) < 1e-4


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_factors_that_are_not_finite_end_in_an_answer(rounded: str, bad: float) -> None:
    case = Case("stars", 64, LENGTHS)
    case.fixed.factors[5, 7] = bad
    of_others = case.solve("avx512")[0]
    np.testing.assert_allclose(case.solve(rounded)[0], of_others, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_changes_no_bit(rounded: str, kind: str) -> None:
    case = Case(kind, 80, LENGTHS * 4)
    found, losses = case.solve(rounded, n_threads=1)
    for n_threads in (2, 5):
        again, other_losses = case.solve(rounded, n_threads=n_threads)
        np.testing.assert_array_equal(again, found)
        assert other_losses == losses


def test_a_row_of_a_hundred_thousand_ratings(rounded: str) -> None:
    generator = np.random.default_rng(0)
    n = 100_000
    columns = generator.integers(0, N_COLUMNS, size=n).astype(np.int32)
    values = generator.integers(1, 6, size=n).astype(np.float32)
    case = Case("biases", 64, [n // 1000])
    case.observed = Rows(np.array([0, n]), columns, values)
    case.ridge = np.array([50.0], np.float32)
    assert worst_error(case.solve(rounded)[0], case.reference()) < 1e-4


def test_a_long_row_does_not_lose_what_each_rating_adds(rounded: str) -> None:
    generator = np.random.default_rng(0)
    n = 500_000
    columns = generator.integers(0, N_COLUMNS, size=n).astype(np.int32)
    case = Case("stars", 64, [1])
    case.terms = Terms(offset=0.0)
    case.fixed.factors[:, 0] = 0.1
    case.observed = Rows(np.array([0, n]), columns, (generator.random(n) < 0.98).astype(np.float32))
    case.ridge = np.array([0.005 * n], np.float32)
    assert worst_error(case.solve(rounded)[0], case.reference()) < 1e-4


@pytest.mark.parametrize("regularization", [1e-8, 1e-10])
def test_ratings_without_noise_are_fitted_as_closely_as_elsewhere(
    rounded: str, regularization: float
) -> None:
    case = Case("stars", 64, [700], regularization)
    targets = case.fixed.factors[case.observed.columns].astype(np.float64) @ np.linspace(-1, 1, 64)
    case.observed = case.observed._replace(values=(targets + 3).astype(np.float32))
    losses = [case.solve(level)[1] for level in (rounded, "avx512")]
    found, expected = (each.squared_error + each.penalty for each in losses)
    assert found == pytest.approx(expected, rel=1e-4)
