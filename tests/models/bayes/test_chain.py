"""The chain of BayesianALS against a plain sampler in float64 numpy, written from the model's definition."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

from matinee.models import BayesianALS
from matinee.models.bayes.chain import States
from matinee.ratings import Ratings

N_USERS, N_ITEMS, RANK = 12, 10, 2


class PlainSide:
    """Rows (x, b) ~ N(μ + βᵀf, Λ⁻¹), with β ~ N(0, (ridge Λ)⁻¹), ridge ~ Gamma(1, 1), Λ ~ Wishart(I, d)."""

    def __init__(self, generator: np.random.Generator, features: np.ndarray) -> None:
        self.generator = generator
        self.features = features
        self.rows = generator.normal(size=(len(features), RANK + 1))
        self.beta = np.zeros((features.shape[1], RANK + 1))
        self.ridge = 1.0

    def normal(self, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
        noise = self.generator.standard_normal(mean.shape)[..., None]
        lower = np.linalg.cholesky(precision)
        return mean + np.linalg.solve(np.swapaxes(lower, -1, -2), noise)[..., 0]

    def draw_prior(self) -> None:
        left = self.rows - self.features @ self.beta
        n, d = left.shape
        centre = left.sum(axis=0) / (n + 1)
        inverse_scale = np.eye(d) + left.T @ left - (n + 1) * np.outer(centre, centre)
        inverse_scale += self.ridge * self.beta.T @ self.beta
        scale = np.linalg.inv(inverse_scale)
        precision = scipy.stats.wishart(d + n + len(self.beta), scale).rvs(random_state=self.generator)
        self.mu, self.precision = self.normal(centre, (n + 1) * precision), precision
        if not len(self.beta):
            return
        system = self.features.T @ self.features + self.ridge * np.eye(len(self.beta))
        middle = np.linalg.solve(system, self.features.T @ (self.rows - self.mu))
        draw = self.normal(middle.ravel(), np.kron(system, precision))
        self.beta = draw.reshape(middle.shape)
        rate = 1 + 0.5 * np.trace(self.beta @ precision @ self.beta.T)
        self.ridge = self.generator.gamma(1 + self.beta.size / 2, 1 / rate)

    def draw_rows(self, rated: np.ndarray, targets: np.ndarray, others: np.ndarray, alpha: float) -> None:
        y = np.column_stack([others[:, :-1], np.ones(len(others))])
        A = self.precision + alpha * np.einsum("ui,ij,ik->ujk", rated, y, y)
        prior_mean = self.mu + self.features @ self.beta
        b = prior_mean @ self.precision + alpha * (rated * (targets - others[:, -1])) @ y
        self.rows = self.normal(np.linalg.solve(A, b[..., None])[..., 0], A)


def plain_chain(
    matrix: np.ndarray, features: np.ndarray, n_sweeps: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all pairs and the noise variance of every sweep; the matrix has NaN where none is rated."""
    generator = np.random.default_rng(seed)
    rated = np.isfinite(matrix).astype(np.float64)
    targets = np.where(rated > 0, matrix - np.nanmean(matrix), 0.0)
    users, items = PlainSide(generator, features), PlainSide(generator, np.zeros((N_ITEMS, 0)))
    alpha, scores, noise = 1.0, [], []
    for _ in range(n_sweeps):
        users.draw_prior()
        users.draw_rows(rated, targets, items.rows, alpha)
        items.draw_prior()
        items.draw_rows(rated.T, targets.T, users.rows, alpha)
        together = users.rows[:, :-1] @ items.rows[:, :-1].T + users.rows[:, -1:] + items.rows[:, -1]
        squared_error = (rated * (targets - together) ** 2).sum()
        alpha = generator.gamma(1 + rated.sum() / 2, 1 / (1 + squared_error / 2))
        scores.append(together + np.nanmean(matrix))
        noise.append(1 / alpha)
    return np.array(scores), np.array(noise)


def standard_error(series: np.ndarray, n_batches: int = 20) -> np.ndarray:
    """Of the mean of dependent samples, by the means of batches."""
    batches = series[: len(series) // n_batches * n_batches].reshape(n_batches, -1, *series.shape[1:])
    return batches.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(n_batches)


def small_problem() -> tuple[np.ndarray, Ratings]:
    """One user and one item have no rating at all."""
    generator = np.random.default_rng(8)
    left, right = generator.normal(size=(N_USERS, RANK)), generator.normal(size=(N_ITEMS, RANK))
    matrix = 3 + left @ right.T + generator.normal(size=(N_USERS, 1)) / 2
    matrix += 0.5 * generator.normal(size=matrix.shape)
    matrix[generator.random(matrix.shape) > 0.6] = np.nan
    matrix[4] = np.nan
    matrix[:, 7] = np.nan
    rows, columns = np.nonzero(np.isfinite(matrix))
    matrix = matrix.astype(np.float32).astype(np.float64)
    ratings = Ratings.from_arrays(
        rows,
        columns,
        matrix[rows, columns],
        registered_users=np.arange(N_USERS),
        registered_items=np.arange(N_ITEMS),
    )
    return matrix, ratings


def raw_scores(model: BayesianALS) -> np.ndarray:
    """Posterior means of all ratings, not clipped."""
    scores = np.zeros((N_USERS, N_ITEMS))
    for user in range(N_USERS):
        for item, score in model.recommend(user, n=N_ITEMS, exclude_seen=False):
            scores[user, item] = score
    return scores


def scores_by_sample(model: BayesianALS) -> np.ndarray:
    posterior = model.posterior_
    products = np.einsum("usf,isf->sui", posterior.user_samples, posterior.item_samples)
    biases = posterior.user_bias_samples.T[:, :, None] + posterior.item_bias_samples.T[:, None, :]
    return products + biases.astype(np.float64)


@pytest.mark.parametrize("with_features", [False, True])
def test_posterior_means_and_variances_are_those_of_a_plain_sampler(with_features: bool) -> None:
    matrix, ratings = small_problem()
    age = np.random.default_rng(3).normal(40, 10, size=N_USERS)
    trade = np.array(["cook", "smith"])[np.arange(N_USERS) % 2]
    frame = pl.DataFrame({"user": np.arange(N_USERS), "age": age, "trade": trade})
    features = np.column_stack([(age - age.mean()) / age.std(), trade == "cook", trade == "smith"])
    n_sweeps, n_burn_in = 3000, 200
    model = BayesianALS(n_factors=RANK, n_samples=n_sweeps, n_burn_in=n_burn_in, n_kept=n_sweeps, n_threads=1)
    model.fit(ratings, user_features=frame if with_features else None)

    scores, noise = plain_chain(matrix, features[:, : 3 * with_features], n_burn_in + n_sweeps, seed=1)
    scores, noise = scores[n_burn_in:], noise[n_burn_in:]

    means = scores.mean(axis=0)
    errors = np.hypot(standard_error(scores), standard_error(scores_by_sample(model)))
    assert (np.abs(raw_scores(model) - means) / errors).max() < 5

    squares = (scores - means) ** 2 + noise[:, None, None]
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    deviations = model.predict(users, items, return_std=True)[1].reshape(N_USERS, N_ITEMS)
    # The other chain is as long, and its variances are as uncertain.
    errors = np.sqrt(2) * standard_error(squares)
    assert (np.abs(deviations**2 - squares.mean(axis=0)) / errors).max() < 5

    found = 1 / model.posterior_.noise_precisions
    error = np.hypot(standard_error(noise), standard_error(found))
    assert abs(found.mean() - noise.mean()) < 5 * error


@pytest.mark.parametrize(
    ("n_offered", "kept"),
    [
        (0, []),
        (3, [1, 2, 3]),
        (4, [1, 2, 3, 4]),
        (8, [2, 4, 6, 8]),
        (16, [4, 8, 12, 16]),
        (40, [8, 16, 24, 40]),
    ],
)
def test_the_states_that_are_kept_are_evenly_spaced(n_offered: int, kept: list[int]) -> None:
    states = States(n_kept=4)
    for number in range(1, n_offered + 1):
        states.offer(lambda number=number: number)  # type: ignore[misc]
    assert states.kept == kept
