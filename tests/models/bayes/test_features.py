"""What BayesianALS learns from features, and from who rated what."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from matinee.errors import DataError
from matinee.models import BayesianALS
from matinee.models.features.side_knowledge import regression_features
from matinee.ratings import Ratings

from ...conftest import random_ratings, random_rows

N_USERS, N_ITEMS = 120, 80


class Cinema:
    """Ratings by factors of which features tell the greater part; a tenth of each side is never rated."""

    def __init__(self, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.trades = generator.choice(["cook", "poet", "smith"], size=N_USERS)
        self.years = generator.integers(1950, 2020, size=N_ITEMS)
        self.genres = [
            generator.choice(["Crime", "Drama", "War"], 2, replace=False).tolist() for _ in range(N_ITEMS)
        ]
        tastes = {
            name: generator.normal(size=3) for name in ("cook", "poet", "smith", "Crime", "Drama", "War")
        }
        left = np.array([tastes[trade] for trade in self.trades])
        right = np.array([tastes[a] + tastes[b] for a, b in self.genres]) / 1.4
        right[:, 0] += (self.years - 1985) / 20
        left, right = (each + 0.3 * generator.normal(size=each.shape) for each in (left, right))
        scores = 3 + 0.5 * left @ right.T + 0.3 * generator.normal(size=(N_USERS, N_ITEMS))
        rated = generator.random(scores.shape) < 0.3
        self.cold_users, self.cold_items = np.arange(0, N_USERS, 10), np.arange(0, N_ITEMS, 10)
        self.of_cold = {"user": rated.copy(), "item": rated.copy()}
        self.of_cold["user"][np.arange(N_USERS) % 10 > 0] = False
        self.of_cold["user"][:, self.cold_items] = False
        self.of_cold["item"][:, np.arange(N_ITEMS) % 10 > 0] = False
        self.of_cold["item"][self.cold_users] = False
        rated[self.cold_users] = False
        rated[:, self.cold_items] = False
        self.scores = scores
        users, items = np.nonzero(rated)
        self.train = Ratings.from_arrays(users, items, scores[users, items])
        self.user_features = pl.DataFrame({"user": np.arange(N_USERS), "trade": self.trades})
        self.item_features = pl.DataFrame(
            {"item": np.arange(N_ITEMS), "year": self.years, "genres": self.genres}
        )

    def error(self, model: BayesianALS, kind: str) -> float:
        """RMSE on ratings of those whom nobody rated, or who rated nothing."""
        users, items = np.nonzero(self.of_cold[kind])
        errors = model.predict(users, items) - self.scores[users, items]
        return float(np.sqrt(np.mean(errors**2)))


PARAMETERS = {"n_factors": 4, "n_samples": 60, "n_burn_in": 20, "n_kept": 20}


@pytest.fixture(scope="module")
def cinema() -> Cinema:
    return Cinema()


@pytest.fixture(scope="module")
def model(cinema: Cinema) -> BayesianALS:
    return BayesianALS(**PARAMETERS).fit(
        cinema.train, user_features=cinema.user_features, item_features=cinema.item_features
    )


@pytest.mark.parametrize("kind", ["user", "item"])
def test_features_tell_of_those_without_a_rating(cinema: Cinema, model: BayesianALS, kind: str) -> None:
    without = cinema.error(BayesianALS(**PARAMETERS).fit(cinema.train), kind)
    with_both = cinema.error(model, kind)
    assert with_both < 0.75 * without
    given = {f"{kind}_features": getattr(cinema, f"{kind}_features")}
    assert cinema.error(BayesianALS(**PARAMETERS).fit(cinema.train, **given), kind) < 0.75 * without


def test_the_fewer_ratings_the_less_is_known(cinema: Cinema, model: BayesianALS) -> None:
    warm = np.setdiff1d(np.arange(N_USERS), cinema.cold_users)
    items = np.setdiff1d(np.arange(N_ITEMS), cinema.cold_items)
    spreads = [
        np.mean([model.predict(user, items, return_std=True)[1].mean() for user in users])
        for users in (warm, cinema.cold_users)
    ]
    assert spreads[0] < spreads[1]
    cold = np.mean([model.predict(user, cinema.cold_items, return_std=True)[1].mean() for user in warm])
    assert spreads[0] < cold


def test_a_newcomer_of_the_same_features_is_predicted_what_a_cold_user_is(
    cinema: Cinema, model: BayesianALS
) -> None:
    items = np.arange(N_ITEMS)
    for user in cinema.cold_users[:4].tolist():
        newcomer = model.fold_in({}, features={"trade": cinema.trades[user]})
        ours, theirs = (each.predict(items, return_std=True) for each in (newcomer, model.person(user)))
        assert np.allclose(ours, theirs, atol=1e-5)
        assert np.allclose(ours[0], model.predict(user, items), atol=1e-5)
        assert newcomer.recommend(5) == model.recommend(user, 5)


def test_what_is_not_said_of_a_newcomer_counts_as_nothing_known(model: BayesianALS) -> None:
    items = np.arange(N_ITEMS)
    nobody = model.fold_in({3: 4.0}).predict(items)
    for nothing in ({}, {"trade": []}, {"trade": "pilot"}):  # type: ignore[var-annotated]
        assert np.array_equal(model.fold_in({3: 4.0}, features=nothing).predict(items), nobody)
    known = model.fold_in({3: 4.0}, features={"trade": "poet"}).predict(items)
    assert np.abs(known - nobody).max() > 0.1


def test_the_order_of_a_frames_rows_does_not_matter(cinema: Cinema, model: BayesianALS) -> None:
    shuffled = BayesianALS(**PARAMETERS).fit(
        cinema.train,
        user_features=cinema.user_features.sample(fraction=1, shuffle=True, seed=1),
        item_features=cinema.item_features.reverse(),
    )
    assert np.array_equal(shuffled.item_factors_, model.item_factors_)


def test_a_number_on_another_scale_says_the_same(cinema: Cinema, model: BayesianALS) -> None:
    ages = pl.DataFrame({"item": np.arange(N_ITEMS), "age": 2020.0 - cinema.years})
    years = pl.DataFrame({"item": np.arange(N_ITEMS), "year": cinema.years})
    by_age, by_year = (
        BayesianALS(**PARAMETERS).fit(cinema.train, item_features=each) for each in (ages, years)
    )
    # The sign of β turns, and so does the noise of its draws: the chains differ, their means hardly.
    errors = [cinema.error(each, "item") for each in (by_age, by_year)]
    assert errors[0] == pytest.approx(errors[1], rel=0.1)


def test_features_of_no_meaning_do_little_harm(cinema: Cinema) -> None:
    generator = np.random.default_rng(1)
    users, items = np.nonzero(generator.random((N_USERS, N_ITEMS)) < 0.2)
    errors = []
    noise = pl.DataFrame(
        {"user": np.arange(N_USERS), **{f"n{i}": generator.normal(size=N_USERS) for i in range(8)}}
    )
    warm = (users % 10 > 0) & (items % 10 > 0)
    for features in (None, noise):
        model = BayesianALS(**PARAMETERS).fit(cinema.train, user_features=features)
        predicted = model.predict(users[warm], items[warm])
        errors.append(np.sqrt(np.mean((predicted - cinema.scores[users, items][warm]) ** 2)))
    assert errors[1] < 1.05 * errors[0]


def test_who_rated_what_is_a_feature_of_both_sides_scaled_by_the_root_of_their_number() -> None:
    rows = random_rows(np.random.default_rng(0), [0, 1, 4, 9], 12)
    found = regression_features(rows, 12, None, None, implicit=True)
    assert found is not None
    features, sizes = found
    assert sizes == [12]
    assert np.array_equal(features.columns, rows.columns)
    assert np.allclose(features.values, np.repeat([1, 1 / 2, 1 / 3], [1, 4, 9]))
    lengths = np.add.reduceat(features.values.astype(np.float64) ** 2, rows.indptr[1:-1])
    assert np.allclose(lengths, 1)
    assert regression_features(rows, 12, None, None, implicit=False) is None


def test_what_people_chose_to_rate_tells_of_their_taste() -> None:
    generator = np.random.default_rng(2)
    left, right = generator.normal(size=(200, 2)), generator.normal(size=(60, 2))
    scores = 3 + 0.6 * left @ right.T + 0.5 * generator.normal(size=(200, 60))
    # Everybody sees mostly what they like.
    rated = generator.random(scores.shape) < 0.3 / (1 + np.exp(-2.5 * left @ right.T))
    users, items = np.nonzero(rated)
    held_out = generator.random(len(users)) < 0.3
    train = Ratings.from_arrays(users[~held_out], items[~held_out], scores[users, items][~held_out])
    users, items = users[held_out], items[held_out]
    errors = []
    for implicit in (False, True):
        model = BayesianALS(n_factors=3, n_samples=80, n_kept=20, implicit=implicit).fit(train)
        errors.append(np.sqrt(np.mean((model.predict(users, items) - scores[users, items]) ** 2)))
    assert errors[1] < 0.98 * errors[0]


def test_a_second_fit_forgets_the_features_of_the_first(cinema: Cinema) -> None:
    model = BayesianALS(**PARAMETERS).fit(cinema.train, user_features=cinema.user_features)
    fresh = BayesianALS(**PARAMETERS).fit(cinema.train)
    model.fit(cinema.train)
    assert model.recommend(1) == fresh.recommend(1)
    assert model.user_features_ is None
    with pytest.raises(DataError, match="features are given, but the model was fitted without user_features"):
        model.fold_in({}, features={"trade": "cook"})


def test_a_start_has_rows_for_those_that_only_the_features_know(cinema: Cinema) -> None:
    model = BayesianALS(**PARAMETERS)
    start = np.ones((N_USERS, 4)), np.ones((cinema.train.n_items, 4))
    model.fit(cinema.train, user_features=cinema.user_features, start=start)
    assert model.user_factors_.shape == (N_USERS, 4)
    with pytest.raises(DataError, match=r"starting user factors have shape \(108, 4\); expected \(120, 4\)"):
        model.fit(cinema.train, user_features=cinema.user_features, start=(start[0][:108], start[1]))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"trade": 3}, "feature 'trade' is 3; expected text"),
        ({"salary": 3}, "no feature 'salary' was fitted.*trade"),
        ("cook", "expected features as {name: value, …}, got str"),
    ],
)
def test_a_newcomers_feature_that_is_wrong_is_named(
    model: BayesianALS, features: object, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        model.fold_in({}, features=features)  # type: ignore[arg-type]


def test_a_user_whom_the_features_lack_stops_no_fit(cinema: Cinema) -> None:
    some = cinema.user_features.filter(pl.col("user") != 1)
    with pytest.warns(UserWarning, match="user features lack 1 of 120 users, the first 1; nothing is known"):
        found = BayesianALS(**PARAMETERS).fit(cinema.train, user_features=some)
    known = found.user_features_
    assert known is not None
    shares = [np.mean(cinema.trades[np.arange(N_USERS) != 1] == each) for each in ("cook", "poet", "smith")]
    np.testing.assert_allclose(known.pick([1]).values, shares, atol=1e-6)


def test_features_that_repeat_an_id_are_refused() -> None:
    ratings = random_ratings()
    frame = pl.DataFrame({"user": ratings.users, "age": np.arange(float(ratings.n_users))})
    with pytest.raises(DataError, match=f"user features have user {ratings.users[0]} twice"):
        BayesianALS(**PARAMETERS).fit(ratings, user_features=pl.concat([frame, frame[:1]]))
