"""Contexts in BayesianALS: the chain against plain numpy, its answers, and what a planted taste is worth."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats

import matinee
from matinee.errors import DataError
from matinee.models import BayesianALS
from matinee.ratings import Contexts, Ratings
from matinee.tuning.study_file import fingerprint

from ..in_contexts import (
    CONTEXTS,
    N_ITEMS,
    N_USERS,
    WEEKDAYS,
    assert_strange_contexts_are_refused,
    planted,
    ratings_in_contexts,
    with_more_contexts_than_ratings,
)

PARAMETERS: dict[str, Any] = {"n_factors": 3, "n_samples": 12, "n_burn_in": 12, "n_kept": 12}


def fitted(kind: str, ratings: Ratings | None = None, **more: Any) -> BayesianALS:
    ratings = ratings_in_contexts() if ratings is None else ratings
    given = {}
    if kind == "all":
        ages = np.random.default_rng(0).normal(size=ratings.n_users)
        given = {"user_features": pl.DataFrame({"user": ratings.users, "age": ages})}
    noise = {"user_noise": kind == "all", "item_noise": kind == "all"}
    model = BayesianALS(**{**PARAMETERS, **more}, **noise, implicit=kind == "all")
    return model.fit(ratings, progress=False, **given)


@pytest.fixture(scope="module", params=["plain", "all"])
def model(request: pytest.FixtureRequest) -> BayesianALS:
    return fitted(request.param)


def contexts_of(model: BayesianALS) -> Contexts:
    assert model.contexts_ is not None
    return model.contexts_


def scores(model: BayesianALS, context: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The scores of all pairs in a context, by the formula, in every sample; in float64."""
    posterior, contexts = model.posterior_, contexts_of(model)
    z, b_c, first = 0.0, 0.0, 0
    for name, values in zip(contexts.names, contexts.values, strict=True):
        place = values.index(str(context[name])) + 1 if str(context.get(name)) in values else 0
        z = z + posterior.context_samples[first + place].astype(np.float64)
        b_c = b_c + posterior.context_bias_samples[first + place].astype(np.float64)
        first += len(values) + 1
    x, y = posterior.user_samples.astype(np.float64), posterior.item_samples.astype(np.float64)
    return (
        model.mean_
        + posterior.user_bias_samples.T[:, :, None]
        + posterior.item_bias_samples.T[:, None, :]
        + np.reshape(b_c, (-1, 1, 1))
        + np.einsum("usk,isk->sui", x, y)
        + np.einsum("usk,sk->su", x, z)[:, :, None]
        + np.einsum("isk,sk->si", y, z)[:, None, :]
    )


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_answers_in_a_context_are_those_of_the_formula(model: BayesianALS, context: dict[str, Any]) -> None:
    formula = {name: "" if value is None else value for name, value in context.items()}
    expected = scores(model, formula)
    users, items = np.repeat(model.user_index_.ids, N_ITEMS), np.tile(model.item_index_.ids, N_USERS)
    clipped = np.clip(expected, *model.rating_range_).mean(axis=0)
    predicted = model.predict(users, items, context=context)
    assert np.allclose(predicted.reshape(clipped.shape), clipped, atol=1e-4)
    found = model.recommend_all(n=N_ITEMS, exclude_seen=False, context=context)
    for place, user in enumerate(model.user_index_.ids[:5].tolist()):
        of_user = expected.mean(axis=0)[place]
        best = model.recommend(user, n=N_ITEMS, exclude_seen=False, context=context)
        assert np.allclose([one.score for one in best], np.sort(of_user)[::-1], atol=1e-4)
        assert [one.item for one in best] == found.filter(pl.col("user") == user)["item"].to_list()
        person = model.person(user).in_context(context)
        assert person.recommend(n=N_ITEMS, exclude_seen=False) == best
        assert person.predict(items[:N_ITEMS].tolist()).tolist() == pytest.approx(clipped[place], abs=1e-4)


def test_without_a_context_the_mean_one_answers(model: BayesianALS) -> None:
    users, items = model.user_index_.ids[:8], model.item_index_.ids[:8]
    plain = model.predict(users, items)
    assert np.array_equal(plain, model.predict(users, items, context={}))
    assert np.array_equal(plain, model.predict(users, items, context={"weekday": "someday"}))
    assert model.recommend(users[0].item()) == model.recommend(users[0].item(), context={})
    posterior, contexts = model.posterior_, contexts_of(model)
    digits, first = contexts.digits(model.rated_.contexts), 0
    for place, size in enumerate(contexts.sizes):
        for array in (posterior.context_samples, posterior.context_bias_samples):
            mean = array[first + digits[place]].mean(axis=0, dtype=np.float64)
            assert np.allclose(array[first], mean, atol=1e-5)
        first += size


def test_pairs_may_each_have_a_context_of_their_own(model: BayesianALS) -> None:
    users, items = model.user_index_.ids[:3], model.item_index_.ids[:3]
    together = model.predict(
        [*users, -1], [*items, items[0]], context={"weekday": [*WEEKDAYS[:3], "Monday"], "device": "tv"}
    )
    for place in range(3):
        context = {"weekday": WEEKDAYS[place], "device": "tv"}
        alone = model.predict(users[place], items[place], context=context)
        assert together[place] == pytest.approx(alone, abs=1e-6)
    stranger = model.fold_in({}).in_context({"weekday": "Monday", "device": "tv"})
    assert together[3] == pytest.approx(stranger.predict(items[0]), abs=1e-5)
    mean, deviation, low, high = model.predict(
        users, items, context={"weekday": WEEKDAYS[:3]}, return_std=True, interval=0.9
    )
    assert (deviation > 0.1).all()
    assert (low <= mean).all()
    assert (mean <= high).all()


def test_the_uncertainty_is_that_of_the_context(model: BayesianALS) -> None:
    """Of a weekday in which nobody rated much less is known than of one in which all did."""
    ratings = ratings_in_contexts()
    weekday = pl.Series(["Monday"] * len(ratings)).to_frame("weekday").with_row_index()
    rare = weekday.with_columns(
        weekday=pl.when(pl.col("index") < 3).then(pl.lit("Sunday")).otherwise("weekday")
    )
    frame = ratings.to_frame().with_columns(weekday=rare["weekday"])
    model = fitted("plain", Ratings.from_frame(frame, contexts=["weekday"]), n_samples=60, n_kept=60)
    users, items = model.user_index_.ids[:20], model.item_index_.ids[:20]
    often, seldom = (
        model.predict(users, items, context={"weekday": each}, return_std=True)[1].mean()
        for each in ("Monday", "Sunday")
    )
    assert seldom > 1.1 * often


def test_folding_in_the_ratings_of_a_user_gives_the_trained_row(model: BayesianALS) -> None:
    frame = ratings_in_contexts().to_frame()
    row = 4
    user = model.user_index_.id_at(row)
    own = frame.filter(pl.col("user") == user)
    known: dict[str, Any] = {}
    if model.user_columns_ is not None:
        known = {"features": {"age": float(np.random.default_rng(0).normal(size=N_USERS)[row])}}
    visitor = model.fold_in(own.drop("user"), **known)
    assert np.allclose(visitor.factors, model.user_factors_[row], atol=1e-5)
    assert visitor.bias == pytest.approx(model.user_biases_[row], abs=1e-5)
    assert np.allclose(model.person(user).factors, model.user_factors_[row], atol=1e-6)
    context = {"weekday": "Sunday"}
    assert [one.item for one in visitor.in_context(context).recommend(5)] == [
        one.item for one in model.recommend(user, 5, context=context)
    ]
    # Without their contexts the same ratings say something else.
    assert not np.allclose(
        model.fold_in(own.drop("user", "weekday"), **known).factors, visitor.factors, atol=1e-3
    )


def test_many_people_are_folded_in_with_their_contexts(model: BayesianALS) -> None:
    frame = ratings_in_contexts(seed=3).to_frame()
    everybody = model.fold_in_all(frame, n=5)
    recoded = Ratings.from_frame(frame, contexts=["device", "weekday"])
    assert model.fold_in_all(recoded, n=5).equals(everybody)
    for user in frame["user"].unique()[:3].to_list():
        alone = model.fold_in(frame.filter(pl.col("user") == user).drop("user")).recommend(5)
        assert [one.item for one in alone] == everybody.filter(pl.col("user") == user)["item"].to_list()


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_explanations_add_up_to_the_score_in_a_context(model: BayesianALS, context: dict[str, Any]) -> None:
    person = model.person(model.user_index_.id_at(2)).in_context(context)
    best = person.recommend(3)
    for one, explanation in zip(best, person.explain_all([each.item for each in best]), strict=True):
        parts = sum(each.contribution for each in explanation.contributions)
        assert explanation.score == pytest.approx(one.score, abs=1e-4)
        assert explanation.baseline + parts + explanation.rest == pytest.approx(one.score, abs=1e-4)


def test_the_chain_is_the_same_for_any_number_of_threads() -> None:
    one, three = (fitted("all", n_threads=n) for n in (1, 3))
    for name in one.posterior_.names():
        assert np.array_equal(getattr(one.posterior_, name), getattr(three.posterior_, name))


def test_weights_count_repeated_ratings_in_contexts_too() -> None:
    ratings = ratings_in_contexts()
    frame = ratings.to_frame().with_columns(weight=pl.lit(2.0))
    heavy = Ratings.from_frame(frame, weight="weight", contexts=["weekday", "device"])
    model = fitted("plain", heavy)
    contexts, codes = contexts_of(model), heavy.by_user.contexts
    assert contexts == ratings.contexts
    shares = np.bincount(contexts.digits(codes)[0], minlength=5)[1:] / len(heavy)
    of_values = model.posterior_.context_samples[1:5].astype(np.float64)
    assert np.allclose(
        model.posterior_.context_samples[0], np.einsum("v,vsk->sk", shares, of_values), atol=1e-5
    )


def test_a_saved_model_answers_the_same_in_every_context(model: BayesianALS, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = matinee.load(tmp_path / "model")
    assert loaded.contexts_ == model.contexts_
    user, items = model.user_index_.id_at(1), model.item_index_.ids
    for context in CONTEXTS:
        assert np.array_equal(
            loaded.predict(user, items, context=context), model.predict(user, items, context=context)
        )


def test_new_ratings_in_contexts_are_learned_from(model: BayesianALS) -> None:
    learned = copy.copy(model)
    frame = pl.DataFrame(
        {"user": [1, 999], "item": [5, 5], "rating": [1.0, 5.0], "weekday": ["Sunday", "Wednesday"]}
    )
    learned.partial_fit(Ratings.from_frame(frame, contexts=["weekday"]), n_iterations=2)
    contexts = contexts_of(learned)
    assert contexts == model.contexts_
    assert learned.rated_.contexts[0] == contexts.code({"weekday": "Sunday"})
    assert learned.rated_.contexts[-1] == 0
    own = ratings_in_contexts().to_frame().filter((pl.col("user") == 1) & (pl.col("item") != 5))
    told = pl.concat([own, frame[:1]], how="diagonal_relaxed").drop("user")
    # A device that is not given is one that was not known, and no missing one.
    told = told.with_columns(device=pl.when(pl.col("item") == 5).then(pl.lit("?")).otherwise("device"))
    known = {"features": {"age": float(np.random.default_rng(0).normal())}} if model.user_columns_ else {}
    visitor = learned.fold_in(told, **known)  # type: ignore[arg-type]
    assert np.allclose(visitor.factors, learned.user_factors_[0], atol=1e-4)
    plain = copy.copy(model).partial_fit(Ratings.from_frame(frame))
    assert plain.rated_.contexts[0] == 0


def test_an_item_is_folded_in_against_people_in_the_mean_context(model: BayesianALS) -> None:
    raters = dict.fromkeys(model.user_index_.ids[:6].tolist(), 4.5)
    item = model.fold_in_item(raters)
    assert item.predict(list(raters)).mean() > model.rated_.mean
    for one in item.recommend_users(3):
        stars = np.clip(one.score, *model.rating_range_)
        assert item.predict(one.user) == pytest.approx(stars, abs=0.15)
    worse = model.fold_in_item(dict.fromkeys(raters, 1.0))
    assert (worse.predict(list(raters)) < item.predict(list(raters))).all()


def test_evaluating_predicts_each_rating_in_its_context(model: BayesianALS) -> None:
    test = ratings_in_contexts(seed=5)
    frame = test.to_frame()
    columns = {name: frame[name].fill_null("") for name in ("weekday", "device")}
    predicted = model.predict(frame["user"], frame["item"], context=columns)
    expected = float(np.sqrt(np.mean((predicted - test.values) ** 2)))
    assert matinee.evaluate(model, test).rmse == pytest.approx(expected, abs=1e-4)
    assert matinee.evaluate(model, test.without_contexts()).rmse != pytest.approx(expected, abs=1e-4)


def test_comparing_and_tuning_take_ratings_in_contexts() -> None:
    train, test = matinee.split(ratings_in_contexts(), test_size=0.2, random_state=0)
    models = {
        name: BayesianALS(**PARAMETERS).fit(each, progress=False)
        for name, each in (("with", train), ("without", train.without_contexts()))
    }
    found = matinee.compare(models, test)
    for name, model in models.items():
        alone = matinee.evaluate(model, test)
        assert found.evaluations[name].rmse == alone.rmse
    assert found.evaluations["with"].rmse < found.evaluations["without"].rmse
    searched = matinee.tune(train, BayesianALS(**PARAMETERS), n_trials=2, max_factors=6, progress=False)
    best = searched.best_model
    assert isinstance(best, BayesianALS)
    assert contexts_of(best).names == ("weekday", "device")
    renamed = train.to_frame().rename({"device": "place"})
    places = Ratings.from_frame(renamed, contexts=["weekday", "place"])
    assert places.by_user.contexts.tolist() == train.by_user.contexts.tolist()
    assert fingerprint(places) != fingerprint(train)


def test_the_validation_error_is_that_of_predictions_in_context() -> None:
    train, test = matinee.split(ratings_in_contexts(), test_size=0.2, random_state=0)
    model = BayesianALS(**PARAMETERS).fit(train, test, progress=False)
    frame = test.to_frame()
    # "Missing" is a value of the device; a rating that the model keeps is not the one of its sweep.
    columns = {name: frame[name] for name in ("weekday", "device")}
    error = np.sqrt(
        np.mean((model.predict(frame["user"], frame["item"], context=columns) - test.values) ** 2)
    )
    assert model.history_[-1].validation_rmse == pytest.approx(error, abs=0.05)


def test_what_is_no_context_of_the_model_is_refused(model: BayesianALS) -> None:
    plain = fitted("plain", ratings_in_contexts().without_contexts())
    assert_strange_contexts_are_refused(model, plain, "the model was fitted without contexts")


def test_more_contexts_than_ratings_are_refused() -> None:
    ratings = with_more_contexts_than_ratings()
    with pytest.raises(DataError, match="values for .* ratings; expected fewer: take larger bins"):
        fitted("plain", ratings)


class PlainContexts:
    """The same model in float64 numpy: sides of rows (x, b) ~ N(μ, Λ⁻¹), one after the other."""

    def __init__(
        self, places: np.ndarray[Any, Any], values: np.ndarray[Any, Any], rank: int, seed: int
    ) -> None:
        self.generator, self.rank = np.random.default_rng(seed), rank
        self.places, self.values, self.offset = places, values.astype(np.float64), values.mean()
        self.rows = [self.generator.normal(size=(n + 1, rank + 1)) for n in places.max(axis=1)]
        for side in self.rows[2:]:
            side[:] = 0.0
        self.alpha = 1.0 / values.var()

    def normal(self, mean: np.ndarray[Any, Any], precision: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        noise = self.generator.standard_normal(mean.shape)[..., None]
        lower = np.linalg.cholesky(precision)
        return mean + np.linalg.solve(np.swapaxes(lower, -1, -2), noise)[..., 0]

    def sweep(self) -> None:
        for side in range(len(self.rows)):
            rows, d = self.rows[side], self.rank + 1
            n, centre = len(rows), rows.sum(axis=0) / (len(rows) + 1)
            # A context is expected to be 0.3 times as large as a person or an item.
            scatter = (
                (0.3 if side >= 2 else 1.0) ** 2 * np.eye(d)
                + rows.T @ rows
                - (n + 1) * np.outer(centre, centre)
            )
            drawn = scipy.stats.wishart(d + n, np.linalg.inv(scatter)).rvs(random_state=self.generator)
            mean = self.normal(centre, (n + 1) * drawn)
            vectors, targets = self.seen_from(side)
            # Which ratings are of which row: given the other sides, rows are independent.
            of_row = (self.places[side] == np.arange(n)[:, None]).astype(np.float64)
            precision = drawn + self.alpha * (of_row[:, None, :] * vectors.T) @ vectors
            b = drawn @ mean + self.alpha * of_row @ (vectors * targets[:, None])
            rows[:] = self.normal(np.linalg.solve(precision, b[..., None])[..., 0], precision)
        error = float(np.sum((self.values - self.predictions(self.places)) ** 2))
        self.alpha = self.generator.gamma(1 + len(self.values) / 2, 1 / (1 + error / 2))

    def seen_from(self, side: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The vectors and the targets of the ratings: what is linear in a row of the side, and the rest."""
        found = [rows[places] for rows, places in zip(self.rows, self.places, strict=True)]
        zeroed = [np.zeros_like(each) if place == side else each for place, each in enumerate(found)]
        user, item, context = zeroed[0], zeroed[1], sum(zeroed[2:])
        vector = (item if side == 0 else user if side == 1 else user + item).copy()
        vector = vector + context if side < 2 else vector
        vector[:, -1] = 1.0
        return vector, self.values - score(self.offset, user, item, context)

    def predictions(self, places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        user, item, *contexts = (rows[at] for rows, at in zip(self.rows, places, strict=True))
        return score(self.offset, user, item, sum(contexts))


def score(
    offset: float, user: np.ndarray[Any, Any], item: np.ndarray[Any, Any], context: Any
) -> np.ndarray[Any, Any]:
    x, y, z = user[:, :-1], item[:, :-1], context[:, :-1]
    return offset + (user + item + context)[:, -1] + (x * y + x * z + y * z).sum(axis=1)


def test_the_chain_meets_a_plain_sampler_of_the_same_model() -> None:
    generator = np.random.default_rng(2)
    users, items = np.nonzero(generator.random((9, 8)) < 0.8)
    places = np.stack(
        [users, items, generator.integers(0, 3, len(users)), generator.integers(0, 2, len(users))]
    )
    truth = PlainContexts(places, generator.normal(size=len(users)), 2, seed=9)
    truth.rows = [0.8 * generator.normal(size=side.shape) for side in truth.rows]
    values = (truth.predictions(places) + 0.5 * generator.normal(size=len(users))).astype(np.float32)
    values /= values.std()  # the priors are those of ratings of this size
    ratings = Ratings.from_arrays(users, items, values, contexts={"a": places[2], "b": places[3]})
    means = []
    for seed in range(2):
        plain, n_sweeps = PlainContexts(places, values, 2, seed), 1000
        total: Any = 0.0
        for sweep in range(n_sweeps + 100):
            plain.sweep()
            total = total + (plain.predictions(places) if sweep >= 100 else 0.0)
        means.append(total / n_sweeps)
    model = BayesianALS(n_factors=2, n_samples=4000, n_burn_in=100, n_kept=1000, n_threads=1)
    model.fit(ratings, progress=False)
    model.rating_range_ = (-99.0, 99.0)
    model.settle()
    found = model.predict(users, items, context={"a": places[2], "b": places[3]})
    apart = np.abs(means[0] - means[1]).mean()
    assert np.abs(found - np.mean(means, axis=0)).mean() < max(2 * apart, 0.03)


@pytest.mark.parametrize("strength", [0.5, 0.0])
def test_a_planted_weekday_taste_is_found_and_none_where_there_is_none(strength: float) -> None:
    train, test, variance = planted(strength, seed=1)
    errors = []
    for parts in ((train, test), (train.without_contexts(), test.without_contexts())):
        model = BayesianALS(n_factors=6, n_samples=60, n_burn_in=20, n_kept=1)
        record = model.fit(*parts, progress=False).history_[-1]
        assert record.validation_rmse is not None
        errors.append(record.validation_rmse**2)
    gain = errors[1] - errors[0]
    if strength:
        assert gain >= variance / 3
    else:
        assert abs(gain) < 0.01 * errors[1]
