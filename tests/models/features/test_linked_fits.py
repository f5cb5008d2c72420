"""What ALS and ImplicitALS learn from features: against a float64 reference, and laws of every fit."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from matinee import load
from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import write_model_file
from matinee.models import ALS, ImplicitALS
from matinee.ratings import Ratings

N_USERS, N_ITEMS, RANK = 50, 36, 3
GENRES = ["Crime", "Drama", "War"]
IMPLICIT: dict[str, Any] = {
    "n_factors": RANK,
    "n_iterations": 4,
    "regularization": 0.05,
    "alpha": 2.0,
    "unobserved_weight": 0.3,
    "nu": 0.7,
    "feature_regularization": 0.8,
}
EXPLICIT: dict[str, Any] = {
    "n_factors": RANK,
    "n_iterations": 4,
    "weighting": 0.5,
    "feature_regularization": 1.0,
}


class Cinema:
    """Ratings, and features of everybody; every ninth user rated nothing, every seventh item is not rated."""

    def __init__(self, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.trades = generator.choice(["cook", "poet"], size=N_USERS)
        self.genres = [generator.choice(GENRES, 2, replace=False).tolist() for _ in range(N_ITEMS)]
        self.years = generator.integers(1950, 2020, size=N_ITEMS)
        tastes = {name: generator.normal(size=2) for name in ("cook", "poet", *GENRES)}
        left = np.array([tastes[trade] for trade in self.trades])
        right = np.array([tastes[a] + tastes[b] for a, b in self.genres])
        scores = left @ right.T + 0.5 * generator.normal(size=(N_USERS, N_ITEMS))
        self.rated = scores > np.quantile(scores, 0.7)
        self.rated[::9] = False
        self.rated[:, ::7] = False
        self.values = np.where(self.rated, np.round(3 + generator.normal(size=scores.shape)), 0.0)
        self.values[self.rated & (self.values == 0)] = 1.0
        self.scores = scores
        users, items = np.nonzero(self.rated)
        self.train = Ratings.from_arrays(users, items, self.values[users, items])
        self.features: dict[str, Any] = {
            "user_features": pl.DataFrame({"user": np.arange(N_USERS), "trade": self.trades}),
            "item_features": pl.DataFrame(
                {"item": np.arange(N_ITEMS), "year": self.years, "genres": self.genres}
            ),
        }
        years = (self.years - self.years.mean()) / self.years.std()
        self.of_items = np.column_stack(
            [years, *[[float(name in each) for each in self.genres] for name in GENRES], np.ones(N_ITEMS)]
        )
        self.of_users = np.column_stack(
            [*[(self.trades == name).astype(float) for name in ("cook", "poet")], np.ones(N_USERS)]
        )


@pytest.fixture(scope="module")
def cinema() -> Cinema:
    return Cinema()


@pytest.fixture(scope="module")
def implicit(cinema: Cinema) -> ImplicitALS:
    return ImplicitALS(**IMPLICIT).fit(cinema.train, **cinema.features)


@pytest.fixture(scope="module")
def explicit(cinema: Cinema) -> ALS:
    return ALS(**EXPLICIT).fit(cinema.train, **cinema.features)


@pytest.fixture(params=["implicit", "explicit"])
def model(request: pytest.FixtureRequest) -> ALS | ImplicitALS:
    found: ALS | ImplicitALS = request.getfixturevalue(request.param)
    return found


class Reference:
    """The joint minimisation over factors and links, one row at a time, in float64.

    `weights` and `targets` are of all pairs; without biases a row's y is its factors, else (y, 1).
    """

    def __init__(self, cinema: Cinema, *, weights: Any, targets: Any, ridges: Any, shrinkage: float) -> None:
        self.weights, self.targets = weights, targets
        self.rated = [cinema.rated.any(axis=1), cinema.rated.any(axis=0)]
        self.features, self.ridges = [cinema.of_users, cinema.of_items], ridges
        self.kappa = [shrinkage * self.ridges[side][self.rated[side]].mean() for side in (0, 1)]

    def half_step(self, side: int, sides: list[Any], links: list[Any], biased: bool) -> None:
        weights, targets = (each if side == 0 else each.T for each in (self.weights, self.targets))
        means, fixed = self.features[side] @ links[side], sides[1 - side]
        counted = self.rated[1 - side]
        for row in np.flatnonzero(self.rated[side]):
            y = fixed[counted].copy()
            c, t = weights[row, counted], targets[row, counted]
            if biased:
                t = t - y[:, -1]
                y[:, -1] = 1.0
            a = (y.T * c) @ y + self.ridges[side][row] * np.eye(y.shape[1])
            sides[side][row] = np.linalg.solve(a, y.T @ (c * t) + self.ridges[side][row] * means[row])

    def learn(self, side: int, sides: list[Any], links: list[Any]) -> None:
        rated = self.rated[side]
        f, d = self.features[side][rated], self.ridges[side][rated]
        penalty = np.diag([*[self.kappa[side]] * (f.shape[1] - 1), 0.0])
        links[side] = np.linalg.solve((f.T * d) @ f + penalty, (f.T * d) @ sides[side][rated])
        sides[side][~rated] = self.features[side][~rated] @ links[side]

    def objective(self, sides: list[Any], links: list[Any], biased: bool) -> float:
        x, y = sides
        scores = x @ y.T
        if biased:
            scores = x[:, :-1] @ y[:, :-1].T + x[:, -1:] + y[:, -1]
        both = np.outer(*self.rated)
        total = float((self.weights * (self.targets - scores) ** 2)[both].sum())
        for side, rows in enumerate(sides):
            rated = self.rated[side]
            away = ((rows - self.features[side] @ links[side]) ** 2).sum(axis=1)
            total += float((self.ridges[side] * away)[rated].sum())
            total += self.kappa[side] * float((links[side][:-1] ** 2).sum())
        return total


def run(reference: Reference, users: Any, items: Any, n_iterations: int, biased: bool) -> Any:
    """Sides and links after the fit, and the objective after each iteration."""
    sides = [users.astype(np.float64), items.astype(np.float64)]
    links: list[Any] = [None, None]
    for side in (0, 1):
        reference.learn(side, sides, links)
    objectives = []
    for _ in range(n_iterations):
        for side in (0, 1):
            reference.half_step(side, sides, links, biased)
            reference.learn(side, sides, links)
        objectives.append(reference.objective(sides, links, biased))
    reference.half_step(0, sides, links, biased)
    rated = reference.rated[0]
    sides[0][~rated] = reference.features[0][~rated] @ links[0]
    return sides, objectives


def start(seed: int = 1) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    users, items = (generator.normal(size=(n, RANK)).astype(np.float32) for n in (N_USERS, N_ITEMS))
    return users, items


@pytest.mark.parametrize("values", ["strength", "presence"])
def test_an_implicit_fit_is_the_joint_minimisation(cinema: Cinema, values: Any) -> None:
    model = ImplicitALS(**IMPLICIT, values=values).fit(cinema.train, **cinema.features, start=start())
    a0, alpha, nu = 0.3, 2.0, 0.7
    strength = np.abs(cinema.values) if values == "strength" else cinema.rated.astype(float)
    positive = cinema.values > 0 if values == "strength" else cinema.rated
    counts = [cinema.rated.sum(axis=1), cinema.rated.sum(axis=0)]
    across = [int((counts[1] > 0).sum()), int((counts[0] > 0).sum())]
    reference = Reference(
        cinema,
        weights=a0 + alpha * strength,
        targets=positive.astype(float),
        ridges=[0.05 * (counts[side] + a0 * across[side]) ** nu for side in (0, 1)],
        shrinkage=0.8,
    )
    (users, items), objectives = run(reference, *start(), 4, biased=False)
    np.testing.assert_allclose(model.item_factors_, items, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model.user_factors_, users, rtol=1e-3, atol=1e-4)
    constant = float(((a0 + alpha * strength) * positive).sum())
    found = np.array([each.objective for each in model.history_])
    np.testing.assert_allclose(found - found[-1], np.subtract(objectives, objectives[-1]), atol=1e-3)
    assert min(abs(found[-1] - objectives[-1]), abs(found[-1] + constant - objectives[-1])) < 1e-2


def test_an_explicit_fit_is_the_joint_minimisation(cinema: Cinema) -> None:
    model = ALS(**EXPLICIT).fit(cinema.train, **cinema.features, start=start())
    counts = [cinema.rated.sum(axis=1), cinema.rated.sum(axis=0)]
    reference = Reference(
        cinema,
        weights=cinema.rated.astype(float),
        targets=cinema.values - cinema.train.values.mean(),
        ridges=[0.1 * np.sqrt(each) for each in counts],
        shrinkage=1.0,
    )
    with_biases = tuple(np.column_stack([each, np.zeros(len(each))]) for each in start())
    (users, items), objectives = run(reference, *with_biases, n_iterations=4, biased=True)
    np.testing.assert_allclose(model.item_factors_, items[:, :-1], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model.item_biases_, items[:, -1], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model.user_factors_, users[:, :-1], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model.user_biases_, users[:, -1], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose([each.objective for each in model.history_], objectives, rtol=1e-5)


@pytest.mark.parametrize(
    "unfitted",
    [
        ImplicitALS(**{**IMPLICIT, "n_iterations": 30}),
        ImplicitALS(**{**IMPLICIT, "n_iterations": 30, "momentum": 0.8}),
        ImplicitALS(**{**IMPLICIT, "n_iterations": 30, "regularization": 0.0}),
        ImplicitALS(n_factors=RANK, n_iterations=30, values="presence", unobserved_weight=0.1),
        ImplicitALS(n_factors=RANK, n_iterations=30, grading=0.3, momentum=0.6),
        ALS(**{**EXPLICIT, "n_iterations": 30}),
        ALS(**{**EXPLICIT, "n_iterations": 30, "biases": False}),
    ],
    ids=repr,
)
def test_the_objective_never_rises(cinema: Cinema, unfitted: ALS | ImplicitALS) -> None:
    positive = Ratings.from_arrays(
        *np.nonzero(cinema.rated), np.clip(cinema.values[np.nonzero(cinema.rated)], 1, 5)
    )
    model = unfitted.fit(positive, **cinema.features)
    found = np.array([each.objective for each in model.history_])
    assert (np.diff(found) <= 1e-5 * np.abs(found[:-1])).all()
    assert found[-1] < found[0]


def test_a_row_without_ratings_is_what_its_features_say(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    for knowledge, features, factors, biases, rated in (
        (model.item_knowledge_, cinema.of_items, model.item_factors_, model.item_biases_, cinema.rated.T),
        (model.user_knowledge_, cinema.of_users, model.user_factors_, model.user_biases_, cinema.rated),
    ):
        assert knowledge is not None
        cold = ~rated.any(axis=1)
        expected = features[cold] @ knowledge.weights
        np.testing.assert_allclose(factors[cold], expected[:, :-1], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(biases[cold], expected[:, -1], rtol=1e-4, atol=1e-5)


def test_unseen_films_are_ranked_by_their_features(cinema: Cinema, implicit: ImplicitALS) -> None:
    people = np.flatnonzero(cinema.rated.any(axis=1))
    cold = np.flatnonzero(~cinema.rated.any(axis=0))
    guessed = np.array([implicit.predict(user, cold) for user in people])
    true = cinema.scores[np.ix_(people, cold)]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(guessed, true, strict=True)]
    assert np.mean(correlations) > 0.5


@pytest.mark.parametrize("user", [1, 9, 18])
def test_folding_in_gives_the_trained_row(cinema: Cinema, model: ALS | ImplicitALS, user: int) -> None:
    items = np.flatnonzero(cinema.rated[user])
    ratings = dict(zip(items.tolist(), cinema.values[user, items].tolist(), strict=True))
    visitor = model.fold_in(ratings, features={"trade": cinema.trades[user]})
    np.testing.assert_allclose(visitor.factors, model.user_factors_[user], rtol=1e-5, atol=1e-6)
    assert visitor.bias == pytest.approx(model.user_biases_[user], rel=1e-4, abs=1e-5)
    expected = model.recommend(user, 5)
    assert [each.item for each in visitor.recommend(5)] == [each.item for each in expected]


def test_folding_in_works_where_few_ratings_tell_little(cinema: Cinema) -> None:
    model = ImplicitALS(**IMPLICIT, known_from=40).fit(cinema.train, **cinema.features)
    items = np.flatnonzero(cinema.rated[1])
    ratings = dict(zip(items.tolist(), cinema.values[1, items].tolist(), strict=True))
    visitor = model.fold_in(ratings, features={"trade": cinema.trades[1]})
    np.testing.assert_allclose(visitor.factors, model.user_factors_[1], rtol=1e-5, atol=1e-6)
    alone = model.fold_in({}, features={"trade": cinema.trades[9]})
    np.testing.assert_allclose(alone.factors, model.user_factors_[9], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("user", [1, 9])
@pytest.mark.parametrize("item", [0, 5])
def test_explanations_add_up(cinema: Cinema, model: ALS | ImplicitALS, user: int, item: int) -> None:
    explained = model.explain(user, item, n=100)
    score = {each.item: each.score for each in model.recommend(user, N_ITEMS, exclude_seen=False)}
    total = explained.baseline + sum(each.contribution for each in explained.contributions) + explained.rest
    assert total == pytest.approx(score[item], rel=1e-3, abs=1e-4)


def test_a_stranger_is_the_average_of_what_is_known(model: ALS | ImplicitALS) -> None:
    knowledge = model.user_knowledge_
    assert knowledge is not None
    stranger = model.fold_in({})
    expected = knowledge.features
    totals = np.bincount(expected.columns, weights=expected.values) / N_USERS
    np.testing.assert_allclose(stranger.factors, (totals @ knowledge.weights)[:-1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(cinema: Cinema, model: ALS | ImplicitALS, n_threads: int) -> None:
    one = type(model)(**{**model.get_params(), "n_threads": 1}).fit(cinema.train, **cinema.features)
    more = type(model)(**{**model.get_params(), "n_threads": n_threads}).fit(cinema.train, **cinema.features)
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(more, name))
    assert [each.objective for each in one.history_] == [each.objective for each in more.history_]


def test_a_saved_model_answers_alike(model: ALS | ImplicitALS, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    for each in (model, loaded):
        each.save(tmp_path / f"{id(each)}")
    assert (tmp_path / f"{id(model)}").read_bytes() == (tmp_path / f"{id(loaded)}").read_bytes()
    for features in ({"trade": "cook"}, {}):
        people = [each.fold_in({4: 3.0}, features=features) for each in (model, loaded)]  # type: ignore[call-arg]
        assert people[0].recommend(5) == people[1].recommend(5)
        assert people[0].explain(0) == people[1].explain(0)
    assert loaded.explain(1, 0) == model.explain(1, 0)


def test_a_fit_goes_on_where_another_ended(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    longer = type(model)(**{**model.get_params(), "n_iterations": 12}).fit(cinema.train, **cinema.features)
    again = type(model)(**{**model.get_params(), "n_iterations": 8})
    again.fit(cinema.train, **cinema.features, start=model)
    objectives = [each.objective for each in longer.history_]
    # Not to the last digit: a fit ends with the users, and the next one begins by fitting their link to that.
    np.testing.assert_allclose([each.objective for each in again.history_], objectives[4:], rtol=1e-3)
    assert again.history_[0].objective < model.history_[-1].objective


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("item_link", np.zeros((5, 9), np.float32)),
        ("item_link", np.zeros((5, RANK + 1), np.float64)),
        ("item_features_columns", np.full(N_ITEMS, 99, np.int32)),
        ("item_features_indptr", np.zeros(3, np.int64)),
        ("user_link", None),
    ],
)
def test_a_damaged_file_is_refused(model: ALS | ImplicitALS, tmp_path: Path, name: str, damaged: Any) -> None:
    arrays = model.arrays()
    if damaged is None:
        del arrays[name]
    else:
        arrays[name] = damaged
    write_model_file(tmp_path / "model", model.header(), arrays)
    with pytest.raises(ModelFileError):
        load(tmp_path / "model")


def test_a_fit_without_features_forgets_those_of_the_last(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    again = type(model)(**model.get_params())
    again.fit(cinema.train, **cinema.features).fit(cinema.train)
    plain = type(model)(**model.get_params()).fit(cinema.train)
    np.testing.assert_array_equal(again.user_factors_, plain.user_factors_)
    assert again.user_knowledge_ is None and again.item_knowledge_ is None


def test_films_that_the_frame_lacks_count_as_average(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    frame = cinema.features["item_features"]
    unfitted = type(model)(**model.get_params())
    with pytest.warns(
        UserWarning, match="item features lack 2 of 35 items, the first 5; nothing is known"
    ) as caught:
        found = unfitted.fit(cinema.train, item_features=frame.filter(~pl.col("item").is_in([0, 5, 6])))
    assert caught[0].filename == __file__
    knowledge = found.item_knowledge_
    assert knowledge is not None
    dense = np.zeros((35, len(knowledge.weights)))
    rows = np.repeat(np.arange(35), knowledge.features.counts)
    dense[rows, knowledge.features.columns] = knowledge.features.values
    others = np.delete(np.arange(35), [4, 5])
    np.testing.assert_allclose(dense[4], dense[others].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(dense[5], dense[others].mean(axis=0), atol=1e-6)


def test_features_on_one_side_leave_the_other_as_it_is(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    found = type(model)(**model.get_params())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.fit(cinema.train, item_features=cinema.features["item_features"])
    assert found.user_knowledge_ is None
    with pytest.raises(DataError, match="fitted without user_features; leave them out"):
        found.fold_in({1: 4}, features={"trade": "cook"})
    folded = found.fold_in({1: 4, 3: 2})
    assert np.isfinite(folded.factors).all()


# A user and an item without ratings get some, and a few others get more.
NEW_PAIRS = [(0, 1), (0, 2), (0, 3), (1, 7), (2, 7), (3, 7), (4, 7), (5, 8), (6, 9), (7, 9), (8, 10)]


@pytest.fixture(scope="module")
def later() -> tuple[Cinema, Ratings]:
    """The cinema after some new ratings, and these alone."""
    cinema = Cinema()
    users, items = np.array([pair for pair in NEW_PAIRS if not cinema.rated[pair]]).T
    values = 1.0 + np.arange(len(users)) % 5
    cinema.rated[users, items], cinema.values[users, items] = True, values
    return cinema, Ratings.from_arrays(users, items, values)


def reference_after(model: ALS | ImplicitALS, cinema: Cinema) -> tuple[Reference, list[Any]]:
    """The row problem, with what the fitted links expect in place of features, and both sides before."""
    counts = [cinema.rated.sum(axis=1), cinema.rated.sum(axis=0)]
    across = [int((counts[1] > 0).sum()), int((counts[0] > 0).sum())]
    means, sides = [], []
    for kind in ("user", "item"):
        knowledge = getattr(model, f"{kind}_knowledge_")
        dense = np.zeros((len(counts[kind == "item"]), len(knowledge.weights)))
        places = np.repeat(np.arange(len(dense)), knowledge.features.counts)
        dense[places, knowledge.features.columns] = knowledge.features.values
        means.append(dense @ knowledge.weights)
        rows = [getattr(model, f"{kind}_factors_"), getattr(model, f"{kind}_biases_")[:, None]]
        sides.append(np.hstack(rows).astype(np.float64))
    if isinstance(model, ImplicitALS):
        means, sides = ([each[:, :-1] for each in both] for both in (means, sides))
        weights, targets = 0.3 + 2.0 * np.abs(cinema.values), (cinema.values > 0).astype(float)
        ridges = [0.05 * (counts[side] + 0.3 * across[side]) ** 0.7 for side in (0, 1)]
    else:
        weights, targets = cinema.rated.astype(float), cinema.values - model.mean_
        ridges = [0.1 * np.sqrt(each) for each in counts]
    reference = Reference(cinema, weights=weights, targets=targets, ridges=ridges, shrinkage=1.0)
    reference.features = means
    return reference, sides


def test_new_ratings_solve_the_rows_that_they_touch_towards_their_features(
    model: ALS | ImplicitALS, later: tuple[Cinema, Ratings]
) -> None:
    cinema, new = later
    reference, sides = reference_after(model, cinema)
    links, biased = [np.eye(side.shape[1]) for side in sides], isinstance(model, ALS)
    touched = np.isin(np.arange(N_ITEMS), new.items)
    assert touched.sum() < 0.5 * N_ITEMS

    def solved(side: int) -> Any:
        found = [each.copy() for each in sides]
        reference.half_step(side, found, links, biased)
        return found[side]

    # Who had no factors from ratings is solved before the items are.
    sides[0][0] = solved(0)[0]
    sides[1][touched] = solved(1)[touched]
    concerned = cinema.rated[:, touched].any(axis=1) if biased else cinema.rated.any(axis=1)
    sides[0][concerned] = solved(0)[concerned]
    found = copy.copy(model).partial_fit(new)
    for kind, rows in zip(("user", "item"), sides, strict=True):
        factors, biases = getattr(found, f"{kind}_factors_"), getattr(found, f"{kind}_biases_")
        np.testing.assert_allclose(factors, rows[:, :RANK], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(biases, rows[:, RANK] if biased else 0 * biases, rtol=1e-3, atol=1e-4)


def test_newcomers_without_features_are_expected_to_be_average(
    model: ALS | ImplicitALS, tmp_path: Path
) -> None:
    new = Ratings.from_arrays([100, 100, 3], [200, 5, 200], [4.0, 2.0, 5.0])
    found = copy.copy(model).partial_fit(new, n_iterations=2)
    other = copy.copy(model)
    other.n_threads = 3
    other.partial_fit(new, n_iterations=2)
    for knowledge, before in (
        (found.user_knowledge_, model.user_knowledge_),
        (found.item_knowledge_, model.item_knowledge_),
    ):
        assert knowledge is not None
        assert before is not None
        assert knowledge.features.n_rows == before.features.n_rows + 1
        last = knowledge.features.pick([knowledge.features.n_rows - 1])
        np.testing.assert_array_equal(last.values, before.average[last.columns])
        assert np.count_nonzero(before.average) == len(last.columns)
    assert np.array_equal(found.user_factors_, other.user_factors_)
    assert np.array_equal(found.item_factors_, other.item_factors_)
    found.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    folded = loaded.fold_in({200: 4.0, 5: 2.0})
    np.testing.assert_allclose(folded.factors, found.user_factors_[-1], rtol=1e-4, atol=1e-6)
    for user in (100, 3, 0):
        explained = loaded.explain(user, 200, n=1000)
        parts = sum(one.contribution for one in explained.contributions)
        (shown,) = loaded.recommend(user, 1, items=[200], exclude_seen=False)
        assert explained.baseline + parts == pytest.approx(shown.score, abs=1e-4)
    # Once more: the newcomers have features of their own by now.
    assert np.isfinite(loaded.partial_fit(new).user_factors_).all()


def test_people_of_few_ratings_teach_new_data_what_they_taught_the_fit(cinema: Cinema) -> None:
    model = ImplicitALS(**IMPLICIT, known_from=30).fit(cinema.train, **cinema.features)
    plain = ImplicitALS(**IMPLICIT).fit(cinema.train, **cinema.features)
    assert not np.allclose(model.user_factors_, plain.user_factors_, atol=1e-2)
    np.testing.assert_allclose(model.training_users.factors, plain.user_factors_, rtol=1e-4, atol=1e-5)


def test_a_new_item_is_expected_to_be_average(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    item = model.fold_in_item({1: 4.0, 20: 2.0})
    knowledge = model.item_knowledge_
    assert knowledge is not None
    mean = (knowledge.average @ knowledge.weights).astype(np.float64)
    rated = cinema.rated.any(axis=1)
    x = model.user_factors_.astype(np.float64)
    if isinstance(model, ImplicitALS):
        ridge = 0.05 * (2 + 0.3 * rated.sum()) ** 0.7
        weights, seen = 2.0 * np.array([4.0, 2.0]), x[[1, 20]]
        matrix = 0.3 * x[rated].T @ x[rated] + (seen.T * weights) @ seen + ridge * np.eye(RANK)
        expected = np.linalg.solve(matrix, seen.T @ (weights + 0.3) + ridge * mean[:-1])
    else:
        ridge = 0.1 * np.sqrt(2)
        seen = np.column_stack([x[[1, 20]], np.ones(2)])
        targets = np.array([4.0, 2.0]) - model.mean_ - model.user_biases_[[1, 20]]
        expected = np.linalg.solve(seen.T @ seen + ridge * np.eye(RANK + 1), seen.T @ targets + ridge * mean)
    np.testing.assert_allclose(
        np.append(item.factors, item.bias)[: len(expected)], expected, rtol=1e-3, atol=1e-5
    )


def test_what_features_cannot_do_is_refused(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    with pytest.raises(DataError, match="feature_regularization=0"):
        type(model)(feature_regularization=0).fit(cinema.train, **cinema.features)


@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_features_need_the_exact_solver(cinema: Cinema, solver: Any) -> None:
    with pytest.raises(DataError, match=f'solver="{solver}" with features; expected solver="cholesky"'):
        ImplicitALS(solver=solver).fit(cinema.train, **cinema.features)


def test_features_of_other_ids_are_refused(cinema: Cinema, model: ALS | ImplicitALS) -> None:
    frame = pl.DataFrame({"item": [1000, 1001], "year": [1990, 1995]})
    with pytest.raises(DataError, match="item features have none of the 30 items of the ratings"):
        type(model)().fit(cinema.train, item_features=frame)
