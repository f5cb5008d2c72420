"""Noise of its own for every user: the draws, the answers, and what is planted is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats

from matinee.errors import DataError
from matinee.models import BayesianALS, load
from matinee.models.bayes.own_noise import (
    DEGREES,
    OwnNoise,
    draw_degrees,
    expected_noise,
    weighed,
)
from matinee.ratings import Ratings

from ...conftest import random_ratings, random_rows
from .own_noise import answers, in_two_parts, plain_chain, planted
from .test_chain import N_ITEMS, N_USERS, RANK, small_problem, standard_error


@pytest.fixture(scope="module")
def fitted() -> tuple[BayesianALS, Ratings, Ratings, np.ndarray]:
    ratings, deviations = planted("user")
    train, test = in_two_parts(ratings)
    model = BayesianALS(n_factors=3, n_samples=200, n_burn_in=20, n_kept=20, user_noise=True)
    return model.fit(train), train, test, deviations


def test_erratic_people_have_wide_intervals_and_steady_ones_narrow_ones(fitted) -> None:
    model, train, test, deviations = fitted
    mean, found = answers(model, test)
    of_pairs = deviations[test.user_positions]
    groups = of_pairs == 0.4, of_pairs == 1.0
    steady, erratic = (found[group] for group in groups)
    assert steady.max() < 0.72 < erratic.min()
    assert (np.median(steady), np.median(erratic)) == (pytest.approx(0.45, 0.1), pytest.approx(1.0, 0.1))
    away = np.abs(test.values - mean) / found
    for group in groups:
        assert (away[group] < 1.645).mean() == pytest.approx(0.9, abs=0.03)
    alike = BayesianALS(n_factors=3, n_samples=200, n_burn_in=20, n_kept=20).fit(train)
    plain_mean, plain = answers(alike, test)
    better, worse = (
        scipy.stats.norm(*each).logpdf(test.values).mean() for each in ((mean, found), (plain_mean, plain))
    )
    assert better > worse + 0.1
    # Who rates erratically says less of the films, so what is expected of all is better too.
    assert np.square(mean - test.values).mean() < np.square(plain_mean - test.values).mean()


def test_where_all_rate_alike_the_degrees_are_many() -> None:
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((150, 100)) < 0.6)
    ratings = Ratings.from_arrays(users, items, 3 + 0.5 * generator.normal(size=len(users)))
    model = BayesianALS(n_factors=1, n_samples=40, n_burn_in=40, n_kept=20, user_noise=True).fit(ratings)
    assert model.posterior_.noise_degrees.mean() > 100


def test_a_visitor_gets_the_noise_that_a_user_of_the_same_ratings_has(fitted) -> None:
    model, train, _, _ = fitted
    frame = train.to_frame()
    for user in (0, 1):
        own = frame.filter(pl.col("user") == user).select("item", "rating")
        visitor = model.fold_in(own)
        mean, deviation = model.predict(user, model.item_index_.ids, return_std=True)
        theirs = visitor.predict(model.item_index_.ids, return_std=True)
        assert np.allclose(theirs[0], mean, atol=1e-4)
        assert np.allclose(theirs[1], deviation, rtol=1e-3)
    erratic, steady = (
        model.fold_in(dict(zip(range(0, 40, 2), values, strict=True))).predict(50, return_std=True)[1]
        for values in ([1, 5] * 10, [3] * 20)
    )
    assert erratic > 1.5 * steady


def test_somebody_unknown_has_the_noise_that_is_expected_of_anybody(fitted) -> None:
    model, _, _, _ = fitted
    _, deviation = model.predict(-1, 3, return_std=True)
    posterior = model.posterior_
    degrees = posterior.noise_degrees
    expected = np.mean(degrees / (degrees - 2) / posterior.noise_precisions)
    assert deviation**2 > expected
    assert deviation**2 < expected + 2
    assert np.array_equal(model.fold_in({}).predict([3], return_std=True)[1], [np.float32(deviation)])


def test_explanations_add_up(fitted) -> None:
    model, _, _, _ = fitted
    for user in (0, 1):
        for tip in model.recommend(user, 3):
            told = model.explain(user, tip.item, n=100)
            total = told.baseline + sum(part.contribution for part in told.contributions) + told.rest
            assert total == pytest.approx(tip.score, abs=1e-3)


def test_a_model_in_a_file_answers_the_same(fitted, tmp_path: Path) -> None:
    model, _, test, _ = fitted
    model.save(tmp_path / "model.safetensors")
    found = load(tmp_path / "model.safetensors")
    for ours, theirs in zip(answers(model, test), answers(found, test), strict=True):  # type: ignore[arg-type]
        assert np.array_equal(ours, theirs)


def test_any_number_of_threads_draws_the_same(fitted) -> None:
    _, train, test, _ = fitted
    small = {"n_factors": 2, "n_samples": 4, "n_burn_in": 2, "n_kept": 3, "user_noise": True}
    one, three = (BayesianALS(**small, n_threads=n).fit(train) for n in (1, 3))
    assert np.array_equal(one.posterior_.item_samples, three.posterior_.item_samples)
    assert np.array_equal(one.posterior_.noise_degrees, three.posterior_.noise_degrees)
    for ours, theirs in zip(answers(one, test), answers(three, test), strict=True):
        assert np.array_equal(ours, theirs)


def test_new_ratings_and_new_items_are_weighed_by_who_gave_them(fitted) -> None:
    _, train, test, _ = fitted
    model = BayesianALS(n_factors=3, n_samples=30, n_burn_in=20, n_kept=10, user_noise=True).fit(train)
    # Steady people like the new film, and erratic ones do not: the former are believed.
    ratings = {user: 5.0 if user % 2 else 1.0 for user in range(40)}
    told = model.fold_in_item(ratings)
    alike = BayesianALS(n_factors=3, n_samples=30, n_burn_in=20, n_kept=10).fit(train)
    assert told.bias > alike.fold_in_item(ratings).bias + 0.3
    before = np.square(answers(model, test)[0] - test.values).mean()
    more = test.subset(np.arange(len(test)) % 2 == 0)
    rest = test.subset(np.arange(len(test)) % 2 == 1)
    model.partial_fit(more)
    after = np.square(answers(model, rest)[0] - rest.values).mean()
    assert after < before * 1.1
    user = int(train.users[1])
    own = model.rated_.pick([1])
    visitor = model.people_by(own)
    items = np.arange(10)
    assert np.allclose(
        visitor.predict(np.zeros(10, int), items), model.predict(user, model.item_index_.ids[:10]), atol=1e-3
    )


def test_it_is_refused_unless_it_is_on_or_off() -> None:
    with pytest.raises(DataError, match="user_noise='yes'; expected True or False"):
        BayesianALS(user_noise="yes").fit(random_ratings())  # type: ignore[arg-type]


# ---- the draws ----------------------------------------------------------------------------------


def test_ratings_are_weighed_by_their_rows_or_their_columns() -> None:
    generator = np.random.default_rng(0)
    rows = random_rows(generator, [3, 0, 5], 6)
    of_rows, of_columns = np.array([2.0, 3.0, 0.5]), np.arange(1.0, 7.0)
    assert weighed(rows).weights is None
    assert weighed(rows, rows=of_rows).weights.tolist() == [2.0] * 3 + [0.5] * 5
    assert weighed(rows, columns=of_columns).weights.tolist() == (rows.columns + 1.0).tolist()
    weighted = rows._replace(weights=np.full(8, 4, np.float32))
    assert weighed(weighted, rows=of_rows).weights.tolist() == [8.0] * 3 + [2.0] * 5
    of_entries = np.arange(8.0)
    both = weighed(weighted, rows=of_rows, columns=of_columns, entries=of_entries).weights
    assert both.tolist() == (4 * np.repeat(of_rows, [3, 0, 5]) * (rows.columns + 1.0) * of_entries).tolist()


def test_expected_noise_is_that_of_the_gamma_posterior() -> None:
    degrees, totals, errors, alpha = 7.0, np.array([0.0, 3.0, 50.0]), np.array([0.0, 4.0, 30.0]), 1.6
    precisions, variances = expected_noise(degrees, totals, errors, alpha)
    posterior = scipy.stats.gamma((degrees + totals) / 2, scale=2 / (degrees + alpha * errors))
    assert np.allclose(precisions, posterior.mean())
    inverse = scipy.stats.invgamma((degrees + totals) / 2, scale=(degrees + alpha * errors) / 2)
    assert np.allclose(variances, inverse.mean() / alpha)


def test_precisions_are_drawn_from_their_gamma_posterior() -> None:
    generator = np.random.default_rng(0)
    rows = random_rows(generator, [20] * 4000, 30)
    noise = OwnNoise(rows)
    errors = np.full(4000, 12.0)
    assert np.array_equal(noise.draw(generator, errors, 1.5), errors)
    posterior = scipy.stats.gamma(15, scale=1 / (5 + 0.75 * 12))
    assert scipy.stats.kstest(noise.precisions, posterior.cdf).pvalue > 1e-3
    last = noise.precisions.copy()
    # Errors come multiplied by the precisions that weighed them.
    assert noise.draw(generator, errors * last, 1.5) == pytest.approx(errors)


def test_degrees_are_drawn_from_their_posterior() -> None:
    generator = np.random.default_rng(0)
    precisions = generator.gamma(4.0, 1 / 4.0, size=300)
    logs = np.array(
        [scipy.stats.gamma(degrees / 2, scale=2 / degrees).logpdf(precisions).sum() for degrees in DEGREES]
    )
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    drawn = np.array([draw_degrees(generator, precisions) for _ in range(4000)])
    expected = shares @ DEGREES
    assert abs(drawn.mean() - expected) < 5 * drawn.std() / np.sqrt(4000)
    assert drawn.std() == pytest.approx(np.sqrt(shares @ (DEGREES - expected) ** 2), rel=0.1)
    assert 5.5 < expected < 11


def test_the_chain_is_that_of_a_plain_sampler() -> None:
    matrix, ratings = small_problem()
    assert matrix.shape == (N_USERS, N_ITEMS)
    n_sweeps, n_burn_in = 2000, 200
    model = BayesianALS(
        n_factors=RANK, n_samples=n_sweeps, n_burn_in=n_burn_in, n_kept=n_sweeps, n_threads=1, user_noise=True
    )
    posterior = model.fit(ratings).posterior_
    expected = [series[n_burn_in:] for series in plain_chain(matrix, n_burn_in + n_sweeps, item_noise=False)]
    found = [
        posterior.item_bias_samples.T.astype(np.float64),
        1 / posterior.noise_precisions,
        np.log(posterior.noise_degrees),
    ]
    for ours, theirs in zip(found, expected, strict=True):
        errors = np.hypot(standard_error(ours), standard_error(theirs))
        assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / errors).max() < 5
