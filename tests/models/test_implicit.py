"""Implicit ALS against the paper's objective over all pairs, closed forms and laws."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from matinee.errors import DataError
from matinee.evaluation import evaluate
from matinee.models import ImplicitALS, load
from matinee.ratings import Ratings
from matinee.solving.history import Iteration

from ..conftest import random_ratings

SOLVERS = ["cholesky", "cg", "subspace"]
# Each sets something that the others leave alone.
SETTINGS: list[dict[str, Any]] = [
    {},
    {"alpha": 10.0, "unobserved_weight": 0.1, "nu": 0.5},
    {"alpha": 0.5, "unobserved_weight": 3.0, "nu": 0.0, "regularization": 2.0},
    {"unobserved_weight": 0.0},
    {"alpha": 0.0},
    {"values": "presence"},
    {"threshold": 2.0},
]
settings_matter = pytest.mark.parametrize(
    "setting", SETTINGS, ids=lambda s: " ".join(f"{name}={value}" for name, value in s.items()) or "defaults"
)


def views(n_users: int = 50, n_items: int = 35, share: float = 0.25, seed: int = 0) -> Ratings:
    """How often what was watched, with thumbs down and a few zeros; a user and an item without any."""
    generator = np.random.default_rng(seed)
    users, items = np.nonzero(generator.random((n_users, n_items)) < share)
    values = generator.choice(
        [1, 2, 3.5, 4, -1, -2, 0], p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05], size=len(users)
    )
    return Ratings.from_arrays(
        users * 3 + 1, items * 5 + 2, values, registered_users=[0], registered_items=[n_items * 5 + 99]
    )


def fitted(ratings: Ratings, **parameters: Any) -> ImplicitALS:
    """A small model, but for what is asked for."""
    usual = {"n_factors": 5, "regularization": 0.05, "n_iterations": 6}
    return ImplicitALS(**{**usual, **parameters}).fit(ratings)


class Dense:
    """The class's docstring in float64: weights and targets of all pairs, and each row's λ."""

    def __init__(self, ratings: Ratings, model: ImplicitALS) -> None:
        strengths = np.zeros((ratings.n_users, ratings.n_items))
        values = ratings.values.astype(np.float64)
        if model.threshold is not None:
            values = (values >= model.threshold).astype(np.float64)
        elif model.values == "presence":
            values = np.ones_like(values)
        strengths[ratings.user_positions, ratings.by_user.columns] = values
        self.weights = model.unobserved_weight + model.alpha * np.abs(strengths)
        self.targets = (strengths > 0).astype(np.float64)
        counted = strengths != 0
        self.user_ridge, self.item_ridge = (
            model.regularization
            * (counted.sum(axis=1 - side) + model.unobserved_weight * counted.shape[1 - side]) ** model.nu
            for side in (0, 1)
        )

    def objective(self, users: np.ndarray, items: np.ndarray) -> float:
        users, items = users.astype(np.float64), items.astype(np.float64)
        errors = self.weights * (self.targets - users @ items.T) ** 2
        penalties = (self.user_ridge @ users**2).sum() + (self.item_ridge @ items**2).sum()
        return float(errors.sum() + penalties)

    def users(self, items: np.ndarray) -> np.ndarray:
        """All users' exact answer to the items."""
        items = items.astype(np.float64)
        return np.array(
            [
                np.linalg.solve(
                    items.T @ (weights[:, None] * items) + ridge * np.eye(items.shape[1]),
                    items.T @ (weights * targets),
                )
                if targets.any()
                else np.zeros(items.shape[1])
                for weights, targets, ridge in zip(self.weights, self.targets, self.user_ridge, strict=True)
            ]
        )


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The worst of all rows."""
    sizes = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / np.where(sizes > 0, sizes, 1)).max())


def history_of(ratings: Ratings, user: Any) -> dict[Any, float]:
    """What a user has rated, by item."""
    frame = ratings.to_frame().filter(user=user)
    return dict(zip(frame["item"].to_list(), frame["rating"].to_list(), strict=True))


# ---- the objective ------------------------------------------------------------------------------


@settings_matter
def test_the_objective_is_the_docstrings_over_all_pairs(setting: dict[str, Any]) -> None:
    ratings = views()
    for n_iterations in (2, 5):
        # A fit ends with the half-step of the users that the next iteration begins with.
        before = fitted(ratings, n_iterations=n_iterations - 1, **setting)
        model = fitted(ratings, n_iterations=n_iterations, **setting)
        expected = Dense(ratings, model).objective(before.user_factors_, model.item_factors_)
        assert model.history_[-1].objective == pytest.approx(expected, rel=2e-5)
        assert [record.objective for record in model.history_[:-1]] == [r.objective for r in before.history_]


@settings_matter
@pytest.mark.parametrize("n_factors", [4, 50])
def test_the_exact_solver_never_raises_the_objective(setting: dict[str, Any], n_factors: int) -> None:
    ratings = views()
    model = fitted(ratings, n_factors=n_factors, n_iterations=12, **setting)
    objectives = [record.objective for record in model.history_]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(objectives))
    last = Dense(ratings, model).objective(model.user_factors_, model.item_factors_)
    assert last <= objectives[-1] * (1 + 1e-6)


@settings_matter
@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_with_few_factors_steps_are_exact_and_every_solver_takes_the_same_course(
    setting: dict[str, Any], solver: str
) -> None:
    """Three steps of conjugate gradients solve for three factors, and so does one block of 32."""
    ratings = views()
    exact, other = (fitted(ratings, n_factors=3, solver=each, **setting) for each in ("cholesky", solver))
    curves = [[record.objective for record in model.history_] for model in (exact, other)]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)


@pytest.mark.parametrize(
    "setting",
    [{"regularization": 0.02}, {"regularization": 0.005}, {**SETTINGS[1], "regularization": 2.0}],
)
def test_all_solvers_end_within_half_a_percent_of_one_objective(setting: dict[str, Any]) -> None:
    ratings = views(150, 90)
    ends = [
        fitted(ratings, n_factors=40, n_iterations=100, solver=solver, **setting).history_[-1].objective
        for solver in SOLVERS
    ]
    assert max(ends) <= min(ends) * 1.005


def objective_of(ratings: Ratings, model: ImplicitALS) -> float:
    """Of a fitted model, by the class's docstring."""
    return Dense(ratings, model).objective(model.user_factors_, model.item_factors_)


@settings_matter
def test_momentum_never_raises_the_objective_and_ends_where_plain_alternation_does(
    setting: dict[str, Any],
) -> None:
    ratings = views()
    plain = fitted(ratings, n_iterations=150, **setting)
    model = fitted(ratings, n_iterations=150, momentum=0.6, **setting)
    objectives = [record.objective for record in model.history_]
    assert all(later <= earlier * (1 + 5e-6) for earlier, later in pairwise(objectives))
    assert objective_of(ratings, model) <= objective_of(ratings, plain) * 1.005
    assert objective_of(ratings, model) <= objectives[-1] * (1 + 1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("regularization", [0.05, 0.001])
def test_momentum_comes_nearer_to_the_minimum_in_as_many_iterations(
    solver: str, regularization: float
) -> None:
    ratings = views(200, 120)
    parameters = {"n_factors": 12, "solver": solver, "regularization": regularization, "n_iterations": 8}
    plain, quick = (objective_of(ratings, fitted(ratings, momentum=m, **parameters)) for m in (0.0, 0.6))
    assert quick < plain * 0.999


def test_with_momentum_both_sides_bear_the_same_penalty() -> None:
    ratings = views()
    model = fitted(ratings, momentum=0.5, n_iterations=40)
    dense = Dense(ratings, model)
    of_users = np.sum(dense.user_ridge * np.sum(model.user_factors_**2, axis=1))
    of_items = np.sum(dense.item_ridge * np.sum(model.item_factors_**2, axis=1))
    assert of_users == pytest.approx(of_items, rel=1e-3)


@settings_matter
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_factors", [5, 40])
def test_users_end_as_the_exact_answer_to_the_items(
    setting: dict[str, Any], solver: str, n_factors: int
) -> None:
    ratings = views()
    model = fitted(ratings, n_factors=n_factors, solver=solver, n_iterations=3, **setting)
    assert model.item_factors_.any()
    assert relative_error(model.user_factors_, Dense(ratings, model).users(model.item_factors_)) < 1e-5


@pytest.mark.parametrize("solver", SOLVERS)
def test_more_iterations_come_nearer_to_a_fixed_point_of_both_half_steps(solver: str) -> None:
    ratings = views()
    model = fitted(ratings, solver=solver, n_iterations=300, regularization=0.2)
    turned = Ratings.from_arrays(
        ratings.to_frame()["item"],
        ratings.to_frame()["user"],
        ratings.values,
        registered_users=ratings.items,
        registered_items=ratings.users,
    )
    items = Dense(turned, model).users(model.user_factors_)
    assert np.abs(model.item_factors_ - items).max() < 1e-3 * np.abs(items).max()


# ---- answers ------------------------------------------------------------------------------------


@settings_matter
@pytest.mark.parametrize("solver", SOLVERS)
def test_folding_in_a_users_own_history_gives_their_factors_back(
    setting: dict[str, Any], solver: str
) -> None:
    ratings = views()
    model = fitted(ratings, solver=solver, **setting)
    for row, user in enumerate(ratings.users.tolist()):
        person = model.fold_in(history_of(ratings, user))
        assert np.abs(person.factors - model.user_factors_[row]).max() <= 1e-6
        assert person.recommend(5) == model.recommend(user, 5)


def test_parameters_set_after_a_fit_wait_for_the_next() -> None:
    ratings = views()
    model, untouched = fitted(ratings), fitted(ratings)
    model.set_params(alpha=50.0, unobserved_weight=0.01, regularization=5.0, nu=0.0, threshold=3.0)
    user = ratings.users[7]
    found, expected = (each.fold_in(history_of(ratings, user)) for each in (model, untouched))
    assert np.array_equal(found.factors, expected.factors)
    item = expected.recommend(1)[0].item
    assert model.explain(user, item) == untouched.explain(user, item)
    assert not np.array_equal(model.fit(ratings).user_factors_, untouched.user_factors_)


@settings_matter
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_parts_of_an_explanation_are_the_papers_and_add_up_to_the_score(
    setting: dict[str, Any], solver: str
) -> None:
    ratings = views()
    model = fitted(ratings, solver=solver, **setting)
    dense, items = Dense(ratings, model), model.item_factors_.astype(np.float64)
    for row in range(1, ratings.n_users, 6):
        user = ratings.users[row].item()
        asked, score = model.recommend(user, 1)[0]
        explanation = model.explain(user, asked, n=1000)
        assert explanation.score == pytest.approx(score, abs=1e-5)
        parts = sum(part.contribution for part in explanation.contributions)
        assert explanation.baseline + parts + explanation.rest == pytest.approx(explanation.score, abs=1e-9)
        assert explanation.baseline == 0
        assert {part.item: part.rating for part in explanation.contributions} == history_of(ratings, user)

        # Hu, Koren & Volinsky (2008), section 5: y_jᵀ W y_i c_i for each item i with the preference 1.
        matrix = items.T @ (dense.weights[row][:, None] * items) + dense.user_ridge[row] * np.eye(5)
        similarities = items @ np.linalg.solve(matrix, items[model.item_index_.position(asked)])
        expected = similarities * dense.weights[row] * dense.targets[row]
        for part in explanation.contributions:
            place = model.item_index_.position(part.item)
            assert part.contribution == pytest.approx(expected[place], abs=1e-6)


def test_a_thumb_down_lowers_the_score_of_its_item() -> None:
    ratings = views()
    model = fitted(ratings)
    for user in ratings.users[1:15].tolist():
        history = history_of(ratings, user)
        item, score = model.recommend(user, 1)[0]
        assert score > 0
        scores = [
            model.fold_in({**history, item: thumb}).recommend(1, exclude_seen=False, items=[item])[0].score
            for thumb in (-10, -1, 0, 1)
        ]
        assert scores[0] < scores[1] < scores[2] < scores[3]
        assert item not in [r.item for r in model.fold_in({**history, item: -1}).recommend(1000)]


def test_fitted_thumbs_down_lower_the_scores_of_what_nobody_likes() -> None:
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((60, 20)) < 0.4)
    opinion = np.where(items < 4, -1, 1)
    with_thumbs = fitted(Ratings.from_arrays(users, items, opinion))
    all_seen = fitted(Ratings.from_arrays(users, items, np.ones(len(users))))
    disliked = np.isin(all_seen.item_index_.ids, range(4))
    scores = [(m.user_factors_ @ m.item_factors_.T)[:, disliked].mean() for m in (with_thumbs, all_seen)]
    assert scores[0] < 0.5 * scores[1]


def test_a_prediction_is_a_score_and_not_clipped_to_the_strengths() -> None:
    ratings = views()
    model = fitted(ratings)
    scores = model.user_factors_.astype(np.float64) @ model.item_factors_.T
    for row, user in enumerate(ratings.users.tolist()):
        assert np.allclose(model.predict(user, ratings.items), scores[row], atol=1e-5)
    assert scores.max() < 3
    assert model.mean_ == 0
    assert not model.user_biases_.any()
    assert not model.item_biases_.any()


def test_a_list_longer_than_the_catalogue_holds_all_that_was_not_seen() -> None:
    ratings = views()
    model = fitted(ratings)
    for user in ratings.users[:5].tolist():
        found = [r.item for r in model.recommend(user, n=10_000)]
        assert set(found) == set(ratings.items.tolist()) - set(history_of(ratings, user))
        assert len(found) == len(set(found))
    assert len(model.recommend(ratings.users[1], n=10_000, exclude_seen=False)) == ratings.n_items
    assert len(model.similar_items(ratings.items[0], n=10_000)) == ratings.n_items - 2  # one has no factors


def test_a_list_length_beyond_the_catalogue_is_evaluated_as_the_whole_of_it() -> None:
    ratings = views()
    train = ratings.subset(np.arange(len(ratings)) % 5 > 0)
    test = ratings.subset(np.arange(len(ratings)) % 5 == 0)
    found = evaluate(fitted(train), test, k=10 * ratings.n_items)
    assert found.recall == 1
    assert found.hit_rate == 1
    assert found.rmse is None


# ---- what counts --------------------------------------------------------------------------------


def same_factors(first: ImplicitALS, second: ImplicitALS) -> bool:
    """Up to the rounding of sums in another order."""
    return np.allclose(first.user_factors_, second.user_factors_, atol=1e-4) and np.allclose(
        first.item_factors_, second.item_factors_, atol=1e-4
    )


def replaced(ratings: Ratings, values: np.ndarray) -> Ratings:
    frame = ratings.to_frame()
    registered = {"registered_users": ratings.users, "registered_items": ratings.items}
    return Ratings.from_arrays(frame["user"], frame["item"], values, **registered)


@pytest.mark.parametrize("solver", SOLVERS)
def test_presence_makes_ones_of_all_strengths(solver: str) -> None:
    ratings = views()
    presence = fitted(ratings, values="presence", solver=solver)
    ones = fitted(replaced(ratings, np.ones(len(ratings))), solver=solver)
    assert np.array_equal(presence.user_factors_, ones.user_factors_)
    assert not same_factors(presence, fitted(ratings, solver=solver))


def test_a_threshold_counts_what_reaches_it_and_leaves_out_the_rest() -> None:
    ratings = views()
    model = fitted(ratings, threshold=2)
    reaches = ratings.values >= 2
    kept = replaced(ratings, np.ones(len(ratings))).subset(reaches)
    assert same_factors(model, fitted(kept))
    # What was left out of the fit was seen all the same.
    for user in ratings.users[1:10].tolist():
        assert {r.item for r in model.recommend(user, 1000)}.isdisjoint(history_of(ratings, user))


def test_a_threshold_in_the_precision_of_the_ratings_finds_them() -> None:
    ratings = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [3.7, 1, 1, 3.7])
    model = fitted(ratings, threshold=3.7, n_factors=2)
    assert model.user_factors_.any()


def test_a_fit_from_which_nothing_would_be_learned_is_refused() -> None:
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [5, 3, 4])
    message = "no rating reaches threshold=99; the greatest is 5, so nothing would be learned"
    with pytest.raises(DataError, match=message):
        ImplicitALS(threshold=99).fit(ratings)
    with pytest.raises(DataError, match="no strength is above 0; the greatest is -1"):
        ImplicitALS().fit(Ratings.from_arrays([1, 2], [1, 2], [-1, -3]))
    presence = ImplicitALS(values="presence").fit(Ratings.from_arrays([1, 2], [1, 2], [-1, -3]))
    assert presence.user_factors_.any()
    assert ImplicitALS(threshold=5).fit(ratings).user_factors_.any()


def test_a_strength_twice_as_large_weighs_as_one_with_twice_the_alpha() -> None:
    ratings = views()
    twice = replaced(ratings, 2 * ratings.values)
    assert np.array_equal(fitted(ratings, alpha=2).user_factors_, fitted(twice, alpha=1).user_factors_)


def test_zeros_are_as_if_they_were_not_there() -> None:
    ratings = views()
    assert (ratings.values == 0).any()
    assert same_factors(fitted(ratings), fitted(ratings.subset(ratings.values != 0)))


def test_weights_penalty_and_unobserved_weight_all_ten_times_as_large_are_the_same_model_at_nu_0() -> None:
    ratings = views()
    once = fitted(ratings, nu=0, alpha=1, unobserved_weight=0.5, regularization=0.7)
    ten_times = fitted(ratings, nu=0, alpha=10, unobserved_weight=5, regularization=7)
    assert same_factors(once, ten_times)
    assert ten_times.history_[-1].objective == pytest.approx(10 * once.history_[-1].objective, rel=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("alpha", [1e4, 1e12])
def test_with_a_huge_alpha_what_was_seen_is_near_1_and_nothing_overflows(solver: str, alpha: float) -> None:
    ratings = views()
    model = fitted(ratings, n_factors=40, alpha=alpha, solver=solver, n_iterations=10)
    assert np.isfinite(model.user_factors_).all()
    assert np.isfinite(model.item_factors_).all()
    seen = ratings.values > 0
    scores = (model.user_factors_.astype(np.float64) @ model.item_factors_.T)[
        ratings.user_positions, ratings.by_user.columns
    ]
    assert np.abs(scores[seen] - 1).max() < 0.1
    assert np.abs(scores[ratings.values < 0]).max() < 0.1


def test_weights_that_are_not_finite_never_become_ratings() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(DataError, match="row 1"):
            Ratings.from_arrays([1, 2], [1, 2], [1, bad])


# ---- rows without anything ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("setting", [{}, {"unobserved_weight": 0.0}, {"nu": 0.0}, {"alpha": 0.0}])
def test_without_regularisation_an_empty_row_is_zero_and_all_others_finite(
    setting: dict[str, float], solver: str
) -> None:
    ratings = views()
    model = fitted(ratings, regularization=0, solver=solver, **setting)
    assert not model.user_factors_[0].any()
    assert not model.item_factors_[-1].any()
    assert np.isfinite(model.user_factors_).all()
    assert np.isfinite(model.item_factors_).all()
    assert np.isfinite([record.objective for record in model.history_]).all()
    assert model.recommend(0, 3)
    assert not model.fold_in({}).factors.any()
    explanation = model.explain(ratings.users[3], ratings.items[-1])
    assert explanation.score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_more_factors_than_items_are_fitted(solver: str) -> None:
    ratings = views(12, 8, 0.4)
    model = fitted(ratings, n_factors=70, solver=solver)
    assert model.item_factors_.shape == (9, 70)
    assert relative_error(model.user_factors_, Dense(ratings, model).users(model.item_factors_)) < 1e-5


def test_a_single_rating_is_enough() -> None:
    model = fitted(Ratings.from_arrays(["me"], ["it"], [1]), n_factors=2)
    assert model.recommend("me") == []
    assert model.recommend("me", exclude_seen=False)[0].item == "it"


def test_no_ratings_at_all_are_refused() -> None:
    none = views().subset(np.zeros(len(views()), dtype=bool))
    with pytest.raises(DataError, match="train holds no ratings"):
        ImplicitALS().fit(none)
    with pytest.raises(DataError, match="validation holds no ratings"):
        ImplicitALS().fit(views(), validation=none)


# ---- laws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_same_seed_same_bits_whatever_the_number_of_threads(solver: str) -> None:
    ratings = views(300, 80)
    fits = [
        fitted(ratings, n_factors=37, n_iterations=2, solver=solver, random_state=3, n_threads=n)
        for n in (1, 2, 5, None)
    ]
    for fit in fits[1:]:
        assert np.array_equal(fit.user_factors_, fits[0].user_factors_)
        assert np.array_equal(fit.item_factors_, fits[0].item_factors_)
        assert [r.objective for r in fit.history_] == [r.objective for r in fits[0].history_]
    other = fitted(ratings, n_factors=37, n_iterations=2, solver=solver, random_state=4)
    assert not np.array_equal(other.item_factors_, fits[0].item_factors_)


@pytest.mark.parametrize("n_factors", [1, 8, 64, 512])
def test_starting_factors_are_as_long_whatever_their_number(n_factors: int) -> None:
    ratings = random_ratings(200, 150, 0.1)
    start = ImplicitALS(n_factors=n_factors).alternation(ratings, None)
    for side in (start.users, start.items):
        lengths = np.linalg.norm(side.factors, axis=1)
        assert np.sqrt((lengths**2).mean()) == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_renaming_users_permutes_their_factors(solver: str, seed: int) -> None:
    ratings = views(25, 15, 0.4, seed=seed % 1000)
    order = np.random.default_rng(seed).permutation(ratings.n_users)
    other = Ratings.from_arrays(
        order[ratings.user_positions],
        ratings.to_frame()["item"],
        ratings.values,
        registered_users=order,
        registered_items=ratings.items,
    )
    generator = np.random.default_rng(0)
    users, items = (0.3 * generator.normal(size=(n, 4)) for n in (ratings.n_users, ratings.n_items))
    moved = np.empty_like(users)
    moved[order] = users
    first, second = (
        ImplicitALS(n_factors=4, n_iterations=3, regularization=0.1, solver=solver).fit(r, start=(x, items))
        for r, x in ((ratings, users), (other, moved))
    )
    assert np.allclose(second.user_factors_[order], first.user_factors_, atol=1e-4)
    assert np.allclose(second.item_factors_, first.item_factors_, atol=1e-4)


def test_a_fit_goes_on_from_the_factors_of_another() -> None:
    ratings = views()
    whole = fitted(ratings, n_iterations=5)
    half = fitted(ratings, n_iterations=3)
    model = ImplicitALS(n_factors=5, regularization=0.05, n_iterations=2)
    model.fit(ratings, start=(half.user_factors_, half.item_factors_))
    assert np.allclose(model.user_factors_, whole.user_factors_, atol=1e-4)
    assert model.history_[-1].objective == pytest.approx(whole.history_[-1].objective, rel=1e-5)


# ---- the course of a fit ------------------------------------------------------------------------


def mean_ndcg(model: ImplicitALS, users: np.ndarray, train: Ratings, held_out: Ratings) -> float:
    """NDCG at 10 over the users of whom something known is held out, by loops."""
    figures = []
    for user in held_out.users.tolist():
        wanted = set(history_of(held_out, user)) & set(train.items.tolist())
        if user not in train.users or not wanted:
            continue
        scores = users[np.searchsorted(train.users, user)].astype(np.float64) @ model.item_factors_.T
        seen = history_of(train, user)
        best = [item for item in train.items[np.argsort(-scores)].tolist() if item not in seen][:10]
        gain = sum(1 / np.log2(rank + 2) for rank, item in enumerate(best) if item in wanted)
        figures.append(gain / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(wanted)))))
    return float(np.mean(figures))


def test_the_validation_curve_is_the_ndcg_of_what_was_held_out() -> None:
    ratings = views(80, 60)
    held = np.random.default_rng(1).random(len(ratings)) < 0.3
    train, held_out = ratings.subset(~held), ratings.subset(held)
    frame = held_out.to_frame()
    # The same pairs, with ids that the training never saw, fewer of those that it did, and in another order.
    strangers = Ratings.from_arrays(
        [*frame["user"][100:], 10_000, frame["user"][200]],
        [*frame["item"][100:], frame["item"][0], 10_000],
        [*frame["rating"][100:], 1, 1],
    )
    users = fitted(train, n_iterations=3).user_factors_
    for validation in (held_out, strangers):
        model = ImplicitALS(n_factors=5, regularization=0.05, n_iterations=4).fit(train, validation)
        expected = mean_ndcg(model, users, train, validation)
        assert 0.02 < expected < 0.98
        assert model.history_[-1].validation_ndcg == pytest.approx(expected, abs=1e-6)
        assert [r.train_rmse for r in model.history_] == [None] * 4
        assert [r.validation_rmse for r in model.history_] == [None] * 4
    assert np.array_equal(model.item_factors_, fitted(train, n_iterations=4).item_factors_)


def test_validation_ratings_of_strangers_alone_are_refused() -> None:
    strangers = Ratings.from_arrays([100_001, 100_002], [100_001, 100_002], [1, 1])
    with pytest.raises(DataError, match="validation"):
        ImplicitALS(n_factors=2).fit(views(), validation=strangers)


def test_a_callback_sees_every_iteration_and_can_end_the_fit() -> None:
    seen: list[Iteration] = []
    model = ImplicitALS(n_factors=2, n_iterations=50)
    model.fit(views(), callback=lambda record: seen.append(record) or record.iteration == 4)  # type: ignore[func-returns-value]
    assert seen == model.history_
    assert [record.iteration for record in seen] == [1, 2, 3, 4]
    assert all(record.seconds > 0 for record in seen)
    expected = Dense(views(), model).users(model.item_factors_)
    assert relative_error(model.user_factors_, expected) < 1e-5


@pytest.mark.parametrize("progress", [True, False])
def test_nothing_is_shown_where_there_is_no_terminal(
    progress: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    ImplicitALS(n_factors=2).fit(views(), progress=progress)
    assert capsys.readouterr() == ("", "")


def test_a_record_is_summed_up_by_its_ndcg_or_else_by_the_objective() -> None:
    ratings = views()
    assert fitted(ratings).history_[-1].summary.startswith("objective ")
    model = ImplicitALS(n_factors=2, n_iterations=1).fit(
        ratings.subset(np.arange(len(ratings)) % 3 > 0), ratings.subset(np.arange(len(ratings)) % 3 == 0)
    )
    assert model.history_[0].summary == f"NDCG {model.history_[0].validation_ndcg:.4f}"


# ---- parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_factors": 0}, "n_factors=0; expected a whole number of at least 1"),
        ({"n_factors": 2.5}, "n_factors=2.5"),
        ({"n_factors": True}, "n_factors=True"),
        ({"n_iterations": 0}, "n_iterations=0; expected a whole number of at least 1"),
        ({"regularization": -1}, "regularization=-1; expected a number"),
        ({"regularization": float("nan")}, "regularization=nan"),
        ({"regularization": "lots"}, "regularization='lots'"),
        ({"alpha": -0.5}, "alpha=-0.5; expected a number"),
        ({"alpha": float("inf")}, "alpha=inf"),
        ({"alpha": None}, "alpha=None"),
        ({"alpha": 1e30}, "alpha=1e+30; expected a number from 0 to 1e+12"),
        ({"unobserved_weight": -1e-9}, "unobserved_weight=-1e-09; expected a number"),
        ({"unobserved_weight": float("nan")}, "unobserved_weight=nan"),
        ({"nu": -0.1}, "nu=-0.1; expected a number from 0 to 1"),
        ({"nu": 1.5}, "nu=1.5; expected a number from 0 to 1"),
        ({"nu": True}, "nu=True"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"threshold": float("-inf")}, "threshold=-inf"),
        ({"threshold": "4"}, "threshold='4'"),
        ({"momentum": -0.1}, "momentum=-0.1; expected a number from 0 to 0.95"),
        ({"momentum": 1.0}, "momentum=1.0; expected a number from 0 to 0.95"),
        ({"momentum": float("nan")}, "momentum=nan"),
        ({"solver": "lu"}, 'solver=\'lu\'; expected one of "cholesky", "cg", "subspace"'),
        ({"solver": None}, "solver=None"),
        ({"values": "count"}, 'values=\'count\'; expected one of "strength", "presence"'),
        ({"n_threads": 0}, "n_threads=0"),
        ({"random_state": -1}, "random_state=-1"),
    ],
)
def test_a_parameter_out_of_range_is_named(parameters: dict, message: str) -> None:
    model = ImplicitALS(**parameters)
    with pytest.raises(DataError) as error:
        model.fit(views())
    assert message in str(error.value)
    assert not hasattr(model, "item_factors_")


@pytest.mark.parametrize(("name", "value"), [("solver", ["cg"]), ("values", {})])
def test_a_choice_of_another_type_is_named_too(name: str, value: object) -> None:
    with pytest.raises(DataError, match=f"{name}=.*expected one of"):
        ImplicitALS(**{name: value}).fit(views())


def test_starting_factors_of_another_shape_are_refused() -> None:
    ratings = views()
    start = (np.zeros((ratings.n_users, 3)), np.zeros((ratings.n_items, 4)))
    with pytest.raises(DataError, match=r"starting item factors have shape \(\d+, 4\); expected \(\d+, 3\)"):
        ImplicitALS(n_factors=3).fit(ratings, start=start)
    start[0][0, 0] = np.nan
    with pytest.raises(DataError, match="starting user factors hold a NaN"):
        ImplicitALS(n_factors=3).fit(ratings, start=start)


def test_anything_but_ratings_is_refused_with_the_remedy() -> None:
    for arguments in ((views().to_frame(),), (views(), views().to_frame())):
        with pytest.raises(DataError, match=r"expected Ratings, got DataFrame; .*Ratings\.from_frame"):
            ImplicitALS().fit(*arguments)


def test_parameters_are_read_set_cloned_and_shown_as_in_scikit_learn() -> None:
    given = {"n_factors": 7, "alpha": 3.0, "nu": 0.5, "solver": "cg", "threshold": 2}
    model = ImplicitALS(**given)
    assert {name: model.get_params()[name] for name in given} == given
    assert repr(model) == "ImplicitALS(n_factors=7, alpha=3.0, nu=0.5, solver='cg', threshold=2)"
    assert repr(ImplicitALS()) == "ImplicitALS()"
    twin = clone(model.fit(views()))
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "item_factors_")
    assert np.array_equal(twin.fit(views()).item_factors_, model.item_factors_)
    assert model.set_params(solver="subspace") is model
    assert model.solver == "subspace"
    with pytest.raises(DataError, match="ImplicitALS has no parameter 'biases'; expected one of n_factors"):
        model.set_params(biases=True)


@settings_matter
def test_what_is_saved_answers_as_before(setting: dict[str, Any], tmp_path: Path) -> None:
    ratings = views()
    model = fitted(ratings, solver="cg", **setting)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded) is ImplicitALS
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    user = ratings.users[5].item()
    item = model.recommend(user, 1)[0].item
    assert loaded.recommend(user) == model.recommend(user)
    assert loaded.explain(user, item) == model.explain(user, item)
    assert loaded.fold_in({item: 4}).recommend() == model.fold_in({item: 4}).recommend()


def test_a_threshold_below_0_counts_ratings_that_are_none_above_it() -> None:
    ratings = Ratings.from_arrays([1, 1, 2, 2, 3], [1, 2, 1, 3, 2], [-1.0, -4.0, 0.0, -2.0, -1.0])
    model = ImplicitALS(n_factors=2, threshold=-2).fit(ratings)
    assert np.abs(model.item_factors_).sum() > 0
    with pytest.raises(DataError, match="no strength is above 0; the greatest is 0"):
        ImplicitALS(n_factors=2).fit(ratings)
