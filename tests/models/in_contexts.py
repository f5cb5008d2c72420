"""Ratings in contexts, made by formulas that tests know."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import matinee
from matinee import DataError
from matinee.ratings import Ratings

WEEKDAYS = ["Friday", "Monday", "Saturday", "Sunday"]
N_USERS, N_ITEMS = 40, 30


def ratings_in_contexts(seed: int = 0, share: float = 0.4) -> Ratings:
    generator = np.random.default_rng(seed)
    users, items = np.nonzero(generator.random((N_USERS, N_ITEMS)) < share)
    weekdays, devices = generator.integers(0, 4, size=len(users)), generator.integers(0, 3, size=len(users))
    x, y = generator.normal(size=(N_USERS, 2)), generator.normal(size=(N_ITEMS, 2))
    z, w = generator.normal(size=(4, 2)), generator.normal(size=(3, 2))
    both = z[weekdays] + w[devices]
    scores = ((x[users] + y[items]) * both + x[users] * y[items]).sum(axis=1)
    return Ratings.from_arrays(
        users * 3 + 1,
        items * 2 + 5,
        3 + 0.5 * scores + 0.3 * generator.normal(size=len(users)),
        contexts={"weekday": np.array(WEEKDAYS)[weekdays], "device": np.array(["phone", "tv", ""])[devices]},
    )


CONTEXTS: list[dict[str, Any]] = [
    {"weekday": "Saturday", "device": "tv"},
    {"weekday": "Monday"},
    {"device": None},
    {"weekday": "Wednesday", "device": "phone"},
    {},
]


def planted(strength: float, seed: int) -> tuple[Ratings, Ratings, float]:
    """Ratings of films of which some are liked at weekends and others on weekdays; its variance."""
    generator = np.random.default_rng(seed)
    n_users, n_items, n = 300, 120, 9000
    pairs = generator.choice(n_users * n_items, size=n, replace=False)
    users, items, days = pairs // n_items, pairs % n_items, generator.integers(0, 7, size=n)
    x, y = generator.normal(size=(n_users, 3)), generator.normal(size=(n_items, 3))
    of_film, of_day = generator.choice([-1.0, 1.0], size=n_items), np.where(np.arange(7) >= 5, 1.0, -0.4)
    taste = strength * of_film[items] * of_day[days]
    values = 3.5 + 0.3 * (x[users] * y[items]).sum(axis=1) + taste + 0.5 * generator.normal(size=n)
    ratings = Ratings.from_arrays(users, items, values, contexts={"weekday": np.array(list("mtwhfsu"))[days]})
    train, test = matinee.split(ratings, test_size=0.25, random_state=seed)
    return train, test, float(taste.var())


def with_more_contexts_than_ratings() -> Ratings:
    frame = ratings_in_contexts().to_frame().with_row_index("moment").with_columns(second=pl.col("moment"))
    return Ratings.from_frame(frame, contexts=["moment", "second"])


def assert_strange_contexts_are_refused(model: Any, plain: Any, message: str) -> None:
    """Contexts that the model lacks, and any of a plain model, which was fitted without."""
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    with pytest.raises(DataError, match="there is no context 'hour'; expected one of 'weekday', 'device'"):
        model.predict(user, item, context={"hour": 3})
    with pytest.raises(DataError, match="expected a mapping"):
        model.recommend(user, context="Saturday")
    for ask in (
        lambda: plain.predict(user, item, context={"weekday": "Saturday"}),
        lambda: plain.recommend(user, context={"weekday": "Saturday"}),
        lambda: plain.recommend_all(context={"weekday": "Saturday"}),
        lambda: plain.fold_in({item: 3}).in_context({}),
    ):
        with pytest.raises(DataError, match=message):
            ask()
