"""Lists for several people at once, against their scores put together in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matinee.errors import DataError, UnknownItemError, UnknownUserError
from matinee.models import ALS, MODELS, ImplicitALS, Model, Recommender
from matinee.models.groups import How
from matinee.ratings import Ratings

from .test_contract import fitted_once, ratings, small

HOW: dict[How, Any] = {"mean": np.mean, "least_misery": np.min}


@pytest.fixture(params=MODELS, ids=lambda kind: kind.__name__)
def model(request: pytest.FixtureRequest) -> Model:
    return fitted_once(request.param)


def scores_of(model: Model, person: Any) -> np.ndarray:
    """A person's scores of all items, from their own list, standardised unless they are ratings."""
    by_item = dict(person.recommend(1000, exclude_seen=False))
    scores = np.array([by_item[item] for item in model.item_index_.ids.tolist()], dtype=np.float64)
    is_stars = model.predicts_ratings and not isinstance(model, Recommender)
    return scores if is_stars else (scores - scores.mean()) / scores.std()


def group_of_all_kinds(model: Model) -> tuple[list[Any], list[Any]]:
    """The members as they are named, and as persons: two users, and a visitor."""
    users = model.user_index_.ids[[4, 11]].tolist()
    ids = model.item_index_.ids.tolist()
    visitor = model.fold_in({ids[2]: 5.0, ids[9]: 1.0, ids[17]: 4.0})
    return [users[0], visitor, users[1]], [model.person(users[0]), visitor, model.person(users[1])]


@pytest.mark.parametrize("how", HOW)
def test_a_groups_list_is_by_the_scores_of_its_members(model: Model, how: How) -> None:
    members, persons = group_of_all_kinds(model)
    expected = HOW[how]([scores_of(model, person) for person in persons], axis=0)
    of_item = dict(zip(model.item_index_.ids.tolist(), expected.tolist(), strict=True))
    seen = {item for person in persons for item in person.rated}
    found = model.recommend_group(members, 1000, how)
    assert len(found) == len({one.item for one in found}) == len(of_item) - len(seen)
    assert not seen & {one.item for one in found}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert np.allclose(
        [one.score for one in found], [of_item[one.item] for one in found], rtol=2e-3, atol=2e-4
    )
    assert model.recommend_group(members, 4, how) == found[:4]
    assert len(model.recommend_group(members, 1000, how, exclude_seen=False)) == len(of_item)


def test_a_group_of_one_gets_the_order_of_their_own_list(model: Model) -> None:
    user = model.user_index_.id_at(6)
    alone = [one.item for one in model.recommend(user, 8)]
    for how in HOW:
        assert [one.item for one in model.recommend_group([user], 8, how)] == alone
        assert [one.item for one in model.recommend_group([user, user], 8, how)] == alone
        assert [one.item for one in model.recommend_group(np.array([user]), 8, how)] == alone
        person = model.person(user)
        assert [one.item for one in model.recommend_group([person, person], 8, how)] == alone


def test_a_groups_list_among_some_is_the_whole_list_without_the_others(model: Model) -> None:
    members, _ = group_of_all_kinds(model)
    ids = model.item_index_.ids.tolist()
    raters = dict(ratings().to_frame().group_by("item").len().iter_rows())
    least = sorted(raters.values())[len(raters) // 3]
    whole = model.recommend_group(members, 1000, "least_misery")
    asked = {"items": ids[1::2], "exclude": [*ids[:8], -5], "min_ratings": least}
    expected = [o for o in whole if o.item in ids[1::2] and o.item not in ids[:8] and raters[o.item] >= least]
    assert model.recommend_group(members, 1000, "least_misery", **asked) == expected
    assert 0 < len(expected) < len(whole)


def with_scores(scores: Any) -> ALS:
    """An ALS model of users 1, 2, … and films "A", "B", …, whose predicted ratings are these."""
    scores = np.array(scores, dtype=np.float32)
    users, films = np.arange(1, len(scores) + 1), np.array(list("ABCDEF"))[: scores.shape[1]]
    frame = Ratings.from_arrays(
        np.repeat(users, len(films)),
        np.tile(films, len(users)),
        np.tile([1.0, 5.0], scores.size)[: scores.size],
    )
    model = ALS(n_factors=len(users), n_iterations=1, biases=False).fit(frame)
    model.user_factors_ = np.eye(len(users), dtype=np.float32)
    model.item_factors_ = np.ascontiguousarray(scores.T)
    model.mean_ = 0.0
    model.settle()
    return model


def test_the_example_of_the_documentation() -> None:
    model = with_scores([[5.0, 3.5, 3.0], [2.5, 3.5, 4.0]])
    mean = model.recommend_group([1, 2], exclude_seen=False)
    assert dict(mean) == {"A": 3.75, "B": 3.5, "C": 3.5}
    assert mean[0].item == "A"
    least = model.recommend_group([1, 2], how="least_misery", exclude_seen=False)
    assert [tuple(one) for one in least] == [("B", 3.5), ("C", 3.0), ("A", 2.5)]


def test_the_stars_of_a_group_are_its_members() -> None:
    model = fitted_once(Recommender)
    members, persons = group_of_all_kinds(model)
    for how, together in HOW.items():
        for one in model.recommend_group(members, 6, how):
            expected = together([person.predict(one.item) for person in persons])
            assert one.rating == pytest.approx(expected, rel=1e-5)
            assert one.interval is None
    assert fitted_once(ALS).recommend_group(ratings().users[:2].tolist())[0].rating is None


def test_somebody_of_whom_nothing_is_known_has_no_say() -> None:
    model = fitted_once(ImplicitALS)
    user, nobody = model.user_index_.id_at(3), model.fold_in({})
    for how in HOW:
        assert model.recommend_group([user, nobody], 8, how) == model.recommend_group([user], 8, how)
        assert len(model.recommend_group([nobody], 5, how)) == 5


def test_the_scores_of_whoever_rates_more_do_not_drown_those_of_others() -> None:
    model = fitted_once(next(kind for kind in MODELS if kind.__name__ == "ItemRidge"))
    ids = model.item_index_.ids.tolist()
    keen, shy = model.fold_in(dict.fromkeys(ids[:25], 4.0)), model.fold_in({ids[30]: 4.0})
    spread = [np.std([one.score for one in each.recommend(99, exclude_seen=False)]) for each in (keen, shy)]
    assert spread[0] > 2 * spread[1]
    group = scores_by_item(model.recommend_group([keen, shy], 99, exclude_seen=False))
    # The mean of two vectors of one length has the same angle to both.
    angles = [
        np.corrcoef(group, scores_by_item(one.recommend(99, exclude_seen=False)))[0, 1] for one in (keen, shy)
    ]
    assert angles[0] == pytest.approx(angles[1], abs=1e-4)


def scores_by_item(found: list[Any]) -> list[float]:
    return [score for _, score in sorted(found)]


def test_what_is_no_group_is_refused(model: Model) -> None:
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    visitor = model.fold_in({item: 4.0})
    for group, message in (
        ([], "the group is empty; expected at least one user or person"),
        (iter([]), "the group is empty"),
        (user, f"expected a group as a list of users or persons, got {user}"),
        ("ann", "expected a group as a list of users or persons, got 'ann'"),
        (visitor, "expected a group as a list of users or persons, got .*Person"),
        (None, "expected a group as a list of users or persons, got NoneType"),
        ({user: 1.0}, "expected a group as a list of users or persons, got dict"),
        (ratings().to_frame(), "expected a group as a list of users or persons, got DataFrame"),
        (np.ones((2, 2)), "expected a group as a list of users or persons, got ndarray"),
    ):
        with pytest.raises(DataError, match=message):
            model.recommend_group(group)
    for how in ("max", None, ["mean"]):
        with pytest.raises(DataError, match=r'how=.*; expected "mean" or "least_misery"'):
            model.recommend_group([user], how=how)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="n=0; expected a whole number of at least 1"):
        model.recommend_group([user], 0)
    with pytest.raises(UnknownUserError, match="user -5 is not known to the model"):
        model.recommend_group([visitor, user, -5])
    with pytest.raises(UnknownItemError, match="item -5 is not known to the model"):
        model.recommend_group([visitor], items=[-5])


def test_a_person_of_another_model_is_refused(model: Model) -> None:
    other = small(type(model)).fit(ratings())
    visitor = other.fold_in({other.item_index_.id_at(0): 4.0})
    with pytest.raises(DataError, match="is of another model, or of another fit; fold them in again"):
        model.recommend_group([model.user_index_.id_at(0), visitor])


def test_who_asks_for_a_list_of_several_is_told_of_both_ways(model: Model) -> None:
    with pytest.raises(UnknownUserError, match=r"got a list of 2; recommend_all.* for each, recommend_group"):
        model.recommend(model.user_index_.ids[:2].tolist())
