"""New ratings and new items in the kept samples of a chain, against the conditional posterior in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from matinee import BayesianALS
from matinee.models.bayes.new_data import Sweeps
from matinee.ratings import Ratings

from ...conftest import random_ratings

PARAMETERS: dict[str, Any] = {"n_factors": 3, "n_samples": 8, "n_burn_in": 8, "n_kept": 4}


def of(*pairs: tuple[Any, Any, float]) -> Ratings:
    return Ratings.from_arrays(*map(list, zip(*pairs, strict=True)))


def row_distribution(model: BayesianALS, sample: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The expected mean and precision of the items' rows, by the formulas of Salakhutdinov & Mnih."""
    posterior = model.posterior_
    rows = np.column_stack([posterior.item_samples[:, sample], posterior.item_bias_samples[:, sample]])
    rows = rows.astype(np.float64)
    n, d = rows.shape
    mean = rows.sum(axis=0) / (n + 1)
    spread = (rows - rows.mean(axis=0)).T @ (rows - rows.mean(axis=0))
    spread += n / (n + 1) * np.outer(rows.mean(axis=0), rows.mean(axis=0))
    spread += np.diag([scale] * (d - 1) + [scale**2])
    return mean, (n + d) * np.linalg.inv(spread)


def test_an_item_without_ratings_is_the_mean_of_all_items() -> None:
    model = BayesianALS(**PARAMETERS).fit(random_ratings())
    item = model.fold_in_item({})
    means = [row_distribution(model, sample, 1.0)[0] for sample in range(4)]
    assert np.allclose(np.append(item.factors, item.bias), np.mean(means, axis=0), rtol=1e-4, atol=1e-5)


def test_an_item_that_all_have_rated_is_its_conditional_posterior() -> None:
    train = random_ratings(n_users=300, share=0.5)
    model = BayesianALS(**PARAMETERS).fit(train)
    ratings = dict(zip(train.users.tolist(), np.tile([1.0, 4.0, 5.0], 100).tolist(), strict=True))
    item = model.fold_in_item(ratings)
    # Users of 20 ratings each hardly vary, so their means stand for their draws here.
    found = []
    for sample in range(4):
        mean, precision = row_distribution(model, sample, 1.0)
        noise = model.posterior_.noise_precisions[sample]
        x = model.posterior_.user_samples[:, sample].astype(np.float64)
        x = np.column_stack([x, np.ones(300)])
        targets = np.tile([1.0, 4.0, 5.0], 100) - model.mean_ - model.posterior_.user_bias_samples[:, sample]
        found.append(np.linalg.solve(precision + noise * x.T @ x, precision @ mean + noise * x.T @ targets))
    expected = np.mean(found, axis=0)
    scores = model.user_factors_ @ expected[:-1] + expected[-1]
    assert np.corrcoef(scores, model.user_factors_ @ item.factors + item.bias)[0, 1] > 0.97
    assert abs(item.bias - expected[-1]) < 0.1


def test_draws_of_touched_items_have_the_mean_and_spread_of_their_posterior(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = random_ratings()
    model = BayesianALS(**PARAMETERS).fit(train)
    place = 5
    new = of((train.users[0].item(), train.items[place].item(), 5.0))
    drawn: list[Any] = []
    fixed: dict[int, Any] = {}
    solve_users = Sweeps._solve_users

    def solve_as_means(self: Sweeps, sample: int, items: Any, users: Any, solver: Any) -> None:
        solve_users(self, sample, items, users, type(solver)())
        fixed.setdefault(sample, (users.factors.copy(), users.biases.copy(), self.touched.by_item))

    monkeypatch.setattr(Sweeps, "_solve_users", solve_as_means)
    for seed in range(400):
        model.random_state = seed
        model.settle()
        learned = BayesianALS.__new__(BayesianALS)
        vars(learned).update(vars(model))
        learned.partial_fit(new)
        posterior = learned.posterior_
        drawn.append(np.append(posterior.item_samples[place, 2], posterior.item_bias_samples[place, 2]))
    mean, precision = row_distribution(model, 2, 1.0)
    noise = model.posterior_.noise_precisions[2]
    factors, biases, by_item = fixed[2]
    columns = by_item.columns
    x = np.column_stack([factors[columns], np.ones(len(columns))]).astype(np.float64)
    matrix = precision + noise * x.T @ x
    targets = by_item.values - model.mean_ - biases[columns]
    expected = np.linalg.solve(matrix, precision @ mean + noise * x.T @ targets)
    covariance = np.linalg.inv(matrix)
    deviations = np.sqrt(np.diag(covariance))
    assert np.allclose(np.mean(drawn, axis=0), expected, atol=4 * deviations.max() / 20)
    assert np.allclose(np.std(drawn, axis=0), deviations, rtol=0.2)


def test_the_same_seed_draws_the_same_and_another_call_other_numbers() -> None:
    train = random_ratings()
    new = of((train.users[0].item(), train.items[5].item(), 5.0))
    one, same, other = (
        BayesianALS(**PARAMETERS, random_state=seed).fit(train).partial_fit(new) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.posterior_.item_samples, same.posterior_.item_samples)
    assert not np.array_equal(one.posterior_.item_samples, other.posterior_.item_samples)
    before = one.posterior_.item_samples[5].copy()
    one.partial_fit(new)
    assert not np.array_equal(one.posterior_.item_samples[5], before)


def test_noise_and_priors_stay_and_only_touched_items_are_drawn() -> None:
    train = random_ratings()
    model = BayesianALS(**PARAMETERS).fit(train)
    before = model.posterior_
    model.partial_fit(
        of((train.users[0].item(), train.items[5].item(), 5.0), (1, train.items[5].item(), 2.0))
    )
    after = model.posterior_
    for name in ("prior_means", "prior_precisions", "noise_precisions"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    changed = (after.item_samples != before.item_samples).any(axis=(1, 2))
    assert np.flatnonzero(changed).tolist() == [5]
    concerned = set(train.users[train.by_item.pick([5]).columns].tolist()) | {train.users[0].item(), 1}
    old_rows = train.user_index.positions(model.user_index_.ids)
    changed_users = [
        user
        for place, user in enumerate(model.user_index_.ids.tolist())
        if old_rows[place] < 0
        or not np.array_equal(after.user_samples[place], before.user_samples[old_rows[place]])
    ]
    assert set(changed_users) == concerned
    assert model.history_[-1].iteration == model.history_[-2].iteration + 1
    assert model.history_[-1].train_rmse > 0


@pytest.mark.parametrize("implicit", [False, True])
def test_features_of_users_stay_and_those_of_new_users_are_unknown(implicit: bool) -> None:
    train = random_ratings()
    features = {"user": train.users, "age": np.arange(train.n_users, dtype=float)}
    model = BayesianALS(**PARAMETERS, implicit=implicit).fit(train, user_features=pl.DataFrame(features))
    model.partial_fit(of((1, 2, 4.0), (1, train.items[3].item(), 5.0), (train.users[4].item(), 2, 1.0)))
    assert model.user_features_.n_rows == train.n_users + 1
    assert model.user_features_.counts[model.user_index_.position(1)] == 0
    assert model.posterior_.link_weights.shape[1] == 1 + implicit * (train.n_items + 1)
    stored, folded = model.person(1), model.fold_in({2: 4.0, train.items[3].item(): 5.0})
    assert np.allclose(stored.predict(train.items), folded.predict(train.items), rtol=2e-4)
    assert np.isfinite(model.fold_in_item({1: 3.0}).predict(train.users)).all()


def test_intervals_of_new_users_and_items_are_finite() -> None:
    train = random_ratings()
    model = BayesianALS(**PARAMETERS).fit(train).partial_fit(of((1, 2, 4.0), (1, train.items[3].item(), 5.0)))
    mean, deviation = model.predict([1, train.users[3].item()], [2, 2], return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
