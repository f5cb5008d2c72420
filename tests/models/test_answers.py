"""What a fitted model answers, against numpy over the whole matrix."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.errors import DataError, NotFittedError, UnknownItemError, UnknownUserError
from matinee.models import ALS, ImplicitALS, Model, load
from matinee.ratings import Ratings

from ..conftest import random_ratings

MODELS = {
    "biases": ALS(n_factors=5, regularization=0.05),
    "no biases": ALS(n_factors=5, regularization=0.05, biases=False),
    "implicit": ImplicitALS(n_factors=5, regularization=0.05, unobserved_weight=0.3),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return copy.deepcopy(MODELS[request.param]).fit(random_ratings())


def clipped(model: Model, scores: np.ndarray) -> np.ndarray:
    """What is predicted where such are the scores: ratings within their range, or the scores themselves."""
    return np.clip(scores, *model.rating_range_) if model.predicts_ratings else scores


def all_scores(model: Model) -> np.ndarray:
    """Every score in float64."""
    products = model.user_factors_.astype(np.float64) @ model.item_factors_.T.astype(np.float64)
    return products + model.mean_ + model.user_biases_[:, None] + model.item_biases_


def rated_mask(model: Model) -> np.ndarray:
    mask = np.zeros((len(model.user_index_), len(model.item_index_)), dtype=bool)
    rows = np.repeat(np.arange(len(mask)), np.diff(model.rated_.indptr))
    mask[rows, model.rated_.columns] = True
    return mask


def test_predictions_are_clipped_scores(model: Model) -> None:
    users, items = model.user_index_.ids, model.item_index_.ids
    expected = clipped(model, all_scores(model))
    for row, user in enumerate(users):
        assert np.allclose(model.predict(user, items), expected[row], atol=1e-5)
    assert np.allclose(model.predict(users, np.repeat(items[3], len(users))), expected[:, 3], atol=1e-5)


def test_a_single_pair_is_predicted_a_float(model: Model) -> None:
    user, item = model.user_index_.id_at(4), model.item_index_.id_at(2)
    predicted = model.predict(user, item)
    assert isinstance(predicted, float)
    assert predicted == pytest.approx(float(clipped(model, all_scores(model))[4, 2]), abs=1e-5)
    assert model.predict([user], [item]).shape == (1,)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_frames_are_predicted(model: Model, frame: type) -> None:
    pairs = frame({"user": model.user_index_.ids[:3], "item": model.item_index_.ids[:3]})
    expected = clipped(model, all_scores(model))[[0, 1, 2], [0, 1, 2]]
    assert np.allclose(model.predict(pairs["user"], pairs["item"]), expected, atol=1e-5)


def test_unknown_ids_fall_back_on_what_is_known(model: Model) -> None:
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    predicted = model.predict([user, -5, -5], [-7, item, "no such film"])
    expected = model.mean_ + np.array([model.user_biases_[0], model.item_biases_[0], 0])
    assert np.allclose(predicted, clipped(model, expected), atol=1e-5)
    nans = model.predict([user, -5, user], [-7, item, item], unknown="nan")
    assert np.isnan(nans).tolist() == [True, True, False]
    with pytest.raises(UnknownUserError, match="user -5 is not known to the model; .*fold_in"):
        model.predict([user, -5], item, unknown="raise")
    with pytest.raises(UnknownItemError, match="item -7 is not known to the model; .*next fit"):
        model.predict(user, [item, -7], unknown="raise")


def test_paired_arguments_of_different_lengths_are_refused(model: Model) -> None:
    with pytest.raises(DataError, match="2 users and 3 items; expected pairs"):
        model.predict([1, 2], [1, 2, 3])
    with pytest.raises(DataError, match="unknown='maybe'"):
        model.predict(1, 1, unknown="maybe")  # type: ignore[arg-type]


def test_recommendations_are_the_best_unrated_items(model: Model) -> None:
    scores, rated = all_scores(model), rated_mask(model)
    for row, user in enumerate(model.user_index_.ids.tolist()):
        found = model.recommend(user, n=6)
        expected = np.argsort(-np.where(rated[row], -np.inf, scores[row]), kind="stable")[:6]
        assert [r.item for r in found] == model.item_index_.ids[expected].tolist()
        assert np.allclose([r.score for r in found], scores[row, expected], atol=1e-5)


def test_exactly_n_or_all_there_are(model: Model) -> None:
    rated = rated_mask(model)
    n_items = rated.shape[1]
    for row, user in enumerate(model.user_index_.ids.tolist()):
        everything = model.recommend(user, n=10 * n_items)
        assert len(everything) == len({r.item for r in everything}) == n_items - rated[row].sum()
        assert len(model.recommend(user, n=10 * n_items, exclude_seen=False)) == n_items
        assert all(a.score >= b.score for a, b in pairwise(everything))


def test_recommendations_among_candidates(model: Model) -> None:
    user = model.user_index_.id_at(7)
    candidates = model.item_index_.ids[::3].tolist()
    found = model.recommend(user, n=100, items=candidates)
    everything = model.recommend(user, n=100)
    assert found == [r for r in everything if r.item in candidates]
    assert model.recommend(user, items=[]) == []
    with pytest.raises(UnknownItemError, match="item 4 is not known"):
        model.recommend(user, items=[*candidates, 4])


def test_recommend_all_agrees_with_recommend(model: Model) -> None:
    frame = model.recommend_all(n=4)
    assert frame.columns == ["user", "rank", "item", "score"]
    for user, part in frame.group_by("user", maintain_order=True):
        assert part["rank"].to_list() == [1, 2, 3, 4]
        assert [tuple(row) for row in part.select("item", "score").rows()] == model.recommend(user[0], n=4)
    assert frame["user"].unique(maintain_order=True).to_list() == model.user_index_.ids.tolist()
    some = model.user_index_.ids[[5, 2]].tolist()
    assert model.recommend_all(some, n=3)["user"].to_list() == [some[0]] * 3 + [some[1]] * 3
    with pytest.raises(UnknownUserError, match="user 1 is not known"):
        model.recommend_all([some[0], 1])


def test_similar_items_and_users_are_the_nearest_by_cosine(model: Model) -> None:
    for factors, index, similar in (
        (model.item_factors_, model.item_index_, model.similar_items),
        (model.user_factors_, model.user_index_, model.similar_users),
    ):
        unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
        cosines = unit.astype(np.float64) @ unit.T
        for row in range(0, len(index), 7):
            found = similar(index.id_at(row), n=5)
            expected = [place for place in np.argsort(-cosines[row]) if place != row][:5]
            assert [f[0] for f in found] == index.ids[expected].tolist()
            assert np.allclose([f[1] for f in found], cosines[row, expected], atol=1e-5)
            assert len(similar(index.id_at(row), n=10_000)) == len(index) - 1


def test_a_user_without_ratings_has_nobody_like_them() -> None:
    ratings = Ratings.from_arrays([1, 1, 2, 2], [5, 6, 5, 6], [1, 5, 4, 2], registered_users=[3])
    model = ALS(n_factors=2, biases=False).fit(ratings)
    assert model.similar_users(3) == []
    assert [s.user for s in model.similar_users(1)] == [2]


def test_the_parts_of_an_explanation_add_up_to_the_score(model: Model) -> None:
    for user in model.user_index_.ids[:20].tolist():
        item, score = model.recommend(user, n=1)[0]
        explanation = model.explain(user, item, n=4)
        parts = sum(part.contribution for part in explanation.contributions)
        assert explanation.baseline + parts + explanation.rest == pytest.approx(explanation.score, abs=1e-9)
        assert explanation.score == pytest.approx(score, abs=2e-5)
        whole = model.explain(user, item, n=1000)
        assert whole.rest == pytest.approx(0, abs=1e-9)
        sizes = [abs(part.contribution) for part in whole.contributions]
        assert sizes == sorted(sizes, reverse=True)
        assert whole.contributions[:4] == explanation.contributions
        assert {part.item: part.rating for part in whole.contributions} == model.person(user).rated


@pytest.mark.parametrize("model", ["biases", "no biases"], indirect=True)
def test_taking_a_rating_away_changes_the_score_as_the_explanation_says(model: Model) -> None:
    """The score is linear in the ratings: a rating moved by 1 moves it by contribution / target."""
    user, item = model.user_index_.id_at(3), model.item_index_.id_at(1)
    rated = model.person(user).rated
    part = model.explain(user, item, n=1).contributions[0]
    target = part.rating - model.mean_ - model.item_biases_[model.item_index_.position(part.item)]
    moved = model.fold_in({**rated, part.item: part.rating + 1}).explain(item).score
    assert moved - model.explain(user, item).score == pytest.approx(part.contribution / target, abs=1e-4)


def test_folding_in_a_users_own_ratings_gives_their_factors_back(model: Model) -> None:
    for row, user in enumerate(model.user_index_.ids.tolist()):
        person = model.fold_in(model.person(user).rated)
        assert np.abs(person.factors - model.user_factors_[row]).max() <= 1e-6
        assert person.bias == pytest.approx(float(model.user_biases_[row]), abs=1e-6)
        assert person.recommend(5) == model.recommend(user, 5)
        assert np.array_equal(
            person.predict(model.item_index_.ids), model.predict(user, model.item_index_.ids)
        )


def test_a_visitor_is_never_shown_what_they_rated(model: Model) -> None:
    items = model.item_index_.ids.tolist()
    visitor = model.fold_in({items[9]: 5, items[2]: 1.5})
    assert visitor.rated == {items[9]: 5.0, items[2]: 1.5}
    assert {items[9], items[2]}.isdisjoint(r.item for r in visitor.recommend(n=1000))
    assert len(visitor.recommend(n=1000)) == len(items) - 2
    assert isinstance(visitor.predict(items[0]), float)


def test_a_visitor_without_ratings_gets_what_everybody_likes(model: Model) -> None:
    visitor = model.fold_in({})
    assert not visitor.factors.any()
    assert visitor.bias == 0
    explanation = visitor.explain(model.item_index_.id_at(0))
    assert explanation.contributions == []
    assert explanation.score == explanation.baseline
    assert len(visitor.recommend(3)) == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300, -3e38, 10**400, "five", None, True])
def test_a_visitors_rating_must_be_a_finite_number(model: Model, bad: object) -> None:
    with pytest.raises(DataError, match="rating of item"):
        model.fold_in({model.item_index_.id_at(0): bad})


def test_a_visitors_unknown_item_is_named(model: Model) -> None:
    with pytest.raises(
        UnknownItemError, match="item 'Alien' is not known to the model .*item ids here are integers"
    ):
        model.fold_in({"Alien": 5})


def test_an_unknown_user_is_told_the_remedy(model: Model) -> None:
    for ask in (model.recommend, model.similar_users, lambda user: model.explain(user, 5)):
        with pytest.raises(UnknownUserError) as error:
            ask("17")
        message = "user '17' is not known to the model (user ids here are integers, this is a str); "
        assert str(error.value) == message + "ratings of a new user go through fold_in({item: rating, …})"
        assert isinstance(error.value, KeyError)


@pytest.mark.parametrize("n", [0, -1, 2.5, "ten", None])
def test_n_must_be_a_whole_number(model: Model, n: object) -> None:
    with pytest.raises(DataError, match="expected a whole number of at least 1"):
        model.recommend(model.user_index_.id_at(0), n=n)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [ALS, ImplicitALS])
def test_a_model_that_is_not_fitted_says_so(kind: type[Model]) -> None:
    model = kind()
    for ask in (
        lambda: model.predict(1, 1),
        lambda: model.recommend(1),
        lambda: model.recommend_all(),
        lambda: model.similar_items(1),
        lambda: model.fold_in({}),
        lambda: model.save("nowhere"),
    ):
        with pytest.raises(
            NotFittedError, match=rf"this {kind.__name__} has not been fitted; call fit\(train\)"
        ):
            ask()


def test_copies_of_a_model_answer_alike(model: Model) -> None:
    user = model.user_index_.id_at(0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.recommend(user) == model.recommend(user)


def test_parameters_set_after_a_fit_change_nothing_until_the_next(tmp_path) -> None:
    model = ALS(n_factors=3, regularization=0.05).fit(random_ratings())
    user = model.user_index_.id_at(3)
    rated, recommended = model.person(user).rated, model.recommend(user)
    explained = model.explain(user, recommended[0].item)
    predicted = model.predict(user, recommended[0].item)
    model.set_params(biases=False, regularization=9.0, weighting="none")
    assert model.recommend(user) == recommended
    assert model.explain(user, recommended[0].item) == explained
    assert model.predict(user, recommended[0].item) == predicted
    assert np.array_equal(model.fold_in(rated).factors, model.person(user).factors)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").get_params()["regularization"] == 0.05
    model.fit(random_ratings())
    assert model.mean_ == 0


def test_sets_and_generators_of_ids_are_taken(model: Model) -> None:
    user = model.user_index_.id_at(2)
    items = model.item_index_.ids[:9].tolist()
    expected = model.recommend(user, items=items)
    assert model.recommend(user, items=set(items)) == expected
    assert model.recommend(user, items=(item for item in items)) == expected
    users = model.user_index_.ids[:3].tolist()
    assert model.recommend_all(iter(users), n=1)["user"].to_list() == users
    for unordered in ({1, 2}, {1: 2}, np.ones((2, 2))):
        with pytest.raises(DataError, match="expected an id or a column of ids"):
            model.predict(unordered, items[0])


@pytest.mark.parametrize("given", [5, None, [1, 2], "stars"])
def test_a_fold_in_takes_ratings_by_item(model: Model, given: object) -> None:
    with pytest.raises(DataError, match=r"expected ratings as \{item: rating, …\}"):
        model.fold_in(given)  # type: ignore[arg-type]


def test_an_explanation_adds_up_without_regularisation_too() -> None:
    model = ALS(n_factors=12, regularization=0).fit(random_ratings(share=0.2))
    for user in model.user_index_.ids[:20].tolist():
        item, score = model.recommend(user, n=1)[0]
        assert model.explain(user, item).score == pytest.approx(score, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("kind", [ALS, ImplicitALS])
def test_a_second_fit_forgets_the_first(kind: type[Model]) -> None:
    model = kind(n_factors=2).fit(random_ratings(seed=1))  # type: ignore[call-arg]
    model.recommend(model.user_index_.id_at(0))
    other = random_ratings(20, 10, 0.5, seed=2)
    model.fit(other)
    fresh = kind(n_factors=2).fit(other)  # type: ignore[call-arg]
    user = other.user_index.id_at(0)
    assert model.recommend(user) == fresh.recommend(user)


@settings(max_examples=25)
@given(
    ids=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=8, unique=True)
    | st.lists(
        st.text(min_size=1, max_size=12).filter(lambda s: "\0" not in s), min_size=2, max_size=8, unique=True
    )
)
def test_any_ids_come_back_as_they_went_in(ids: list[int] | list[str]) -> None:
    users = [user for user in ids for _ in range(2)]
    items = [ids[0], ids[1]] * len(ids)
    model = ALS(n_factors=1, n_iterations=2).fit(Ratings.from_arrays(users, items, np.arange(len(users)) % 5))
    for user in ids:
        assert {r.item for r in model.recommend(user, exclude_seen=False)} == {ids[0], ids[1]}
        assert {s.user for s in model.similar_users(user)} <= set(ids) - {user}
