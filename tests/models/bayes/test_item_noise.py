"""Noise of its own for every item, alone and beside that of users."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats

from matinee.errors import DataError
from matinee.models import BayesianALS
from matinee.models.bayes.chain import Sampling
from matinee.models.bayes.sampled_rows import SampledRows
from matinee.models.new_item import ItemAnswers, NewItem
from matinee.ratings import Ratings

from ...conftest import random_ratings
from ..in_contexts import ratings_in_contexts
from .own_noise import answers, in_two_parts, plain_chain, planted
from .test_chain import RANK, small_problem, standard_error

SHORT: dict[str, Any] = {"n_factors": 3, "n_samples": 30, "n_burn_in": 20, "n_kept": 10}
BOTH = {"user_noise": True, "item_noise": True}


@pytest.fixture(scope="module")
def parts() -> tuple[Ratings, Ratings, np.ndarray]:
    ratings, deviations = planted("item")
    return *in_two_parts(ratings), deviations


@pytest.fixture(scope="module", params=[{"item_noise": True}, BOTH], ids=["items", "both"])
def fitted(request: pytest.FixtureRequest, parts: tuple[Ratings, Ratings, np.ndarray]) -> BayesianALS:
    model = BayesianALS(n_factors=3, n_samples=200, n_burn_in=20, n_kept=20, **request.param)
    return model.fit(parts[0], progress=False)


def test_items_about_which_people_disagree_have_wide_intervals(fitted, parts) -> None:
    train, test, deviations = parts
    mean, found = answers(fitted, test)
    of_pairs = deviations[test.items[test.by_user.columns]]
    groups = of_pairs == 0.4, of_pairs == 1.0
    agreed, disputed = (found[group] for group in groups)
    assert np.quantile(agreed, 0.98) < 0.75 < np.quantile(disputed, 0.02)
    assert (np.median(agreed), np.median(disputed)) == (pytest.approx(0.45, 0.1), pytest.approx(1.0, 0.1))
    away = np.abs(test.values - mean) / found
    for group in groups:
        assert (away[group] < 1.645).mean() == pytest.approx(0.9, abs=0.03)
    plain_mean, plain = answers(
        BayesianALS(n_factors=3, n_samples=200, n_burn_in=20, n_kept=20).fit(train), test
    )
    better, worse = (
        scipy.stats.norm(*each).logpdf(test.values).mean() for each in ((mean, found), (plain_mean, plain))
    )
    assert better > worse + 0.1
    assert np.square(mean - test.values).mean() < np.square(plain_mean - test.values).mean()


def test_a_visitor_gets_what_a_user_of_the_same_ratings_has(fitted, parts) -> None:
    frame = parts[0].to_frame()
    for user in (0, 1):
        visitor = fitted.fold_in(frame.filter(pl.col("user") == user).select("item", "rating"))
        mean, deviation = fitted.predict(user, fitted.item_index_.ids, return_std=True)
        theirs = visitor.predict(fitted.item_index_.ids, return_std=True)
        assert np.allclose(theirs[0], mean, atol=1e-4)
        assert np.allclose(theirs[1], deviation, rtol=1e-3)


def test_explanations_add_up(fitted) -> None:
    for user in (0, 1):
        for tip in fitted.recommend(user, 3):
            told = fitted.explain(user, tip.item, n=100)
            total = told.baseline + sum(part.contribution for part in told.contributions) + told.rest
            assert total == pytest.approx(tip.score, abs=1e-3)


def precisions_of_new(
    monkeypatch: pytest.MonkeyPatch, model: BayesianALS, ratings: dict[int, float]
) -> tuple[NewItem, np.ndarray]:
    """An item that is folded in, and how precise its ratings are in every sample."""
    found: list[np.ndarray] = []
    answers_for = BayesianALS._answers_for

    def watched(self: BayesianALS, item: SampledRows, precisions: np.ndarray) -> ItemAnswers:
        found.append(precisions)
        return answers_for(self, item, precisions)

    with monkeypatch.context() as patch:
        patch.setattr(BayesianALS, "_answers_for", watched)
        item = model.fold_in_item(ratings)
    assert found[0].shape == (1, model.posterior_.n_samples)
    return item, found[0]


def test_an_item_that_is_folded_in_has_the_noise_that_its_ratings_show(fitted, monkeypatch) -> None:
    _, agreed = precisions_of_new(monkeypatch, fitted, dict.fromkeys(range(60), 3.0))
    disputed = {user: [1.0, 5.0][user % 7 % 2] for user in range(60)}
    item, found = precisions_of_new(monkeypatch, fitted, disputed)
    assert agreed.mean() > 2 * found.mean()
    assert np.isfinite(item.predict(range(5))).all()


def test_an_item_that_is_folded_in_is_nearly_the_one_of_the_fit(fitted, parts, monkeypatch) -> None:
    frame = parts[0].to_frame().filter(pl.col("item") == 7)
    ratings = dict(frame.select("user", "rating").iter_rows())
    again, precisions = precisions_of_new(monkeypatch, fitted, ratings)
    place = fitted.item_index_.ids.tolist().index(7)
    assert again.bias == pytest.approx(fitted.item_biases_[place], abs=0.1)
    assert precisions.mean() == pytest.approx(fitted.posterior_.item_precisions[place].mean(), rel=0.25)


def test_new_ratings_change_what_is_known_of_an_items_noise(parts) -> None:
    train, test, _ = parts
    model = BayesianALS(**SHORT, **BOTH).fit(train, progress=False)
    before = np.square(answers(model, test)[0] - test.values).mean()
    users = np.arange(100)
    # Item 1 was agreed upon, and item 500 is new.
    new = Ratings.from_arrays(
        np.tile(users, 2),
        np.repeat([1, 500], 100),
        np.concatenate([np.where(users % 3, 1.0, 5.0), np.full(100, 3.0)]),
    )
    place = model.item_index_.ids.tolist().index(1)
    was = model.posterior_.item_precisions[place].mean()
    kept = model.posterior_.item_precisions[2:].copy()
    model.partial_fit(new)
    precisions = model.posterior_.item_precisions
    assert precisions.shape == (train.n_items + 1, 10)
    assert precisions[place].mean() < 0.5 * was
    assert precisions[-1].mean() > 1.5
    assert np.array_equal(precisions[2:-1], kept)
    rest = test.subset(test.items[test.by_user.columns] != 1)
    assert np.square(answers(model, rest)[0] - rest.values).mean() < before * 1.1
    user = int(train.users[1])
    visitor = model.people_by(model.rated_.pick([1]))
    theirs = visitor.predict(np.zeros(10, int), np.arange(10))
    assert np.allclose(theirs, model.predict(user, model.item_index_.ids[:10]), atol=1e-3)


def test_any_number_of_threads_draws_the_same(parts) -> None:
    train, test, _ = parts
    small: dict[str, Any] = {"n_factors": 2, "n_samples": 4, "n_burn_in": 2, "n_kept": 3, **BOTH}
    one, three = (BayesianALS(**small, n_threads=n).fit(train, progress=False) for n in (1, 3))
    for name in one.posterior_.names():
        assert np.array_equal(getattr(one.posterior_, name), getattr(three.posterior_, name))
    assert one.history_[-1].train_rmse == three.history_[-1].train_rmse
    for ours, theirs in zip(answers(one, test), answers(three, test), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("noise", [{"item_noise": True}, BOTH], ids=["items", "both"])
@pytest.mark.parametrize("in_contexts", [False, True])
def test_the_training_error_counts_every_rating_alike(
    monkeypatch: pytest.MonkeyPatch, noise: dict[str, bool], *, in_contexts: bool
) -> None:
    monkeypatch.setattr("matinee.models.bayes.chain.PREDICTED_AT_ONCE", 100)
    ratings = ratings_in_contexts() if in_contexts else random_ratings()
    weights = np.random.default_rng(0).uniform(0.5, 2, len(ratings)).astype(np.float32)
    ratings = ratings.with_rows(ratings.by_user._replace(weights=weights), ratings.contexts)
    states: list[float] = []

    def error(fit: Sampling) -> float:
        rated = fit.by_user
        rows = np.repeat(np.arange(rated.n_rows), rated.counts)
        own = [fit.users, fit.items]
        (x, b_u), (y, b_i) = ((side.factors.astype(np.float64), side.biases) for side in own)
        at = x[rows], y[rated.columns]
        scores = fit.terms.offset + b_u[rows] + b_i[rated.columns] + (at[0] * at[1]).sum(axis=1)
        if fit.sampled_contexts is not None:
            beside = fit.sampled_contexts.values.of(rated.contexts)
            z = beside.factors.astype(np.float64)
            scores += beside.biases + ((at[0] + at[1]) * z).sum(axis=1)
        return float((rated.weights * np.square(rated.values - scores)).sum())

    class Watched(Sampling):
        def improve(self) -> Any:
            losses = super().improve()
            states.append(error(self))
            return losses

    monkeypatch.setattr("matinee.models.bayes.model.Sampling", Watched)
    model = BayesianALS(n_factors=2, n_samples=3, n_burn_in=1, n_kept=2, **noise).fit(ratings, progress=False)
    found = [record.train_rmse for record in model.history_]
    expected = np.sqrt(np.array(states) / ratings.by_user.total)
    # With noise of items alone, the error is that before the contexts are drawn.
    same = 1e-4 if not in_contexts or len(noise) == 2 else 0.2
    assert np.allclose(found, expected, rtol=same)


def test_it_is_refused_unless_it_is_on_or_off() -> None:
    with pytest.raises(DataError, match="item_noise=1; expected True or False"):
        BayesianALS(item_noise=1).fit(random_ratings())  # type: ignore[arg-type]


# ---- the draws ----------------------------------------------------------------------------------


def test_the_chain_is_that_of_a_plain_sampler() -> None:
    matrix, ratings = small_problem()
    n_sweeps, n_burn_in = 2000, 200
    model = BayesianALS(
        n_factors=RANK, n_samples=n_sweeps, n_burn_in=n_burn_in, n_kept=n_sweeps, n_threads=1, **BOTH
    )
    posterior = model.fit(ratings, progress=False).posterior_
    expected = [series[n_burn_in:] for series in plain_chain(matrix, n_burn_in + n_sweeps, item_noise=True)]
    found = [
        posterior.item_bias_samples.T.astype(np.float64),
        1 / posterior.noise_precisions,
        np.log(posterior.noise_degrees),
        np.log(posterior.item_noise_degrees),
        np.log(posterior.item_precisions.T.astype(np.float64)),
    ]
    for ours, theirs in zip(found, expected, strict=True):
        errors = np.hypot(standard_error(ours), standard_error(theirs))
        assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / errors).max() < 5
