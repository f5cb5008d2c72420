"""Lists re-ranked towards a person's genres, against Steck's greedy choice one person at a time."""

import math

import numpy as np
import polars as pl
import pytest

import matinee
from matinee.errors import DataError
from matinee.evaluation import calibrate, calibration, evaluate
from matinee.models import ItemRidge
from matinee.ratings.splits import split

from .test_beyond import NAMES, of_users, shares


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    random = np.random.default_rng(2)
    genres = {
        item: [name for name in NAMES if random.random() < 0.4] for item in small_ratings.items.tolist()
    }
    return ItemRidge().fit(train), train, test, genres


def greedy(scored, rated, genres, n, strength):
    low, high = min(scored.values()), max(scored.values())
    p = shares(rated, genres)
    chosen: list = []
    while len(chosen) < min(n, len(scored)):
        worth = {}
        for item in scored.keys() - set(chosen):
            q = shares([*chosen, item], genres) or dict.fromkeys(NAMES, 0.0)
            gap = sum(
                p[name] * math.log(p[name] / (0.99 * q[name] + 0.01 * p[name])) for name in NAMES if p[name]
            )
            worth[item] = (1 - strength) * (scored[item] - low) / (high - low) - strength * gap
        best = max(worth.values())
        chosen.append(next(item for item in scored if worth.get(item, -math.inf) >= best - 1e-12))
    return chosen


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_lists_are_those_of_the_greedy_choice(fitted, strength):
    model, train, _, genres = fitted
    pool = model.recommend_all(n=20)
    found = calibrate(pool, train, genres, n=6, strength=strength)
    rated = of_users(train)
    assert found["user"].unique().sort().to_list() == train.users.tolist()
    for user in train.users[::7].tolist():
        own = found.filter(user=user)
        scored = dict(pool.filter(user=user).select("item", "score").iter_rows())
        assert own["item"].to_list() == greedy(scored, rated[user], genres, 6, strength)
        assert own["rank"].to_list() == [1, 2, 3, 4, 5, 6]
        assert own["score"].to_list() == [scored[item] for item in own["item"]]


def test_calibrated_lists_are_nearer_to_what_people_rate(fitted):
    model, train, test, genres = fitted
    pool = model.recommend_all(n=25)
    gaps = [
        evaluate(calibrate(pool, train, genres, n=6, strength=one), test, k=6, train=train, genres=genres)
        for one in (0.0, 0.5, 1.0)
    ]
    assert gaps[0].miscalibration > gaps[1].miscalibration > gaps[2].miscalibration
    plain = evaluate(model.recommend_all(n=6), test, k=6, train=train, genres=genres)
    assert gaps[0].ndcg == pytest.approx(plain.ndcg)


def test_short_lists_keep_their_items_and_strangers_their_order(fitted, monkeypatch):
    _, train, _, genres = fitted
    items = train.items.tolist()
    frame = pl.DataFrame(
        {"user": [-1, -1, -1, train.users[0]], "item": [*items[:3], items[5]], "score": [3.0, 1.0, 2.0, 7.0]}
    )
    found = calibrate(frame.to_pandas(), train, genres, strength=0.9)
    assert found.rows() == [
        (-1, 1, items[0], 3.0),
        (-1, 2, items[2], 2.0),
        (-1, 3, items[1], 1.0),
        (train.users[0], 1, items[5], 7.0),
    ]
    monkeypatch.setattr(calibration, "NUMBERS_AT_ONCE", 1)
    assert matinee.calibrate(frame, train, genres, strength=0.9).equals(found)


def test_what_cannot_be_calibrated_is_refused(fitted):
    model, train, _, genres = fitted
    pool = model.recommend_all(n=5)
    for lists, arguments, message in (
        (pool, {"n": 0}, "n=0; expected a whole number of at least 1"),
        (pool, {"strength": 2}, "strength=2; expected a number from 0 to 1"),
        (pool.drop("score"), {}, "score"),
        (pool.clear(), {}, "lists has no rows"),
        (pl.concat([pool, pool]), {}, "is twice in the list of user"),
        ([1, 2], {}, "lists is of type list; expected a frame"),
    ):
        with pytest.raises(DataError, match=message):
            calibrate(lists, train, genres, **arguments)
    with pytest.raises(DataError, match="genres has no genre of any item here"):
        calibrate(pool, train, {-3: ["war"]})
