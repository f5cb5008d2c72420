"""A fit that starts from another model, whatever rows the two have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matinee import ALS, BayesianALS, ImplicitALS, ItemRidge, Recommender
from matinee.errors import DataError, NotFittedError
from matinee.ratings import Ratings

from ..conftest import random_ratings


def without(ratings: Ratings, *, users: Any = (), items: Any = ()) -> Ratings:
    frame = ratings.to_frame()
    for name, left_out in (("user", users), ("item", items)):
        frame = frame.filter(~frame[name].is_in(list(left_out)))
    return Ratings.from_frame(frame)


@pytest.mark.parametrize("kind", [ALS, ImplicitALS])
def test_known_rows_start_where_the_model_ended_and_others_as_without_one(kind: Any) -> None:
    train = random_ratings()
    new_users, new_items = train.users[[4, 20]].tolist(), train.items[[0, 30]].tolist()
    old = kind(n_factors=4, n_iterations=3).fit(without(train, users=new_users, items=new_items))
    model = kind(n_factors=4, random_state=5)
    cold, warm = model.alternation(train, None), model.alternation(train, old)
    for ids, theirs, own, begun, new in (
        (train.users, old.user_index_, old.user_side, (cold.users, warm.users), new_users),
        (train.items, old.item_index_, old.item_side, (cold.items, warm.items), new_items),
    ):
        is_new = np.isin(ids, new)
        places = theirs.positions(ids[~is_new])
        assert np.array_equal(begun[1].factors[~is_new], own.factors[places])
        assert np.array_equal(begun[1].factors[is_new], begun[0].factors[is_new])
        if kind is ALS:
            assert np.array_equal(begun[1].biases[~is_new], own.biases[places])
            assert not begun[1].biases[is_new].any()


@pytest.mark.parametrize("kind", [ALS, ImplicitALS])
def test_a_warm_fit_begins_lower_than_a_cold_one_ends_later(kind: Any) -> None:
    train = random_ratings()
    old = kind(n_factors=4, regularization=0.5, n_iterations=30).fit(without(train, users=train.users[:3]))
    cold = kind(n_factors=4, regularization=0.5, n_iterations=3).fit(train)
    warm = kind(n_factors=4, regularization=0.5, n_iterations=3).fit(train, start=old)
    assert warm.history_[-1].objective < cold.history_[-1].objective


def test_a_chain_starts_at_the_last_sample_of_another() -> None:
    train = random_ratings()
    parameters = {"n_factors": 3, "n_samples": 6, "n_burn_in": 4, "n_kept": 3}
    old = BayesianALS(**parameters).fit(without(train, items=train.items[:2]))
    cold, warm = (
        BayesianALS(n_factors=3, n_samples=1, n_burn_in=0, random_state=4).fit(train, start=start)
        for start in (None, old)
    )
    assert warm.history_[0].train_rmse < cold.history_[0].train_rmse
    _, items = old.sides_to_start_from
    assert np.array_equal(items.factors, old.posterior_.item_samples[:, -1])
    als = ALS(n_factors=3).fit(train)
    from_als = BayesianALS(n_factors=3, n_samples=1, n_burn_in=0, random_state=4).fit(train, start=als)
    assert from_als.history_[0].train_rmse < cold.history_[0].train_rmse


def test_a_recommender_starts_from_the_models_of_another() -> None:
    train = random_ratings()
    watch, stars = ImplicitALS(n_factors=3, n_iterations=2), ALS(n_factors=4, n_iterations=2)
    old = Recommender(watch=[ItemRidge(), watch], stars=stars).fit(train)
    warm = Recommender(watch=[ItemRidge(), watch], stars=stars).fit(train, start=old)
    for place, kind in ((1, watch), (2, stars)):
        expected = type(kind)(**kind.get_params()).fit(train, start=old.parts[place])
        assert np.array_equal(warm.parts[place].item_factors_, expected.item_factors_)


@pytest.mark.parametrize(
    ("model", "start", "error", "message"),
    [
        (ALS(n_factors=3), ALS(n_factors=4), DataError, "start has 4 factors; expected 3, as n_factors says"),
        (
            ALS(n_factors=3),
            ImplicitALS(n_factors=3),
            DataError,
            "ImplicitALS, which has no factors for rat",
        ),
        (ImplicitALS(n_factors=3), ALS(n_factors=3), DataError, "has no factors for what people watch"),
        (BayesianALS(n_factors=3), ItemRidge(), DataError, "ItemRidge, which has no factors for ratings"),
        (Recommender(stars=ALS(n_factors=3)), ALS(n_factors=3), DataError, "expected a fitted ImplicitALS"),
    ],
    ids=repr,
)
def test_a_start_that_does_not_fit_is_refused(model: Any, start: Any, error: Any, message: str) -> None:
    train = random_ratings()
    with pytest.raises(NotFittedError):
        model.fit(train, start=type(start)())
    with pytest.raises(error, match=message):
        model.fit(train, start=start.fit(train))


def test_ids_of_another_kind_are_refused() -> None:
    train = random_ratings()
    text = Ratings.from_frame(train.to_frame().cast({"user": str}))
    with pytest.raises(DataError, match="the user ids are strings in what was fitted"):
        ALS(n_factors=3).fit(train, start=ALS(n_factors=3).fit(text))
