"""What holds for every model that the registry names: a model is tested here on the day it is written."""

from __future__ import annotations

import copy
import pickle
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

from matinee import load
from matinee.errors import DataError, NotFittedError, UnknownItemError, UnknownUserError
from matinee.evaluation import evaluate
from matinee.models import MODELS, Model
from matinee.ratings import Ratings
from matinee.ratings.splits import split

from ..conftest import random_ratings

# Small, and other than the defaults, so that what is kept of them can be told from what is not.
SMALL = {
    "n_factors": 4,
    "n_iterations": 5,
    "n_samples": 8,
    "n_burn_in": 3,
    "n_kept": 5,
    "regularization": 0.7,
}
SCORE = {"rtol": 2e-4, "atol": 2e-5}


def small(kind: type[Model], **more: Any) -> Model:
    names = kind.parameter_names()
    return kind(**{name: value for name, value in (SMALL | more).items() if name in names})


@cache
def ratings() -> Ratings:
    return random_ratings()


@cache
def fitted_once(kind: type[Model]) -> Model:
    return small(kind).fit(ratings())


@pytest.fixture(params=MODELS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Model]:
    found: type[Model] = request.param
    return found


@pytest.fixture
def model(kind: type[Model]) -> Model:
    """Shared by the tests: what changes a model takes a copy."""
    return fitted_once(kind)


def answers(model: Model) -> list[Any]:
    """Some of all that a model answers, to be compared whole."""
    user, item = model.user_index_.id_at(3), model.item_index_.id_at(7)
    visitor = model.fold_in({model.item_index_.id_at(2): 4.5, model.item_index_.id_at(9): 1.0})
    return [
        model.recommend_all(n=6).rows(),
        model.predict(user, model.item_index_.ids).tolist(),
        model.explain(user, item),
        model.similar_items(item),
        model.similar_users(user),
        visitor.recommend(8),
        visitor.explain(item),
        visitor.rated,
    ]


# ---- lists ---------------------------------------------------------------------------------------


def test_the_score_of_an_explanation_is_that_of_the_list_and_its_parts_add_up(model: Model) -> None:
    for user in model.user_index_.ids[:12].tolist():
        for item, score in model.recommend(user, 5):
            whole = model.explain(user, item, n=100)
            assert np.isclose(whole.score, score, **SCORE)
            parts = sum(part.contribution for part in whole.contributions)
            assert np.isclose(whole.baseline + parts + whole.rest, whole.score, rtol=1e-9, atol=1e-9)
            assert {part.item: part.rating for part in whole.contributions} == model.person(user).rated
            few = model.explain(user, item, n=2)
            assert few.contributions == whole.contributions[:2]
            assert np.isclose(few.score, whole.score, rtol=1e-12)


def test_a_visitors_explanations_are_of_their_list(model: Model) -> None:
    items = model.item_index_.ids
    visitor = model.fold_in({int(items[4]): 5.0, int(items[1]): 2.0, int(items[30]): 3.5})
    found = visitor.recommend(10)
    explained = visitor.explain_all([item for item, _ in found])
    assert np.allclose([one.score for one in explained], [score for _, score in found], **SCORE)


def test_a_list_has_exactly_n_distinct_items_that_may_be_shown(model: Model) -> None:
    n_items = len(model.item_index_)
    for user in model.user_index_.ids[:20].tolist():
        seen = set(model.person(user).rated)
        for n in (1, 7, n_items, n_items + 5):
            found = model.recommend(user, n)
            items = [one.item for one in found]
            assert len(items) == len(set(items)) == min(n, n_items - len(seen))
            assert not seen & set(items)
            assert np.isfinite([one.score for one in found]).all()
            assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        assert len(model.recommend(user, n_items + 5, exclude_seen=False)) == n_items


def test_a_list_among_some_items_is_the_whole_list_without_the_others(model: Model) -> None:
    user, chosen = model.user_index_.id_at(5), model.item_index_.ids[::3].tolist()
    whole = model.recommend(user, 100)
    assert model.recommend(user, 100, items=chosen) == [one for one in whole if one.item in chosen]


def test_lists_of_all_are_the_lists_of_each(model: Model) -> None:
    frame = model.recommend_all(n=4)
    assert frame.columns[:4] == ["user", "rank", "item", "score"]
    for user in model.user_index_.ids[::7].tolist():
        rows = frame.filter(pl.col("user") == user)
        found = model.recommend(user, 4)
        assert rows["item"].to_list() == [one.item for one in found]
        assert np.allclose(rows["score"], [one.score for one in found], rtol=1e-5, atol=1e-6)
        assert rows["rank"].to_list() == list(range(1, len(found) + 1))


def test_neighbours_are_others_and_nearest_first(model: Model) -> None:
    item, user = model.item_index_.id_at(6), model.user_index_.id_at(6)
    # Where nobody has factors, nobody has neighbours.
    if type(model).__name__ not in ("MostPopular", "ItemBiases"):
        assert len(model.similar_items(item, 3)) == len(model.similar_users(user, 3)) == 3
        assert len(model.similar_items(item, 1000)) == len(model.item_index_) - 1
        assert len(model.similar_users(user, 1000)) == len(model.user_index_) - 1
    for found, own in ((model.similar_items(item, 50), item), (model.similar_users(user, 100), user)):
        ids, scores = [one[0] for one in found], [one.score for one in found]
        assert own not in ids
        assert len(ids) == len(set(ids))
        assert scores == sorted(scores, reverse=True)
        assert all(-1.0001 <= score <= 1.0001 for score in scores)


# ---- people --------------------------------------------------------------------------------------


def test_folding_in_a_users_own_ratings_gives_their_stored_answers(model: Model) -> None:
    items = model.item_index_.ids
    for user in model.user_index_.ids[::5].tolist():
        stored, folded = model.person(user), model.fold_in(model.person(user).rated)
        assert folded.rated == stored.rated
        assert np.allclose(folded.predict(items), stored.predict(items), **SCORE)
        assert np.allclose(stored.predict(items), model.predict(user, items), rtol=1e-6)
        scores, again = ({one.item: one.score for one in each.recommend(100)} for each in (stored, folded))
        assert scores.keys() == again.keys()
        assert np.allclose(list(scores.values()), [again[item] for item in scores], **SCORE)


def test_somebody_without_ratings_gets_a_list(model: Model) -> None:
    nobody = model.fold_in({})
    assert len(nobody.recommend(10)) == 10
    explained = nobody.explain(model.item_index_.id_at(0))
    assert (explained.contributions, explained.rest) == ([], 0)
    assert nobody.rated == {}


def test_a_visitors_answers_do_not_depend_on_the_order_of_their_ratings(model: Model) -> None:
    told = {model.item_index_.id_at(place): stars for place, stars in ((8, 4.0), (2, 1.0), (20, 5.0))}
    backwards = dict(reversed(told.items()))
    assert model.fold_in(told).recommend() == model.fold_in(backwards).recommend()


@pytest.mark.parametrize("rating", [float("nan"), float("inf"), 1e30, "five", None])
def test_what_is_no_rating_is_refused(model: Model, rating: Any) -> None:
    with pytest.raises(DataError, match=r"rating of item 16=.*expected a number"):
        model.fold_in({16: rating})


def test_lists_for_some_users_are_theirs_in_the_order_given(model: Model) -> None:
    users = [model.user_index_.id_at(place) for place in (7, 0, 3)]
    lists = model.recommend_all(users, n=3)
    assert lists["user"].unique(maintain_order=True).to_list() == users
    for user in users:
        items = lists.filter(lists["user"] == user)["item"].to_list()
        assert items == [each.item for each in model.recommend(user, n=3)]


def test_the_seconds_of_iterations_are_some_of_those_of_the_fit(model: Model) -> None:
    began = time.perf_counter()
    fitted = type(model)(**model.get_params()).fit(random_ratings())
    took = time.perf_counter() - began
    seconds = [record.seconds for record in fitted.history_]
    assert all(each >= 0 for each in seconds)
    assert sum(seconds) <= took


# ---- ids -----------------------------------------------------------------------------------------


def test_unknown_ids_are_named_with_a_remedy(model: Model) -> None:
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    for ask in (
        lambda: model.recommend(-5),
        lambda: model.explain(-5, item),
        lambda: model.similar_users(-5),
        lambda: model.recommend_all([user, -5]),
        lambda: model.predict(-5, item, unknown="raise"),
    ):
        with pytest.raises(UnknownUserError, match=r"-5.*fold_in"):
            ask()
    for ask in (
        lambda: model.recommend(user, items=[item, -5]),
        lambda: model.explain(user, -5),
        lambda: model.similar_items(-5),
        lambda: model.fold_in({-5: 3.0}),
        lambda: model.predict(user, -5, unknown="raise"),
        lambda: model.fold_in({}).predict(-5, unknown="raise"),
    ):
        with pytest.raises(UnknownItemError, match="-5"):
            ask()


def test_ids_that_can_never_match_are_refused(model: Model) -> None:
    users, items, texts = ratings().users, ratings().items, [str(id) for id in ratings().items]
    with pytest.raises(
        DataError, match="the user ids are integers in what was fitted, such as 3, and strings"
    ):
        model.predict("28", items[0])
    with pytest.raises(DataError, match="the item ids are integers .*, such as '5': none can match"):
        model.predict(users[0], texts, unknown="nan")
    with pytest.raises(DataError, match="the item ids are integers"):
        model.person(users[0]).predict(texts)
    pairs = Ratings.from_arrays(users[:3], texts[:3], [1, 2, 3])
    with pytest.raises(DataError, match="the item ids are integers"):
        evaluate(model, pairs)
    with pytest.raises(DataError, match="the item ids are integers"):
        small(type(model)).fit(ratings(), validation=pairs)
    # Where one of the ids may match, the others are unknown like any.
    some = model.predict([users[0], "x"], [items[0], "y"])
    assert some[0] == model.predict(users[0], items[0])


def test_unknown_ids_fall_back_to_something_finite_or_to_nan(model: Model) -> None:
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    users, items = [user, -5, user, -5], [item, item, -5, -5]
    fallback = model.predict(users, items)
    assert np.isfinite(fallback).all()
    if model.predicts_ratings:
        low, high = model.rating_range_
        assert ((fallback >= low) & (fallback <= high)).all()
    nan = model.predict(users, items, unknown="nan")
    assert nan[0] == fallback[0]
    assert np.isnan(nan[1:]).all()
    with pytest.raises(DataError, match="unknown='guess'"):
        model.predict(user, item, unknown="guess")


# ---- what a model is ---------------------------------------------------------------------------------


def test_a_file_gives_the_model_back(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = load(path)
    assert type(loaded) is type(model)
    assert loaded.get_params() == model.get_params()
    assert answers(loaded) == answers(model)
    assert loaded.history_ == model.history_
    assert loaded.rating_range_ == model.rating_range_


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_gives_the_same_answers(model: Model, copied: Any) -> None:
    expected = answers(model)
    assert answers(copied(model)) == expected


def test_the_answers_stay_when_parameters_are_set_for_the_next_fit(model: Model) -> None:
    changed = copy.deepcopy(model)
    expected = answers(changed)
    for name, value in changed.get_params().items():
        if isinstance(value, float):
            changed.set_params(**{name: value / 2})
        elif isinstance(value, bool):
            changed.set_params(**{name: not value})
    assert answers(changed) == expected


@pytest.mark.parametrize("n_threads", [2, 3])
def test_any_number_of_threads_gives_the_same_bits(kind: type[Model], n_threads: int) -> None:
    one = small(kind, n_threads=1).fit(ratings())
    several = small(kind, n_threads=n_threads).fit(ratings())
    assert answers(one) == answers(several)


def test_parameters_are_read_set_cloned_and_shown(kind: type[Model]) -> None:
    model = small(kind)
    parameters = model.get_params()
    assert list(parameters) == kind.parameter_names()
    assert clone(model).get_params() == parameters
    assert kind().set_params(**parameters).get_params() == parameters
    assert repr(kind()) == f"{kind.__name__}()"
    assert eval(repr(model), {kind.__name__: kind}).get_params() == parameters
    with pytest.raises(DataError, match=f"{kind.__name__} has no parameter 'colour'"):
        model.set_params(colour="red")


def test_a_model_that_is_not_fitted_says_what_to_do(kind: type[Model], tmp_path: Path) -> None:
    model = kind()
    for ask in (
        lambda: model.recommend(1),
        lambda: model.recommend_all(),
        lambda: model.predict(1, 2),
        lambda: model.explain(1, 2),
        lambda: model.fold_in({}),
        lambda: model.similar_items(1),
        lambda: model.similar_users(1),
        lambda: model.save(tmp_path / "model.safetensors"),
        lambda: evaluate(model, ratings()),
    ):
        with pytest.raises(NotFittedError, match=f"this {kind.__name__} has not been fitted; call fit"):
            ask()


def test_fit_gives_the_model_back_and_refuses_what_are_no_ratings(kind: type[Model]) -> None:
    model = small(kind)
    assert model.fit(ratings()) is model
    with pytest.raises(DataError, match=r"expected Ratings, got list.*from_frame"):
        kind().fit([1, 2])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="validation: expected Ratings, got int"):
        kind().fit(ratings(), 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["random", "new_users"])
def test_every_model_can_be_judged(kind: type[Model], by: Any) -> None:
    train, test = split(ratings(), by=by, test_size=0.3)
    found = evaluate(small(kind).fit(train), test)
    assert found.n_users > 0
    assert 0 < found.ndcg <= 1
    assert (found.rmse is not None) == kind.predicts_ratings


# ---- what a model declares -----------------------------------------------------------------------------


def test_what_a_class_declares_fits_its_parameters(kind: type[Model]) -> None:
    names = set(kind.parameter_names())
    assert set(kind.options) <= names
    if kind.search_space is not None:
        assert set(kind.search_space.parameters) <= names
        assert kind.search_space.iterations in {None, *names}
        assert kind.search_space.burn_in in {None, *names}
    assert kind.short_name is not None or (kind.search_space is None and not kind.options)


def test_intervals_are_where_a_class_declares_them(model: Model) -> None:
    user, items = model.user_index_.id_at(0), model.item_index_.ids
    asked: Any = model
    if not model.has_intervals:
        with pytest.raises(TypeError, match="interval"):
            asked.predict(user, items, interval=0.9)
        return
    mean, low, high = asked.predict(user, items, interval=0.9)
    assert (low <= mean).all()
    assert (mean <= high).all()


def test_names_are_those_of_one_model_each() -> None:
    for names in (
        [kind.__name__ for kind in MODELS],
        [kind.short_name for kind in MODELS if kind.short_name],
    ):
        assert len(names) == len(set(names))


def test_a_parameter_that_models_share_is_one_option_of_the_command_line() -> None:
    offered: dict[str, type] = {}
    for kind in MODELS:
        for name, option in kind.options.items():
            assert offered.setdefault(name, type(option)) is type(option)


def test_every_model_of_the_package_is_registered() -> None:
    def kinds_below(kind: type[Model]) -> set[type[Model]]:
        return {kind, *(below for each in kind.__subclasses__() for below in kinds_below(each))}

    concrete = {kind for kind in kinds_below(Model) if not kind.__abstractmethods__}  # type: ignore[type-abstract]
    assert {kind for kind in concrete if kind.__module__.startswith("matinee.")} == set(MODELS)
