"""New ratings and new items without a new fit, on every kind of model and against references in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from matinee import ALS, BayesianALS, ImplicitALS, ItemRidge, Recommender, baselines, load
from matinee.errors import DataError, NotEnoughMemoryError, NotFittedError, UnknownUserError
from matinee.evaluation import evaluate
from matinee.models import MODELS, Model
from matinee.models.factor_model import FactorModel
from matinee.ratings import Ratings
from matinee.solving.row_problem import CHOLESKY

from ..conftest import random_ratings, reference_rows
from .test_contract import SCORE, answers, small

SOLVED = (ALS, ImplicitALS, BayesianALS, Recommender)
CLOSED = (ItemRidge, baselines.MostPopular, baselines.ItemBiases, baselines.Random)


def of(pairs: list[tuple[Any, Any, float]]) -> Ratings:
    return Ratings.from_arrays(*(list(column) for column in zip(*pairs, strict=True)))


def whole() -> Ratings:
    return random_ratings(seed=3)


def pairs_of(ratings: Ratings) -> list[tuple[int, int, float]]:
    return [tuple(row) for row in ratings.to_frame().rows()]  # type: ignore[misc]


def parts() -> tuple[Ratings, Ratings]:
    """Old and new ratings: of the new ones some users and items are new, and some pairs are rated again."""
    all_pairs = pairs_of(whole())
    new_users, new_items = set(whole().users[::9].tolist()), set(whole().items[4::13].tolist())
    chosen = np.random.default_rng(1).random(len(all_pairs)) < 0.1
    old: list[Any] = []
    new: list[Any] = []
    for pair, is_chosen in zip(all_pairs, chosen, strict=True):
        is_new = is_chosen or pair[0] in new_users or pair[1] in new_items
        (new if is_new else old).append(pair)
    again = [(user, item, 5.5 - rating) for user, item, rating in old[::25]]
    return of(old), of(new + again)


def together() -> Ratings:
    """The old and the new ratings, of which the last of each pair counts."""
    old, new = parts()
    return of(pairs_of(old) + pairs_of(new))


@pytest.fixture(params=MODELS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Model]:
    found: type[Model] = request.param
    return found


# ---- partial_fit of every model ----------------------------------------------------------------------


def test_all_ratings_are_merged_and_every_id_is_answered(kind: type[Model]) -> None:
    old, new = parts()
    model = small(kind).fit(old)
    assert model.partial_fit(new) is model
    expected = together()
    assert model.user_index_ == expected.user_index
    assert model.item_index_ == expected.item_index
    assert all(map(np.array_equal, model.rated_, expected.by_user))
    assert model.rating_range_ == (expected.values.min(), expected.values.max())
    for user in expected.users[::9].tolist():
        assert len(model.recommend(user, 5)) == 5
        assert np.isfinite(model.predict(user, expected.items)).all()


def test_folding_in_a_users_own_ratings_still_gives_their_stored_answers(kind: type[Model]) -> None:
    old, new = parts()
    model = small(kind).fit(old).partial_fit(of(pairs_of(new)[:40]))
    items = model.item_index_.ids
    for user in model.user_index_.ids.tolist():
        stored, folded = model.person(user), model.fold_in(model.person(user).rated)
        assert np.allclose(folded.predict(items), stored.predict(items), **SCORE)
        scores, again = ({one.item: one.score for one in each.recommend(100)} for each in (stored, folded))
        assert np.allclose(list(scores.values()), [again[item] for item in scores], **SCORE)


def test_explanations_still_add_up(kind: type[Model]) -> None:
    old, new = parts()
    model = small(kind).fit(old).partial_fit(new)
    for user in model.user_index_.ids[::4].tolist():
        for item, score in model.recommend(user, 3):
            assert np.isclose(model.explain(user, item).score, score, **SCORE)


def test_a_loaded_model_learns_the_same_and_is_saved_again(kind: type[Model], tmp_path: Path) -> None:
    old, new = parts()
    model = small(kind).fit(old)
    model.save(tmp_path / "old.safetensors")
    loaded = load(tmp_path / "old.safetensors").partial_fit(new)
    model.partial_fit(new)
    assert answers(loaded) == answers(model)
    model.save(tmp_path / "new.safetensors")
    again = load(tmp_path / "new.safetensors")
    assert answers(again) == answers(model)
    assert again.history_ == model.history_
    assert answers(again.partial_fit(old)) == answers(model.partial_fit(old))


@pytest.mark.parametrize("n_iterations", [1, 3])
def test_any_number_of_threads_learns_the_same_bits(kind: type[Model], n_iterations: int) -> None:
    old, new = parts()
    one, several = (
        small(kind, n_threads=n).fit(old).partial_fit(new, n_iterations=n_iterations) for n in (1, 3)
    )
    assert answers(one) == answers(several)


def test_a_model_that_is_not_fitted_is_fitted(kind: type[Model]) -> None:
    old, _ = parts()
    assert answers(small(kind).partial_fit(old)) == answers(small(kind).fit(old))


@pytest.mark.parametrize("wrong", ["empty", "users", "items", "no ratings", "iterations"])
def test_what_is_refused_changes_nothing(kind: type[Model], wrong: str) -> None:
    old, new = parts()
    model = small(kind).fit(old)
    expected = answers(model)
    cases: dict[str, tuple[Callable[[], Any], str]] = {
        "empty": (
            lambda: model.partial_fit(new.subset(np.zeros(len(new), dtype=bool))),
            "ratings holds no ratings",
        ),
        "users": (lambda: model.partial_fit(of([("a", 5, 3.0)])), "the user ids are integers in what"),
        "items": (lambda: model.partial_fit(of([(3, "b", 3.0)])), "the item ids are integers in what"),
        "no ratings": (
            lambda: model.partial_fit([1, 2]),  # type: ignore[arg-type]
            r"ratings: expected Ratings, got list.*from_frame",
        ),
        "iterations": (
            lambda: model.partial_fit(new, n_iterations=0),
            "n_iterations=0; expected a whole number of at least 1",
        ),
    }
    ask, message = cases[wrong]
    with pytest.raises(DataError, match=message):
        ask()
    assert answers(model) == expected
    assert model.user_index_ == old.user_index


def test_an_interrupted_model_is_as_it_was(kind: type[Model], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = parts()
    model = small(kind).fit(old)
    expected = answers(model)

    def interrupt(self: Model, *arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    # The last of all that changes a model.
    monkeypatch.setattr(Model, "settle", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(new)
    monkeypatch.undo()
    assert answers(model) == expected
    assert model.user_index_ == old.user_index


def test_too_little_memory_is_named_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = parts()
    model = ALS(n_factors=4, n_iterations=3).fit(old)
    expected = answers(model)

    def run_out(self: Model, *arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(ALS, "keep_sides", run_out)
    with pytest.raises(NotEnoughMemoryError, match=rf"learn from {len(new)} ratings more.*fewer users"):
        model.partial_fit(new)
    assert answers(model) == expected


def test_parameters_set_since_the_fit_wait_for_the_next_fit() -> None:
    old, new = parts()
    model, expected = (ALS(n_factors=4, n_iterations=3).fit(old) for _ in range(2))
    model.set_params(n_factors=7, regularization=30.0)
    assert answers(model.partial_fit(new)) == answers(expected.partial_fit(new))
    assert model.get_params()["n_factors"] == 7
    assert model.fit(old).user_factors_.shape[1] == 7


@pytest.mark.parametrize("kind", CLOSED)
def test_models_in_closed_form_are_as_if_fitted_to_all(kind: type[Model]) -> None:
    old, new = parts()
    assert answers(small(kind).fit(old).partial_fit(new)) == answers(small(kind).fit(together()))


# ---- what is solved -------------------------------------------------------------------------------------


def few_new() -> Ratings:
    """Ratings of three items by two users of the fit, and one by a new user."""
    old, _ = parts()
    users, items = old.users.tolist(), old.items.tolist()
    return of(
        [(users[1], items[2], 4.0), (users[1], items[9], 1.0), (users[5], items[2], 2.0), (1, items[2], 5.0)]
    )


def test_als_solves_the_touched_items_and_then_the_users_of_a_reference() -> None:
    old, _ = parts()
    new = few_new()
    model = ALS(n_factors=3, regularization=0.2, n_iterations=4).fit(old)
    users, items, before = model.user_side, model.item_side, copy.copy(model)
    model.partial_fit(new)
    train = Ratings(model.user_index_, model.item_index_, model.rated_)

    # The new user first, against the items as they were.
    place = model.user_index_.position(1)
    rated = train.by_user.pick([place])
    solution, _ = reference_rows(
        rated, items.factors, 0.2 * rated.counts, items.biases, before.mean_, with_bias=True
    )
    user_rows = np.insert(np.column_stack([users.factors, users.biases]), place, solution[0], axis=0)
    touched = [model.item_index_.position(item) for item in new.items.tolist()]
    by_item = train.by_item.pick(touched)
    expected, _ = reference_rows(
        by_item, user_rows[:, :-1], 0.2 * by_item.counts, user_rows[:, -1], before.mean_, with_bias=True
    )
    assert np.allclose(model.item_factors_[touched], expected[:, :-1], rtol=1e-4, atol=1e-5)
    assert np.allclose(model.item_biases_[touched], expected[:, -1], rtol=1e-4, atol=1e-5)

    # Then all users of these items; everything else is what it was, bit for bit.
    concerned = np.unique(by_item.columns)
    assert 3 < len(concerned) < train.n_users
    rated = train.by_user.pick(concerned)
    expected, _ = reference_rows(
        rated, model.item_factors_, 0.2 * rated.counts, model.item_biases_, before.mean_, with_bias=True
    )
    assert np.allclose(model.user_factors_[concerned], expected[:, :-1], rtol=1e-4, atol=1e-5)
    others = np.setdiff1d(np.arange(train.n_users), concerned)
    old_rows = before.user_index_.positions(train.users[others])
    assert np.array_equal(model.user_factors_[others], before.user_factors_[old_rows])
    untouched = np.setdiff1d(np.arange(train.n_items), touched)
    assert np.array_equal(model.item_factors_[untouched], before.item_factors_[untouched])


def test_many_iterations_over_all_rows_reach_the_minimum_that_a_fit_reaches() -> None:
    old, new = parts()
    train = together()
    for kind in (ALS, ImplicitALS):
        parameters = {"n_factors": 3, "regularization": 0.5, "n_iterations": 400}
        model = kind(**parameters).fit(old)
        again = of([*pairs_of(train)])
        model.partial_fit(new).partial_fit(again, n_iterations=400)
        fitted = kind(**parameters).fit(train, start=model)
        # The mean of the first fit stays, and with biases it hardly matters.
        found, expected = (each.predict(train.users[4], train.items) for each in (model, fitted))
        assert np.allclose(found, expected, atol=0.03 if kind is ALS else 1e-3)


def test_more_iterations_lower_the_objective() -> None:
    old, new = parts()
    for kind in (ALS, ImplicitALS):
        model = small(kind).fit(old).partial_fit(new, n_iterations=4)
        records = model.history_[-4:]
        assert [record.iteration for record in records] == [6, 7, 8, 9]
        objectives = [record.objective for record in records[1:]]
        assert objectives == sorted(objectives, reverse=True)
        assert (records[0].train_rmse is None) == (kind is ImplicitALS)


@pytest.mark.parametrize("kind", SOLVED)
def test_new_ratings_are_learnt_from_nearly_as_by_a_new_fit(kind: type[Model]) -> None:
    old, new = parts()
    held_out = np.random.default_rng(2).random(len(new)) < 0.25
    test, added = of(pairs_of(new.subset(held_out))), of(pairs_of(new.subset(~held_out)))
    train = of(pairs_of(old) + pairs_of(added))
    model = small(kind).fit(old)
    before, after, refit = (
        evaluate(each, test, k=10)
        for each in (model, copy.copy(model).partial_fit(added), small(kind).fit(train))
    )
    if kind.predicts_ratings:
        assert after.rmse < before.rmse
        assert after.rmse < refit.rmse + 0.05
    else:
        assert after.ndcg > before.ndcg
        assert after.ndcg > refit.ndcg - 0.05


def test_a_wider_range_of_ratings_rescales_graded_targets_everywhere() -> None:
    old, _ = parts()
    new = of([(old.users[0].item(), old.items[0].item(), 9.0)])
    model = (
        ImplicitALS(n_factors=3, grading=0.2, n_iterations=300).fit(old).partial_fit(new, n_iterations=300)
    )
    model.mean_rating_ = float(model.rated_.values.mean(dtype=np.float64))
    fitted = ImplicitALS(n_factors=3, grading=0.2, n_iterations=300).fit(
        Ratings(model.user_index_, model.item_index_, model.rated_), start=model
    )
    assert model.rating_range_ == (old.values.min(), 9.0)
    items = model.item_index_.ids
    for user in model.user_index_.ids[::7].tolist():
        assert np.allclose(model.predict(user, items), fitted.predict(user, items), atol=2e-3)


def test_known_from_is_applied_to_the_new_and_the_old() -> None:
    old, new = parts()
    model = ImplicitALS(n_factors=4, grading=0.2, known_from=14, n_iterations=4).fit(old).partial_fit(new)
    few = np.flatnonzero(model.rated_.counts < 14)
    assert 0 < len(few) < model.rated_.n_rows
    assert np.allclose(
        model.user_factors_[few], model.fold(model.rated_.pick(few)).factors, rtol=1e-4, atol=1e-6
    )


def test_users_and_items_that_are_only_registered_get_rows() -> None:
    old, _ = parts()
    new = Ratings.from_arrays(
        [old.users[0]], [old.items[0]], [3.0], registered_users=[1], registered_items=[2]
    )
    for kind in SOLVED:
        model = small(kind).fit(old).partial_fit(new)
        nobody, stranger = model.predict(1, old.items), model.fold_in({}).predict(old.items)
        assert np.allclose(nobody, stranger, **SCORE)
        assert np.isfinite(model.predict(old.users[3], 2))


# ---- new items -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        ALS(n_factors=5, n_iterations=4),
        ALS(n_factors=4, biases=False, weighting="none", n_iterations=4),
        ImplicitALS(n_factors=5, n_iterations=4),
        ImplicitALS(n_factors=5, n_iterations=4, threshold=3.0),
        ImplicitALS(n_factors=5, n_iterations=4, grading=0.3, known_from=14, momentum=0.5),
    ],
    ids=repr,
)
def test_a_new_item_is_what_the_fits_own_half_step_gives(model: Any) -> None:
    train = whole()
    column = 7
    fitted = copy.copy(model).fit(train)
    # The half-step of a fit that has come as far: the items are solved against the users as they are.
    alternation = fitted.alternation(train, fitted)
    alternation.users.put(np.arange(train.n_users), fitted.training_users)
    alternation.solve_items(CHOLESKY)
    own = train.by_item.pick([column])
    if model.get_params().get("grading"):
        # A new rating counts in the mean of its user, whose other ratings alone the model is to know.
        fitted.fold_in_item({})
        fitted.as_fitted.rated_ = train.subset(train.by_user.columns != column).by_user
    rated = dict(zip(train.users[own.columns].tolist(), own.values.tolist(), strict=True))
    item = fitted.fold_in_item(rated)
    assert np.allclose(item.factors, alternation.items.factors[column], rtol=1e-4, atol=1e-6)
    if alternation.items.biases is not None:
        assert np.isclose(item.bias, alternation.items.biases[column], rtol=1e-4)


def test_a_new_item_of_als_is_that_of_a_float64_reference() -> None:
    train = whole()
    model = ALS(n_factors=5, regularization=0.3, n_iterations=6).fit(train)
    rated = {train.users[place].item(): stars for place, stars in ((3, 5.0), (11, 1.5), (40, 4.0), (8, 3.0))}
    item = model.fold_in_item(rated)
    columns = np.array([3, 8, 11, 40])
    y = np.column_stack([model.user_factors_[columns], np.ones(4)]).astype(np.float64)
    targets = np.array([5.0, 3.0, 1.5, 4.0]) - model.mean_ - model.user_biases_[columns]
    expected = np.linalg.solve(y.T @ y + 0.3 * 4 * np.eye(6), y.T @ targets)
    assert np.allclose(np.append(item.factors, item.bias), expected, rtol=1e-4, atol=1e-6)
    assert item.rated == {
        train.users[place].item(): stars for place, stars in ((3, 5.0), (8, 3.0), (11, 1.5), (40, 4.0))
    }
    scores = model.mean_ + model.user_biases_ + expected[-1] + model.user_factors_ @ expected[:-1]
    assert np.allclose(item.predict(train.users), np.clip(scores, *model.rating_range_), atol=1e-4)
    best = [user for user in train.users[np.argsort(-scores)].tolist() if user not in rated]
    assert [one.user for one in item.recommend_users(6)] == best[:6]
    assert {one.user for one in item.recommend_users(len(best) + 9, exclude_seen=False)} == set(
        train.users.tolist()
    )
    cosines = model.item_factors_ @ expected[:-1] / np.linalg.norm(model.item_factors_, axis=1)
    cosines /= np.linalg.norm(expected[:-1])
    nearest = train.items[np.argsort(-cosines)][:4].tolist()
    assert [one.item for one in item.similar_items(4)] == nearest
    assert item.similar_items(1)[0].score == pytest.approx(cosines.max(), rel=1e-4)


def test_a_new_item_of_implicit_als_is_that_of_a_float64_reference() -> None:
    train = whole()
    model = ImplicitALS(n_factors=4, regularization=0.05, alpha=2.0, unobserved_weight=0.3).fit(train)
    users = train.users[[2, 30]].tolist()
    item = model.fold_in_item(zip(users, [4.0, -1.0], strict=True))
    x = model.user_factors_.astype(np.float64)
    weights, targets = np.array([8.0, 2.0]), np.array([8.0 + 0.3, 0.0])
    ridge = 0.05 * (2 + 0.3 * train.n_users)
    seen = x[[2, 30]]
    matrix = 0.3 * x.T @ x + (seen.T * weights) @ seen + ridge * np.eye(4)
    expected = np.linalg.solve(matrix, seen.T @ targets)
    assert np.allclose(item.factors, expected, rtol=1e-4, atol=1e-6)
    assert item.bias == 0
    assert np.allclose(item.predict(train.users), x @ expected, rtol=1e-3, atol=1e-5)


def test_a_new_item_of_a_recommender_scores_as_one_of_its_own() -> None:
    train = whole()
    column = 12
    model = small(Recommender).fit(train)
    watch, stars = model.parts
    assert isinstance(watch, FactorModel)
    assert isinstance(stars, FactorModel)
    item, n_raters = model.fold_in_item({}), int(model.n_raters[column])
    # An item with the rows of one that it has, and as many ratings.
    rated = model.rated_.transposed(train.n_items).pick([column])
    of_own = [watch.item_answers(watch.item_side.pick(np.array([column])))]
    of_own.append(stars.item_answers(stars.item_side.pick(np.array([column]))))
    assert isinstance(model, Recommender)
    item = model.blended_item(rated, *of_own)
    assert len(item.rated) == n_raters
    own = train.items[column].item()
    scores = {one.user: one.score for one in item.recommend_users(train.n_users, exclude_seen=False)}
    for user in train.users[::6].tolist():
        listed = {one.item: one.score for one in model.recommend(user, 1000, exclude_seen=False)}
        assert scores[user] == pytest.approx(listed[own], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("kind", SOLVED)
def test_a_new_item_answers_as_the_model_does_for_its_own(kind: type[Model]) -> None:
    train = whole()
    model = small(kind).fit(train)
    rated = {train.users[place].item(): stars for place, stars in ((3, 5.0), (11, 4.5), (40, 5.0))}
    item = model.fold_in_item(rated)
    found = item.recommend_users(7)
    assert len({one.user for one in found}) == 7
    assert not {one.user for one in found} & set(rated)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    predicted = item.predict(train.users)
    assert np.isfinite(predicted).all()
    if kind.predicts_ratings:
        assert predicted.min() >= model.rating_range_[0]
        assert predicted.max() <= model.rating_range_[1]
    assert item.predict(train.users[2]) == predicted[2]
    assert np.isfinite(item.predict(-5))
    assert np.isnan(item.predict([-5], unknown="nan")[0])
    with pytest.raises(UnknownUserError):
        item.predict(-5, unknown="raise")
    assert repr(item) == f"NewItem(by 3 ratings, {len(item.factors)} factors)"
    assert np.isfinite(model.fold_in_item({}).predict(train.users)).all()
    with pytest.raises(DataError, match="n=0; expected a whole number"):
        item.recommend_users(0)


@pytest.mark.parametrize("kind", SOLVED)
def test_a_new_item_is_folded_in_from_a_frame_too(kind: type[Model]) -> None:
    model = small(kind).fit(whole())
    users = whole().users[:2].tolist()
    found = model.fold_in_item(pl.DataFrame({"user": users, "rating": [4.0, 2.0]}))
    expected = model.fold_in_item(dict(zip(users, (4.0, 2.0), strict=True)))
    assert np.array_equal(found.predict(whole().users), expected.predict(whole().users))


@pytest.mark.parametrize("kind", SOLVED)
def test_bad_ratings_of_a_new_item_are_refused(kind: type[Model]) -> None:
    model = small(kind).fit(whole())
    user = whole().users[0].item()
    with pytest.raises(UnknownUserError, match="user -5 is not known"):
        model.fold_in_item({user: 3.0, -5: 2.0})
    with pytest.raises(DataError, match=rf"rating by user {user}=nan; expected a number"):
        model.fold_in_item({user: float("nan")})
    with pytest.raises(DataError, match=r"expected ratings as \{user: rating, …\}, .* got int"):
        model.fold_in_item(3)  # type: ignore[arg-type]
    of_two = {"user": [user, user], "item": [1, 2], "rating": [3.0, 4.0]}
    with pytest.raises(DataError, match=r"ratings of 2 items; partial_fit\(ratings\) takes many"):
        model.fold_in_item(pl.DataFrame(of_two))
    with pytest.raises(NotFittedError):
        kind().fold_in_item({})


@pytest.mark.parametrize("kind", CLOSED)
def test_models_that_cannot_fold_an_item_in_say_so(kind: type[Model]) -> None:
    model = small(kind).fit(whole())
    with pytest.raises(DataError, match=f"{kind.__name__} cannot fold in an item.*partial_fit"):
        model.fold_in_item({whole().users[0].item(): 3.0})
