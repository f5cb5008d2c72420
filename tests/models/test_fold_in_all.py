"""Many people folded in at once, on every model, against each of them folded in alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from matinee.errors import DataError, UnknownItemError
from matinee.models import MODELS, Model
from matinee.ratings import Ratings
from matinee.ratings.splits import split

from .test_contract import fitted_once, ratings, small


@pytest.fixture(params=MODELS, ids=lambda kind: kind.__name__)
def model(request: pytest.FixtureRequest) -> Model:
    return fitted_once(request.param)


def strangers() -> Ratings:
    generator = np.random.default_rng(8)
    users = np.repeat([f"guest {number}" for number in range(9)], np.arange(1, 10))
    items = np.concatenate([generator.choice(ratings().items, n, replace=False) for n in range(1, 10)])
    return Ratings.from_arrays(users, items, generator.integers(1, 6, len(users)))


def test_folding_in_all_gives_the_lists_of_folding_in_each(model: Model) -> None:
    people = strangers()
    of_item = dict(ratings().to_frame().group_by("item").len().iter_rows())
    ids = model.item_index_.ids.tolist()
    least = sorted(of_item.values())[len(of_item) // 4]
    for asked in (
        {},
        {"n": 3, "exclude_seen": False},
        {"n": 50, "items": ids[3:], "exclude": ids[8:10], "min_ratings": least},
    ):
        found = model.fold_in_all(people, **asked)
        assert found.schema == {**model.recommend_all(n=1).schema, "user": pl.String}
        assert found["user"].unique(maintain_order=True).to_list() == people.users.tolist()
        for user, own in people.to_frame().group_by("user"):
            visitor = model.fold_in(zip(own["item"], own["rating"], strict=True))
            mine = found.filter(pl.col("user") == user[0])
            expected = visitor.recommend(**asked)
            assert mine["item"].to_list() == [one.item for one in expected]
            assert mine["rank"].to_list() == list(range(1, len(expected) + 1))
            assert np.allclose(mine["score"], [one.score for one in expected], rtol=2e-4, atol=2e-5)
            if "rating" in found.columns:
                assert np.allclose(mine["rating"], [one.rating for one in expected], rtol=1e-4)


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, pa.table, lambda data: pl.LazyFrame(data)])
def test_people_come_in_any_frame(made: Callable[[Any], Any]) -> None:
    model = fitted_once(MODELS[0])
    columns = strangers().to_frame().to_dict(as_series=False)
    assert model.fold_in_all(made(columns)).equals(model.fold_in_all(strangers()))
    own = {"item": columns["item"][5:9], "rating": columns["rating"][5:9]}
    by_mapping = model.fold_in(dict(zip(own["item"], own["rating"], strict=True)))
    assert model.fold_in(made(own)).recommend() == by_mapping.recommend()
    assert model.fold_in(made(own)).rated == by_mapping.rated


def test_people_folded_in_may_have_candidates_of_their_own(model: Model) -> None:
    people = strangers()
    own = {user: model.item_index_.ids[place::5].tolist() for place, user in enumerate(people.users.tolist())}
    found = model.fold_in_all(people, 4, items=own)
    for user, mine in people.to_frame().group_by("user"):
        visitor = model.fold_in(zip(mine["item"], mine["rating"], strict=True))
        expected = [one.item for one in visitor.recommend(4, items=own[user[0]])]
        assert found.filter(pl.col("user") == user[0])["item"].to_list() == expected


def test_new_users_of_a_split_get_the_lists_that_are_judged(model: Model) -> None:
    train, test = split(ratings(), by="new_users", test_size=0.3)
    fitted = small(type(model)).fit(train)
    known = np.isin(test.history.items, fitted.item_index_.ids)[test.history.by_user.columns]
    history = test.history.subset(known)
    found = fitted.fold_in_all(history, n=3)
    assert found["user"].unique(maintain_order=True).to_list() == history.users.tolist()


def test_the_last_of_two_ratings_of_an_item_counts_in_a_frame_as_in_pairs() -> None:
    model = fitted_once(MODELS[0])
    first, second = model.item_index_.ids[:2].tolist()
    frame = pl.DataFrame({"item": [first, second, first], "rating": [1, 2, 5]})
    assert model.fold_in(frame).rated == {first: 5.0, second: 2.0}
    assert model.fold_in(frame.rows()).rated == {first: 5.0, second: 2.0}
    assert model.fold_in(frame[:0]).rated == {}
    assert model.fold_in(pd.Series({first: 4.0})).rated == {first: 4.0}


def test_ratings_of_strangers_that_make_no_sense_are_refused(model: Model) -> None:
    frame = strangers().to_frame()
    unknown = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(-5).otherwise("item").alias("item")
    )
    for ask in (lambda: model.fold_in_all(unknown), lambda: model.fold_in(unknown.drop("user"))):
        with pytest.raises(UnknownItemError, match="item -5 is not known to the model"):
            ask()
    with pytest.raises(UnknownItemError, match="item ids here are integers, this is a str"):
        model.fold_in_all(frame.with_columns(pl.col("item").cast(pl.String)))
    for rated, message in (
        (frame.drop("rating"), "no column 'rating'; the columns are 'user', 'item'"),
        (frame.drop("user"), "no column 'user'"),
        (frame[:0], "there are no ratings"),
        (frame.with_columns(rating=pl.lit(float("nan"))), "row 0: the rating is missing or not a number"),
        ({"user": [1]}, "expected a pandas, polars or Arrow frame, got dict"),
        (None, "expected a pandas, polars or Arrow frame, got NoneType"),
    ):
        with pytest.raises(DataError, match=message):
            model.fold_in_all(rated)
    for rated, message in (
        (frame.drop("rating"), "no column 'rating'"),
        (frame.drop("item"), "no column 'item'"),
        (frame.drop("user").with_columns(rating=pl.lit("five")), "row 0: rating 'five' is not a number"),
        (frame, r"holds the ratings of 9 users; fold_in_all\(ratings\) takes many"),
    ):
        with pytest.raises(DataError, match=message):
            model.fold_in(rated)
    with pytest.raises(DataError, match="n=0; expected a whole number of at least 1"):
        model.fold_in_all(strangers(), 0)
