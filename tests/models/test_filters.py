"""Filters of lists, on every model, against the whole list without what the filters leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.errors import DataError, UnknownItemError, UnknownUserError
from matinee.models import MODELS, Model
from matinee.models.bayes.answers import SampledModel

from .test_contract import fitted_once, ratings


@pytest.fixture(params=MODELS, ids=lambda kind: kind.__name__)
def model(request: pytest.FixtureRequest) -> Model:
    return fitted_once(request.param)


def counts(column: str) -> dict[Any, int]:
    """How many ratings there are of each item, or by each user, by polars."""
    return dict(ratings().to_frame().group_by(column).len().iter_rows())


def whole_list(model: Model, user: Any, exclude_seen: bool) -> list[tuple[Any, float]]:
    found = model.recommend_all([user], n=1000, exclude_seen=exclude_seen)
    return list(zip(found["item"], found["score"], strict=True))


@settings(max_examples=30)
@given(
    row=st.integers(0, 39),
    n=st.integers(1, 40),
    exclude_seen=st.booleans(),
    only=st.none() | st.lists(st.integers(0, 29), max_size=25),
    without=st.none() | st.lists(st.integers(0, 29), max_size=25),
    least=st.none() | st.integers(0, 30),
)
@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_a_filtered_list_is_the_whole_list_without_what_does_not_pass(
    kind: type[Model], row: int, n: int, exclude_seen: bool, only: Any, without: Any, least: int | None
) -> None:
    model, of_item = fitted_once(kind), counts("item")
    ids = model.item_index_.ids.tolist()
    user = model.user_index_.id_at(row % len(model.user_index_))
    items, exclude = (
        [ids[i % len(ids)] for i in each] if each is not None else None for each in (only, without)
    )
    expected = [
        item
        for item, _ in whole_list(model, user, exclude_seen)
        if (items is None or item in items)
        and item not in (exclude or [])
        and of_item.get(item, 0) >= (least or 0)
    ][:n]
    asked = {"exclude_seen": exclude_seen, "items": items, "exclude": exclude, "min_ratings": least}
    assert [one.item for one in model.recommend(user, n, **asked)] == expected
    assert [one.item for one in model.person(user).recommend(n, **asked)] == expected
    assert model.recommend_all([user], n=n, **asked)["item"].to_list() == expected
    assert (
        model.recommend_all([user], n=n, **(asked | {"items": {user: items if items is not None else ids}}))[
            "item"
        ].to_list()
        == expected
    )


def test_a_visitors_list_passes_the_filters_too(model: Model) -> None:
    ids, of_item = model.item_index_.ids.tolist(), counts("item")
    least = sorted(of_item.values())[len(of_item) // 2]
    visitor = model.fold_in({ids[2]: 4.5, ids[9]: 1.0})
    whole = [one.item for one in visitor.recommend(1000)]
    found = visitor.recommend(1000, items=ids[::2], exclude=ids[:8], min_ratings=least)
    expected = [i for i in whole if i in ids[::2] and i not in ids[:8] and of_item[i] >= least]
    assert [one.item for one in found] == expected
    assert 0 < len(expected) < len(whole)


def test_similar_items_and_users_are_the_nearest_that_pass(model: Model) -> None:
    for kind, ids, ask, of_each in (
        ("items", model.item_index_.ids.tolist(), model.similar_items, counts("item")),
        ("users", model.user_index_.ids.tolist(), model.similar_users, counts("user")),
    ):
        least = sorted(of_each.values())[len(of_each) // 3]
        whole: list[Any] = ask(ids[5], 1000)
        expected = [
            one
            for one in whole
            if one[0] in ids[::2] and one[0] not in ids[:6] and of_each.get(one[0], 0) >= least
        ]
        filters: dict[str, Any] = {kind: ids[::2], "exclude": ids[:6], "min_ratings": least}
        assert ask(ids[5], 1000, **filters) == expected
        assert ask(ids[5], 3, **filters) == expected[:3]
        assert ask(ids[5], **{kind: []}) == []


def test_no_candidates_make_empty_lists(model: Model) -> None:
    user, other = model.user_index_.ids[:2].tolist()
    assert model.recommend(user, items=[]) == []
    assert model.fold_in({}).recommend(items=[]) == []
    assert model.recommend_group([user, other], items=[]) == []
    nothing: tuple[Any, ...] = ([], {user: [], other: []})
    for items in nothing:
        found = model.recommend_all([user, other], items=items)
        assert found.rows() == []
        assert found.columns[:4] == ["user", "rank", "item", "score"]
        assert found.schema == model.recommend_all([user]).schema
    assert model.recommend(user, min_ratings=10**6) == []


def test_everybody_may_have_candidates_of_their_own(model: Model) -> None:
    ids, users = model.item_index_.ids.tolist(), model.user_index_.ids.tolist()
    generator = np.random.default_rng(4)
    own = {user: generator.choice(ids, generator.integers(0, 9), replace=False).tolist() for user in users}
    found = model.recommend_all(n=4, items=own, exclude=ids[:3])
    for user in users:
        alone = model.recommend_all([user], n=4, items=own[user], exclude=ids[:3])
        mine = found.filter(pl.col("user") == user)
        assert mine["item"].to_list() == alone["item"].to_list()
        assert np.allclose(mine["score"], alone["score"], rtol=1e-5, atol=1e-6)
    assert found["user"].unique(maintain_order=True).to_list() == [
        u for u in users if u in set(found["user"])
    ]


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, pa.table, lambda data: pl.LazyFrame(data)])
def test_candidates_come_as_a_frame_or_a_mapping_in_any_order(made: Callable[[Any], Any]) -> None:
    model = fitted_once(MODELS[0])
    ids, users = model.item_index_.ids.tolist(), model.user_index_.ids.tolist()
    own = {users[7]: ids[5:15], users[0]: ids[::4], users[3]: [ids[1], ids[1], ids[0]]}
    pairs = [(user, item) for user, items in own.items() for item in items][::-1]
    frame = made({"item": [i for _, i in pairs], "user": [u for u, _ in pairs], "other": [1] * len(pairs)})
    asked = [users[3], users[7], users[0], users[3]]
    expected = model.recommend_all(asked, n=5, items=own)
    assert model.recommend_all(asked, n=5, items=frame).equals(expected)
    assert expected["user"].to_list()[:2] == [users[3]] * 2


def test_many_candidates_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted_once(MODELS[0])
    own = {
        user: model.item_index_.ids[place % 3 :: 3].tolist()
        for place, user in enumerate(ratings().users.tolist())
    }
    whole = model.recommend_all(n=5, items=own)
    monkeypatch.setattr("matinee.models.batches.PAIRS_AT_ONCE", 5 * len(model.item_index_))
    assert model.recommend_all(n=5, items=own).equals(whole)


@pytest.mark.parametrize(
    "made", [set, tuple, np.array, pl.Series, pd.Series, pa.array, iter, lambda ids: (id for id in ids)]
)
def test_ids_come_in_any_list(made: Callable[[Any], Any]) -> None:
    model = fitted_once(MODELS[0])
    user, ids = model.user_index_.id_at(3), model.item_index_.ids[4:12].tolist()
    assert model.recommend(user, items=made(ids)) == model.recommend(user, items=ids)
    assert model.recommend(user, 50, exclude=made(ids)) == model.recommend(user, 50, exclude=ids)


def test_unknown_ids_may_be_excluded_and_not_chosen(model: Model) -> None:
    user, item = model.user_index_.id_at(3), model.item_index_.id_at(5)
    plain = model.recommend(user, 50)
    assert model.recommend(user, 50, exclude=[-5, None, "x", 2.5]) == plain
    assert model.recommend(user, 50, exclude=[]) == plain
    assert model.similar_users(user, exclude=[-5]) == model.similar_users(user)
    for ask in (
        lambda: model.recommend(user, items=[item, -5]),
        lambda: model.recommend_all([user], items=[-5]),
        lambda: model.recommend_all([user], items={user: [item, -5]}),
        lambda: model.similar_items(item, items=[-5]),
        lambda: model.fold_in({}).recommend(items=np.array([-5])),
    ):
        with pytest.raises(UnknownItemError, match="item -5 is not known"):
            ask()
    with pytest.raises(UnknownUserError, match="user -5 is not known"):
        model.similar_users(user, users=[user, -5])


BAD = {
    "negative": ({"min_ratings": -1}, "min_ratings=-1; expected a whole number of at least 0"),
    "half": ({"min_ratings": 2.5}, "min_ratings=2.5; expected a whole number"),
    "true": ({"min_ratings": True}, "min_ratings=True; expected a whole number"),
    "text": ({"items": "16"}, r"items='16'; expected a list of ids, such as \['16'\]"),
    "one": ({"items": 16}, r"items=16; expected a list of ids, such as \[16\]"),
    "bytes": ({"exclude": b"16"}, r"exclude=b'16'; expected a list of ids"),
    "nothing iterable": ({"exclude": 16}, r"exclude=16; expected a list of ids"),
    "matrix": ({"exclude": np.ones((2, 2))}, "exclude has 2 dimensions; expected a list of ids"),
    "frame": ({"exclude": pl.DataFrame({"item": [16]})}, "exclude is a DataFrame; expected a list of ids"),
    "mapping": ({"exclude": {16: 1}}, "exclude is a dict; expected a list of ids"),
    "column of lists": ({"exclude": pl.Series([[16], [17]])}, "exclude has 2 dimensions"),
    "strings": ({"exclude": ["16", "17"]}, "the item ids are integers in what was fitted, .*none can match"),
}


@pytest.mark.parametrize("bad", BAD)
def test_filters_that_make_no_sense_are_refused(model: Model, bad: str) -> None:
    filters, message = BAD[bad]
    users = model.user_index_.ids[:2].tolist()
    for ask in (
        lambda: model.recommend(users[0], **filters),
        lambda: model.recommend_all(users, **filters),
        lambda: model.recommend_group(users, **filters),
        lambda: model.similar_items(model.item_index_.id_at(0), **filters),
        lambda: model.fold_in({}).recommend(**filters),
    ):
        with pytest.raises(DataError, match=message):
            ask()


def test_candidates_of_each_that_make_no_sense_are_refused(model: Model) -> None:
    users, items = model.user_index_.ids[:3].tolist(), model.item_index_.ids[:3].tolist()
    frame = pl.DataFrame({"user": [*users, -5], "item": [*items, items[0]]})
    for candidates, message in (
        ({users[0]: items}, f"items has nothing for user {users[1]}; give everybody"),
        (frame[:1], f"items has nothing for user {users[1]}; give everybody"),
        ({**dict.fromkeys(users, items), -5: items}, "items names the user -5, who is not among"),
        (frame, "items names the user -5, who is not among"),
        (frame.rename({"item": "film"}), "no column 'item'; the columns are 'user', 'film'"),
        (frame.rename({"user": "who"}).to_pandas(), "no column 'user'"),
        (dict.fromkeys(users, "16"), f"items of user {users[0]}='16'; expected a list"),
        (dict.fromkeys(users, 16), f"items of user {users[0]}=16; expected a list"),
        (frame["item"].reshape((2, 2)), "items has 2 dimensions; expected a list of ids"),
    ):
        with pytest.raises(DataError, match=message):
            model.recommend_all(users, items=candidates)
    for ask in (
        lambda: model.recommend(users[0], items={users[0]: items}),
        lambda: model.recommend_group(users, items={users[0]: items}),
    ):
        with pytest.raises(DataError, match="items is a dict; expected a list of ids"):
            ask()


def test_optimism_ranks_what_passes() -> None:
    model = fitted_once(next(kind for kind in MODELS if issubclass(kind, SampledModel)))
    assert isinstance(model, SampledModel)
    user, ids, of_item = model.user_index_.id_at(4), model.item_index_.ids.tolist(), counts("item")
    whole = model.recommend(user, 1000, optimism=2.0)
    least = sorted(of_item.values())[len(of_item) // 2]
    found = model.recommend(user, 1000, items=ids[1:], exclude=ids[:7], min_ratings=least, optimism=2.0)
    expected = [one.item for one in whole if one.item in ids[7:] and of_item[one.item] >= least]
    assert [one.item for one in found] == expected
    assert 0 < len(expected) < len(whole)
