"""Effective sample sizes against the closed forms of chains whose dependence is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from matinee.models import BayesianALS
from matinee.models.bayes.convergence import effective_sample_size

from ...conftest import random_ratings


def autoregressive(n: int, coefficient: float, seed: int = 0) -> np.ndarray:
    """x_t = coefficient · x_{t−1} + noise."""
    noise = np.random.default_rng(seed).normal(size=n + 1000)
    return scipy.signal.lfilter([1.0], [1.0, -coefficient], noise)[1000:]


@pytest.mark.parametrize("coefficient", [0.0, 0.3, 0.6, 0.9])
def test_an_autoregressive_chain_is_worth_what_its_coefficient_says(coefficient: float) -> None:
    n = 10_000
    found = [effective_sample_size(autoregressive(n, coefficient, seed)) for seed in range(4)]
    # 1 + 2 Σ φᵗ = (1 + φ) / (1 − φ)
    assert np.mean(found) == pytest.approx(n * (1 - coefficient) / (1 + coefficient), rel=0.1)


def test_the_variance_of_the_mean_of_a_chain_is_that_of_as_many_independent_samples() -> None:
    means = [autoregressive(500, 0.7, seed).mean() for seed in range(1000)]
    variance = 1 / (1 - 0.7**2)
    found = np.mean([effective_sample_size(autoregressive(500, 0.7, seed)) for seed in range(100)])
    # Its own standard error, of a variance from 1,000 means, is 4 %.
    assert found == pytest.approx(variance / np.var(means), rel=0.15)


def test_a_chain_that_drifts_is_worth_few_samples() -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=400)
    assert effective_sample_size(np.linspace(0, 5, 400) + noise) < 8


def test_a_chain_is_never_worth_more_than_its_samples() -> None:
    turning = np.tile([1.0, -1.0], 50) + 0.01 * np.random.default_rng(0).normal(size=100)
    assert effective_sample_size(turning) == 100


def test_scale_and_place_do_not_matter() -> None:
    chain = autoregressive(300, 0.5)
    assert effective_sample_size(1e6 * chain - 3e4) == pytest.approx(effective_sample_size(chain), rel=1e-6)


@pytest.mark.parametrize("chain", [[], [1.0], [1.0, 2.0, 3.0], [4.0] * 9])
def test_chains_that_say_nothing_of_dependence_count_as_they_are(chain: list[float]) -> None:
    assert effective_sample_size(chain) == len(chain)


def by_definition(chain: np.ndarray) -> float:
    """n / (1 + 2 Σ ρ), the correlations summed in pairs up to the first pair that is not positive."""
    n, centred = len(chain), chain - chain.mean()
    correlations = [float(centred[: n - lag] @ centred[lag:]) for lag in range(n)]
    total, lag = 0.0, 0
    while lag + 1 < n and (pair := (correlations[lag] + correlations[lag + 1]) / correlations[0]) > 0:
        total, lag = total + pair, lag + 2
    return n / max(1.0, 2 * total - 1)


@pytest.mark.parametrize("n", [4, 5, 7, 20, 51])
@pytest.mark.parametrize("coefficient", [-0.5, 0.0, 0.5, 0.9])
def test_a_short_chain_is_worth_what_the_definition_says(n: int, coefficient: float) -> None:
    for seed in range(20):
        chain = autoregressive(n, coefficient, seed)
        assert effective_sample_size(chain) == pytest.approx(by_definition(chain))


def test_a_model_judges_its_chain_by_the_training_error_after_the_burn_in() -> None:
    model = BayesianALS(n_factors=2, n_samples=40, n_burn_in=7, n_kept=3, n_threads=1).fit(random_ratings())
    errors = np.array([record.train_rmse for record in model.history_])
    assert len(errors) == 47
    assert model.effective_samples_ == pytest.approx(by_definition(errors[7:]))
    assert model.effective_samples_ != pytest.approx(by_definition(errors), rel=0.01)
