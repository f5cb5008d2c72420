"""Contexts in ALS: the alternation against plain numpy, its answers, and what a planted taste is worth."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import matinee
from matinee.errors import DataError
from matinee.models import ALS, BayesianALS, ImplicitALS
from matinee.ratings import Contexts, Ratings
from matinee.solving.row_problem import CHOLESKY

from .in_contexts import (
    CONTEXTS,
    N_ITEMS,
    N_USERS,
    WEEKDAYS,
    assert_strange_contexts_are_refused,
    planted,
    ratings_in_contexts,
    with_more_contexts_than_ratings,
)

PARAMETERS: dict[str, Any] = {
    "n_factors": 3,
    "regularization": 0.05,
    "context_regularization": 2.0,
    "n_iterations": 4,
}
KINDS = ["plain", "without biases", "weights", "features"]
AGES = np.random.default_rng(0).normal(size=N_USERS)


def weighted(ratings: Ratings) -> Ratings:
    generator = np.random.default_rng(7)
    weights = generator.choice([0.25, 1.0, 3.0], size=len(ratings))
    frame = ratings.to_frame().with_columns(weight=pl.Series(weights))
    return Ratings.from_frame(frame, weight="weight", contexts=["weekday", "device"])


def given(kind: str, ratings: Ratings) -> dict[str, Any]:
    ages = {int(user): age for user, age in zip(ratings.users, AGES, strict=True)}
    frame = pl.DataFrame({"user": list(ages), "age": list(ages.values())})
    return {"user_features": frame} if kind == "features" else {}


def fitted(kind: str, ratings: Ratings | None = None, **more: Any) -> ALS:
    ratings = ratings_in_contexts() if ratings is None else ratings
    ratings = weighted(ratings) if kind == "weights" else ratings
    model = ALS(**{**PARAMETERS, "biases": kind != "without biases", **more})
    return model.fit(ratings, progress=False, **given(kind, ratings))


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> ALS:
    return fitted(request.param)


def contexts_of(model: ALS) -> Contexts:
    assert model.contexts_ is not None
    return model.contexts_


def known_of(model: ALS, row: int) -> dict[str, Any]:
    return {} if model.user_knowledge_ is None else {"features": {"age": float(AGES[row])}}


def in_float64(array: NDArray[Any] | None) -> NDArray[np.float64]:
    assert array is not None
    return array.astype(np.float64)


# ---- the fit --------------------------------------------------------------------------------------


class PlainALS:
    """The same model in float64 numpy: sides of rows (x, b), solved one after the other, row by row."""

    def __init__(self, ratings: Ratings, model: ALS, items: NDArray[Any]) -> None:
        codes, rows = ratings.by_user.contexts, ratings.by_user
        assert codes is not None
        assert ratings.contexts is not None
        digits = [each - 1 for each in ratings.contexts.digits(codes)]
        self.places = [ratings.user_positions, rows.columns, *digits]
        self.sizes = [ratings.n_users, ratings.n_items, *(len(each) for each in ratings.contexts.values)]
        self.values = in_float64(rows.values)
        self.weights = np.ones(len(ratings)) if rows.weights is None else in_float64(rows.weights)
        self.biases, d = model.biases, model.n_factors + 1
        self.offset = np.average(self.values, weights=self.weights) if self.biases else 0.0
        self.rows = [np.zeros((n, d)) for n in self.sizes]
        self.rows[1][:, :-1] = items
        exponent = 1.0 if model.weighting == "count" else float(model.weighting)
        strengths = [1.0, 1.0, *(model.context_regularization for _ in digits)]
        self.ridges = [
            strength * model.regularization * np.bincount(at, self.weights, n) ** exponent
            for at, n, strength in zip(self.places, self.sizes, strengths, strict=True)
        ]

    def solve(self, side: int) -> None:
        vectors, targets = self.seen_from(side)
        for row in range(self.sizes[side]):
            of_row = self.places[side] == row
            v, t, c = vectors[of_row], targets[of_row], self.weights[of_row]
            used = slice(None) if self.biases else slice(-1)
            v = v[:, used]
            precision = (v.T * c) @ v + self.ridges[side][row] * np.eye(v.shape[1])
            self.rows[side][row, used] = np.linalg.solve(precision, v.T @ (c * t))

    def seen_from(self, side: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The vectors and the targets of the ratings: what is linear in a row of the side, and the rest."""
        found = [rows[at] for rows, at in zip(self.rows, self.places, strict=True)]
        found[side] = np.zeros_like(found[side])
        user, item, context = found[0], found[1], sum(found[2:], np.zeros_like(found[0]))
        vector = item + context if side == 0 else user + context if side == 1 else user + item
        vector[:, -1] = 1.0
        return vector, self.values - score(self.offset, user, item, context)

    @property
    def squared_error(self) -> float:
        user, item, *contexts = (rows[at] for rows, at in zip(self.rows, self.places, strict=True))
        missed = self.values - score(self.offset, user, item, sum(contexts))
        return float(np.sum(self.weights * missed**2))

    @property
    def objective(self) -> float:
        pairs = zip(self.rows, self.ridges, strict=True)
        return self.squared_error + sum(float(ridge @ (rows**2).sum(axis=1)) for rows, ridge in pairs)


def score(offset: float, user: NDArray[Any], item: NDArray[Any], context: Any) -> NDArray[Any]:
    x, y, z = user[:, :-1], item[:, :-1], context[:, :-1]
    total: NDArray[Any] = offset + (user + item + context)[:, -1] + (x * y + x * z + y * z).sum(axis=1)
    return total


@pytest.mark.parametrize("weighting", ["count", 0.3])
@pytest.mark.parametrize("kind", ["plain", "without biases", "weights"])
def test_the_fit_meets_float64_numpy(kind: str, weighting: Any) -> None:
    ratings = ratings_in_contexts()
    ratings = weighted(ratings) if kind == "weights" else ratings
    start = np.zeros((N_USERS, 3)), np.random.default_rng(4).normal(size=(N_ITEMS, 3))
    model = ALS(**PARAMETERS, biases=kind != "without biases", weighting=weighting)
    model.fit(ratings, start=start, progress=False)
    plain = PlainALS(ratings, model, start[1].astype(np.float32))
    for record in model.history_:
        for side in range(4):
            plain.solve(side)
        assert record.objective == pytest.approx(plain.objective, rel=1e-4)
        error = np.sqrt(plain.squared_error / plain.weights.sum())
        assert record.train_rmse == pytest.approx(error, rel=1e-4)
    plain.solve(0)
    sizes = contexts_of(model).sizes
    own = np.delete(np.arange(sum(sizes)), [0, sizes[0]])
    factors, biases = in_float64(model.context_factors_), in_float64(model.context_biases_)
    values = np.vstack(plain.rows[2:])
    for found, rows in (
        (np.column_stack([model.user_factors_, model.user_biases_]), plain.rows[0]),
        (np.column_stack([model.item_factors_, model.item_biases_]), plain.rows[1]),
        (np.column_stack([factors, biases])[own], values),
    ):
        assert np.allclose(found, rows, rtol=1e-4, atol=1e-4 * np.abs(rows).max())


@pytest.mark.parametrize("kind", ["plain", "without biases", "weights"])
def test_the_objective_falls_with_every_half_step(kind: str) -> None:
    ratings = ratings_in_contexts()
    ratings = weighted(ratings) if kind == "weights" else ratings
    model = ALS(**PARAMETERS, biases=kind != "without biases")
    fit = model.alternation(ratings, None)
    plain, contexts = PlainALS(ratings, model, fit.items.factors), fit.contexts
    assert contexts is not None
    # A row penalised by less than the least ridge would not be that of the formula.
    assert min(ridge.min() for ridge in plain.ridges) > 1e-6
    objectives = []
    for _ in range(6):
        for step in (fit.solve_users, fit.solve_items, lambda solver: fit.solve_contexts()):
            step(CHOLESKY)
            sides = [fit.users, fit.items, *(column.side for column in contexts.columns)]
            plain.rows = [
                np.column_stack(
                    [
                        in_float64(side.factors),
                        np.zeros(len(side.factors)) if side.biases is None else side.biases,
                    ]
                )
                for side in sides
            ]
            objectives.append(plain.objective)
    assert (np.diff(objectives) < 0).all()


def test_with_features_the_objective_falls_as_well() -> None:
    objectives = [record.objective for record in fitted("features", n_iterations=12).history_]
    assert (np.diff(objectives) < 0).all()


def test_whoever_rated_nothing_is_what_their_features_say_in_every_context() -> None:
    ratings = ratings_in_contexts()
    users, items = ratings.users.tolist(), ratings.items.tolist()
    ages = pl.DataFrame({"user": [*users, 9_001], "age": [*AGES, 0.3]})
    kinds = pl.DataFrame({"item": [*items, 9_002], "kind": [*"abc" * (N_ITEMS // 3), "b"]})
    model = ALS(**PARAMETERS).fit(ratings, user_features=ages, item_features=kinds, progress=False)
    stranger = model.fold_in({}, features={"age": 0.3})
    assert np.allclose(stranger.factors, model.user_factors_[-1], atol=1e-6)
    for context in CONTEXTS[:3]:
        expected = model.predict(9_001, [*items, 9_002], context=context)
        assert np.allclose(stranger.in_context(context).predict([*items, 9_002]), expected, atol=1e-5)
    visitor = model.fold_in(
        ratings.to_frame().filter(pl.col("user") == users[3]).drop("user"), features={"age": AGES[3]}
    )
    assert np.allclose(visitor.factors, model.user_factors_[3], atol=1e-5)
    assert (np.diff([record.objective for record in model.history_]) < 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_gives_the_same_bits(kind: str) -> None:
    one, three = (fitted(kind, n_threads=n) for n in (1, 3))
    for name in ("user_factors_", "item_factors_", "item_biases_", "context_factors_", "context_biases_"):
        assert np.array_equal(getattr(one, name), getattr(three, name))
    assert [record.objective for record in one.history_] == [record.objective for record in three.history_]


def test_contexts_that_are_held_at_zero_leave_the_fit_as_it_is_without() -> None:
    ratings = ratings_in_contexts().without_contexts()
    alike = Ratings.from_frame(ratings.to_frame().with_columns(day=pl.lit("today")), contexts=["day"])
    model = ALS(n_factors=3, n_iterations=10, context_regularization=1e9).fit(alike, progress=False)
    plain = ALS(n_factors=3, n_iterations=10).fit(ratings, progress=False)
    assert np.allclose(model.user_factors_, plain.user_factors_, atol=1e-4)
    assert np.allclose(model.item_factors_, plain.item_factors_, atol=1e-4)
    assert np.abs(in_float64(model.context_factors_)).max() < 1e-6


@pytest.mark.parametrize("strength", [0.5, 0.0])
def test_a_planted_weekday_taste_is_found_and_none_where_there_is_none(strength: float) -> None:
    train, test, variance = planted(strength, seed=1)
    errors = []
    for parts in ((train, test), (train.without_contexts(), test.without_contexts())):
        model = ALS(n_factors=6, n_iterations=30)
        record = model.fit(*parts, progress=False).history_[-1]
        assert record.validation_rmse is not None
        errors.append(record.validation_rmse**2)
    gain = errors[1] - errors[0]
    if strength:
        assert gain >= variance / 3
    else:
        assert abs(gain) < 0.01 * errors[1]


def test_a_fit_starts_from_the_contexts_of_another_model() -> None:
    ratings = ratings_in_contexts()
    old = fitted("plain", ratings, n_iterations=30)
    frame = ratings.to_frame().with_columns(
        weekday=pl.when(pl.col("weekday") == "Friday").then(pl.lit("Easter")).otherwise("weekday")
    )
    renamed = Ratings.from_frame(frame, contexts=["device", "weekday"])
    contexts = ALS(**PARAMETERS).alternation(renamed, old).contexts
    assert contexts is not None
    device, weekday = contexts.columns
    factors, biases = in_float64(old.context_factors_), in_float64(old.context_biases_)
    assert np.array_equal(device.side.factors, factors[6:])
    assert renamed.contexts is not None
    assert renamed.contexts.values[1] == ("Easter", *WEEKDAYS[1:])
    assert np.array_equal(weekday.side.factors, np.vstack([np.zeros((1, 3)), factors[2:5]]))
    assert weekday.side.biases is not None
    assert np.array_equal(weekday.side.biases, np.append(0.0, biases[2:5]))
    warm, cold = (
        ALS(**{**PARAMETERS, "n_iterations": 1}).fit(ratings, start=start, progress=False)
        for start in (old, None)
    )
    assert warm.history_[-1].objective < cold.history_[-1].objective
    for start in (fitted("without biases", ratings), BayesianALS(n_factors=3, n_samples=2).fit(ratings)):
        ALS(**PARAMETERS).fit(ratings, start=start, progress=False)
    without = ALS(**PARAMETERS).fit(ratings.without_contexts(), start=old, progress=False)
    assert without.contexts_ is None


def test_a_fit_without_contexts_forgets_those_of_the_last_one() -> None:
    ratings = ratings_in_contexts()
    model = fitted("plain", ratings).fit(ratings.without_contexts(), progress=False)
    assert model.context_factors_ is None
    assert model.context_biases_ is None
    fresh = ALS(**PARAMETERS).fit(ratings.without_contexts(), progress=False)
    assert model.recommend(model.user_index_.id_at(0)) == fresh.recommend(model.user_index_.id_at(0))


def test_old_ratings_fade_in_contexts_too() -> None:
    frame = ratings_in_contexts().to_frame().with_row_index("timestamp")
    frame = frame.with_columns(pl.col("timestamp").cast(pl.Int64) * 86_400)
    ratings = Ratings.from_frame(frame, contexts=["weekday", "device"], timestamp="timestamp")
    ages = frame["timestamp"].to_numpy().max() - frame["timestamp"].to_numpy()
    told = frame.drop("timestamp").with_columns(weight=pl.Series(2.0 ** (-ages / (100 * 86_400))))
    faded = fitted("plain", ratings, half_life="100d")
    by_weights = fitted("plain", Ratings.from_frame(told, weight="weight", contexts=["weekday", "device"]))
    assert np.allclose(in_float64(faded.context_factors_), in_float64(by_weights.context_factors_), atol=1e-4)


# ---- answers --------------------------------------------------------------------------------------


def scores(model: ALS, context: dict[str, Any]) -> NDArray[np.float64]:
    """The scores of all pairs in a context, by the formula, in float64."""
    contexts, first = contexts_of(model), 0
    z, b_c = np.zeros(3), 0.0
    for name, values in zip(contexts.names, contexts.values, strict=True):
        place = values.index(str(context[name])) + 1 if str(context.get(name)) in values else 0
        z = z + in_float64(model.context_factors_)[first + place]
        b_c = b_c + in_float64(model.context_biases_)[first + place]
        first += len(values) + 1
    x, y = in_float64(model.user_factors_), in_float64(model.item_factors_)
    found: NDArray[np.float64] = (
        model.mean_
        + model.user_biases_[:, None]
        + model.item_biases_
        + b_c
        + x @ y.T
        + (x @ z)[:, None]
        + y @ z
    )
    return found


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_answers_in_a_context_are_those_of_the_formula(model: ALS, context: dict[str, Any]) -> None:
    formula = {name: "" if value is None else value for name, value in context.items()}
    expected = scores(model, formula)
    users, items = np.repeat(model.user_index_.ids, N_ITEMS), np.tile(model.item_index_.ids, N_USERS)
    clipped = np.clip(expected, *model.rating_range_)
    predicted = model.predict(users, items, context=context)
    assert np.allclose(predicted.reshape(clipped.shape), clipped, atol=1e-4)
    found = model.recommend_all(n=N_ITEMS, exclude_seen=False, context=context)
    for place, user in enumerate(model.user_index_.ids[:5].tolist()):
        best = model.recommend(user, n=N_ITEMS, exclude_seen=False, context=context)
        assert np.allclose([one.score for one in best], np.sort(expected[place])[::-1], atol=1e-4)
        assert [one.item for one in best] == found.filter(pl.col("user") == user)["item"].to_list()
        person = model.person(user).in_context(context)
        assert person.recommend(n=N_ITEMS, exclude_seen=False) == best
        assert person.predict(items[:N_ITEMS].tolist()).tolist() == pytest.approx(clipped[place], abs=1e-4)
        assert np.allclose(person.factors, model.user_factors_[place])
        assert person.bias == pytest.approx(float(model.user_biases_[place]))


def test_without_a_context_the_mean_one_answers(model: ALS) -> None:
    users, items = model.user_index_.ids[:8], model.item_index_.ids[:8]
    plain = model.predict(users, items)
    assert np.array_equal(plain, model.predict(users, items, context={}))
    assert np.array_equal(plain, model.predict(users, items, context={"weekday": "someday"}))
    assert model.recommend(users[0].item()) == model.recommend(users[0].item(), context={})
    digits, first = contexts_of(model).digits(model.rated_.contexts), 0
    for place, size in enumerate(contexts_of(model).sizes):
        for array in (model.context_factors_, model.context_biases_):
            rows = in_float64(array)
            mean = np.average(rows[first + digits[place]], axis=0, weights=model.rated_.weights)
            assert np.allclose(rows[first], mean, atol=1e-5)
        first += size


def test_pairs_may_each_have_a_context_of_their_own(model: ALS) -> None:
    users, items = model.user_index_.ids[:3], model.item_index_.ids[:3]
    columns = {"weekday": [*WEEKDAYS[:3], "Monday", "Monday"], "device": "tv"}
    together = model.predict([*users, -1, users[0]], [*items, items[0], -1], context=columns)
    for place in range(3):
        context = {"weekday": WEEKDAYS[place], "device": "tv"}
        alone = model.predict(users[place], items[place], context=context)
        assert together[place] == pytest.approx(alone, abs=1e-6)
    monday = {"weekday": "Monday", "device": "tv"}
    code = np.array([contexts_of(model).code(monday)])
    values = model.context_values
    assert values is not None
    here = values.of(code)
    z, b_c = in_float64(here.factors)[0], 0.0 if here.biases is None else float(here.biases[0])
    of_stranger = model.mean_ + model.item_biases_[0] + b_c + in_float64(model.item_factors_)[0] @ z
    of_new_item = model.mean_ + model.user_biases_[0] + b_c + in_float64(model.user_factors_)[0] @ z
    clipped = np.clip([of_stranger, of_new_item], *model.rating_range_)
    assert together[3:].tolist() == pytest.approx(clipped.tolist(), abs=1e-5)
    assert model.predict([-1], [items[0]])[0] == pytest.approx(
        model.predict([-1], [items[0]], context={})[0], abs=1e-5
    )


def test_folding_in_the_ratings_of_a_user_gives_the_trained_row(model: ALS) -> None:
    row = 4
    user = model.user_index_.id_at(row)
    frame = ratings_in_contexts().to_frame()
    frame = weighted(ratings_in_contexts()).to_frame() if model.rated_.weights is not None else frame
    own = frame.filter(pl.col("user") == user).drop("user")
    known = known_of(model, row)
    visitor = model.fold_in(own, **known)
    assert np.allclose(visitor.factors, model.user_factors_[row], rtol=1e-4, atol=1e-5)
    assert visitor.bias == pytest.approx(model.user_biases_[row], abs=1e-5)
    context = {"weekday": "Sunday"}
    there = visitor.in_context(context).recommend(5)
    assert [one.item for one in there] == [one.item for one in model.recommend(user, 5, context=context)]
    # Without their contexts the same ratings say something else.
    assert not np.allclose(model.fold_in(own.drop("weekday"), **known).factors, visitor.factors, atol=1e-3)


def test_many_people_are_folded_in_with_their_contexts(model: ALS) -> None:
    frame = ratings_in_contexts(seed=3).to_frame()
    everybody = model.fold_in_all(frame, n=5)
    recoded = Ratings.from_frame(frame, contexts=["device", "weekday"])
    assert model.fold_in_all(recoded, n=5).equals(everybody)
    for user in frame["user"].unique()[:3].to_list():
        alone = model.fold_in(frame.filter(pl.col("user") == user).drop("user")).recommend(5)
        assert [one.item for one in alone] == everybody.filter(pl.col("user") == user)["item"].to_list()


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_explanations_add_up_to_the_score_in_a_context(model: ALS, context: dict[str, Any]) -> None:
    stranger = model.fold_in({})
    for person in (model.person(model.user_index_.id_at(2)), stranger):
        here = person.in_context(context)
        best = here.recommend(3)
        for one, explanation in zip(best, here.explain_all([each.item for each in best]), strict=True):
            parts = sum(each.contribution for each in explanation.contributions)
            assert explanation.score == pytest.approx(one.score, abs=1e-4)
            assert explanation.baseline + parts + explanation.rest == pytest.approx(one.score, abs=1e-4)


def test_an_item_is_folded_in_against_people_in_the_mean_context(model: ALS) -> None:
    raters = dict.fromkeys(model.user_index_.ids[:6].tolist(), 4.5)
    item = model.fold_in_item(raters)
    values = model.context_values
    assert values is not None
    mean = values.of(np.zeros(1, dtype=np.int64))
    z, b_c = in_float64(mean.factors)[0], 0.0 if mean.biases is None else float(mean.biases[0])
    x, b = in_float64(model.user_factors_), in_float64(model.user_biases_)
    vectors, targets = x[:6] + z, 4.5 - model.mean_ - b[:6] - b_c - x[:6] @ z
    if model.biases:
        vectors = np.column_stack([vectors, np.ones(6)])
    precision = vectors.T @ vectors + 6 * model.regularization * np.eye(vectors.shape[1])
    expected = np.linalg.solve(precision, vectors.T @ targets)
    assert np.allclose(item.factors, expected[:3], atol=1e-4)
    assert item.bias == pytest.approx(expected[3] if model.biases else 0.0, abs=1e-4)
    said = model.mean_ + b_c + item.bias + item.factors @ z
    stars = said + b + x @ (item.factors + z)
    for one in item.recommend_users(3, exclude_seen=False):
        place = model.user_index_.position(one.user)
        assert one.score == pytest.approx(stars[place], abs=1e-4)
        assert item.predict(one.user) == pytest.approx(np.clip(stars[place], *model.rating_range_), abs=1e-4)
    assert item.predict(-1) == pytest.approx(np.clip(said, *model.rating_range_), abs=1e-4)


def test_new_ratings_in_contexts_are_learned_from(model: ALS) -> None:
    learned = copy.copy(model)
    frame = pl.DataFrame(
        {"user": [1, 999], "item": [5, 5], "rating": [1.0, 5.0], "weekday": ["Sunday", "Wednesday"]}
    )
    learned.partial_fit(Ratings.from_frame(frame, contexts=["weekday"]), n_iterations=2)
    assert contexts_of(learned) == contexts_of(model)
    assert learned.rated_.contexts is not None
    assert learned.rated_.contexts[0] == contexts_of(learned).code({"weekday": "Sunday"})
    assert learned.rated_.contexts[-1] == 0
    rows, items = learned.rated_.pick([0]), learned.item_index_.ids
    contexts = contexts_of(learned).columns(rows.contexts)
    known = known_of(model, 0)
    # A device that is not given is one that was not known, and no missing one.
    told = pl.DataFrame({"item": items[rows.columns], "rating": rows.values, **contexts})
    told = told.with_columns(device=pl.when(pl.col("item") == 5).then(pl.lit("?")).otherwise("device"))
    if rows.weights is not None:
        told = told.with_columns(weight=rows.weights)
    visitor = learned.fold_in(told, **known)
    assert np.allclose(visitor.factors, learned.user_factors_[0], atol=1e-4)
    assert not np.allclose(learned.item_factors_[0], model.item_factors_[0], atol=1e-3)
    plain = copy.copy(model).partial_fit(Ratings.from_frame(frame))
    assert plain.rated_.contexts is not None
    assert plain.rated_.contexts[0] == 0


def test_ratings_that_were_known_before_are_solved_as_in_the_fit() -> None:
    """To learn again what has been learned is one more half-step for the items and one for the users."""
    ratings = ratings_in_contexts()
    model = fitted("plain", ratings, n_iterations=300)
    again = copy.copy(model).partial_fit(ratings)
    assert np.allclose(again.item_factors_, model.item_factors_, atol=2e-3)
    assert np.allclose(again.user_factors_, model.user_factors_, atol=2e-3)


def test_a_saved_model_answers_the_same_in_every_context(model: ALS, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = matinee.load(tmp_path / "model")
    assert loaded.contexts_ == model.contexts_
    user, items = model.user_index_.id_at(1), model.item_index_.ids
    for context in CONTEXTS:
        assert np.array_equal(
            loaded.predict(user, items, context=context), model.predict(user, items, context=context)
        )
        person, saved = (each.person(user).in_context(context) for each in (model, loaded))
        assert person.explain(items[3].item()) == saved.explain(items[3].item())
    frame = pl.DataFrame({"user": [1], "item": [5], "rating": [1.0], "weekday": ["Sunday"]})
    new = Ratings.from_frame(frame, contexts=["weekday"])
    learned = [copy.copy(each).partial_fit(new) for each in (model, loaded)]
    assert np.array_equal(learned[0].item_factors_, learned[1].item_factors_)


def test_evaluating_predicts_each_rating_in_its_context(model: ALS) -> None:
    test = ratings_in_contexts(seed=5)
    frame = test.to_frame()
    columns = {name: frame[name].fill_null("") for name in ("weekday", "device")}
    predicted = model.predict(frame["user"], frame["item"], context=columns)
    expected = float(np.sqrt(np.mean((predicted - test.values) ** 2)))
    assert matinee.evaluate(model, test).rmse == pytest.approx(expected, abs=1e-4)
    assert matinee.evaluate(model, test.without_contexts()).rmse != pytest.approx(expected, abs=1e-4)


def test_the_validation_error_is_that_of_the_formula_in_context() -> None:
    """Also of ratings by people, of items and in contexts that the training ratings do not have."""
    train, test = matinee.split(ratings_in_contexts(), test_size=0.2, random_state=0)
    frame = test.to_frame().with_row_index()
    unseen = frame.with_columns(
        user=pl.when(pl.col("index") < 3).then(5_000).otherwise("user"),
        item=pl.when(pl.col("index").is_between(6, 8)).then(5_000).otherwise("item"),
        weekday=pl.when(pl.col("index") == 10).then(pl.lit("someday")).otherwise("weekday"),
    )
    held_out = Ratings.from_frame(unseen.drop("index"), contexts=["weekday", "device"])
    model = ALS(**PARAMETERS)
    # At the end of an iteration, and not after the half-step for the users that ends a fit.
    fit = model.alternation(train, None)
    record = fit.run(2, measure=model.measure(train, held_out), progress=False)[-1]
    model.fit(train, held_out, progress=False, callback=lambda record: record.iteration == 2)
    assert model.history_[-1].validation_rmse == record.validation_rmse
    again = model.alternation(train, None)
    for _ in range(2):
        again.improve()
    assert again.contexts is not None
    model.user_factors_[:], model.user_biases_[:] = again.users.factors, again.users.biases
    model.rating_range_ = (-99.0, 99.0)
    model.settle()
    frame = held_out.to_frame()
    columns = {name: frame[name] for name in ("weekday", "device")}
    predicted = model.predict(frame["user"], frame["item"], context=columns)
    expected = np.sqrt(np.mean((predicted - held_out.values) ** 2, dtype=np.float64))
    assert record.validation_rmse == pytest.approx(expected, rel=1e-5)


def test_comparing_and_tuning_take_ratings_in_contexts() -> None:
    train, test = matinee.split(ratings_in_contexts(), test_size=0.2, random_state=0)
    models = {
        name: ALS(**PARAMETERS).fit(each, progress=False)
        for name, each in (("with", train), ("without", train.without_contexts()))
    }
    found = matinee.compare(models, test)
    for name, model in models.items():
        assert found.evaluations[name].rmse == matinee.evaluate(model, test).rmse
    assert found.evaluations["with"].rmse < found.evaluations["without"].rmse
    searched = matinee.tune(train, ALS(**PARAMETERS), n_trials=4, max_factors=6, progress=False)
    best = searched.best_model
    assert isinstance(best, ALS)
    assert contexts_of(best).names == ("weekday", "device")
    tried = searched.trials["context_regularization"]
    assert tried[0] == 2.0
    assert tried.n_unique() == 4
    plain = matinee.tune(train.without_contexts(), ALS(**PARAMETERS), n_trials=1, progress=False)
    assert "context_regularization" not in plain.best_params


def test_a_group_needs_no_context(model: ALS) -> None:
    users = model.user_index_.ids[:2].tolist()
    together = model.recommend_group(users, 4)
    expected = scores(model, {})[:2].mean(axis=0)
    for one in together:
        assert one.score == pytest.approx(expected[model.item_index_.position(one.item)], abs=1e-4)


# ---- bad input ------------------------------------------------------------------------------------


def test_what_is_no_context_of_the_model_is_refused(model: ALS) -> None:
    plain = fitted("plain", ratings_in_contexts().without_contexts())
    message = "the model was fitted without contexts; fit ALS or BayesianALS"
    assert_strange_contexts_are_refused(model, plain, message)


def test_more_contexts_than_ratings_are_refused() -> None:
    ratings = with_more_contexts_than_ratings()
    with pytest.raises(DataError, match="values for .* ratings; expected fewer: take larger bins"):
        ALS(**PARAMETERS).fit(ratings)


@pytest.mark.parametrize("strength", [0, -1, float("nan"), float("inf"), "much"])
def test_a_regularization_of_contexts_that_is_none_is_refused(strength: Any) -> None:
    with pytest.raises(DataError, match="context_regularization="):
        ALS(context_regularization=strength).fit(ratings_in_contexts())


def test_implicit_feedback_refuses_contexts_and_names_who_learns_them() -> None:
    with pytest.raises(
        DataError, match="ImplicitALS learns nothing of .*; fit ALS or BayesianALS, or give it"
    ):
        ImplicitALS().fit(ratings_in_contexts())
