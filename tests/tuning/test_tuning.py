"""The search for the best parameters: what is tried, in which order, when it ends, and what it gives back."""

from __future__ import annotations

import math
import pickle
import sys

import numpy as np
import optuna
import polars as pl
import pytest

import matinee
from matinee.models.item_ridge import ItemRidge
from matinee.models.recommender import Recommender
from matinee.models.search_space import Doubling
from matinee.tuning import search as trials_module
from matinee.tuning import tune
from matinee.tuning.spaces import Coordinates
from matinee.tuning.tuning import tunable_models

from ..conftest import random_ratings

SEARCHED = {
    "als": ["n_factors", "weighting", "regularization"],
    "implicit": ["n_factors", "unobserved_weight", "alpha", "nu", "regularization"],
    "bayes": ["n_factors", "implicit"],
    "item-ridge": ["regularization", "user_discount"],
    "recommender": ["blend"],
}


@pytest.fixture(scope="module")
def ratings():
    """Of 250 users and 80 items, so that the factors planted in them can be found."""
    return random_ratings(250, 80, share=0.35)


@pytest.fixture(scope="module")
def found(ratings):
    """A search long enough to prune."""
    return tune(ratings, n_trials=16)


def without_times(result):
    return result.trials.drop("seconds")


def rmse(model, ratings):
    frame = ratings.to_frame()
    factors = (model.user_factors_ @ model.item_factors_.T)[ratings.user_positions, ratings.by_user.columns]
    users, items = model.user_biases_[ratings.user_positions], model.item_biases_[ratings.by_user.columns]
    predicted = model.mean_ + users + items + factors
    return float(np.sqrt(np.mean((predicted - frame["rating"].to_numpy()) ** 2)))


# ---- what is tried ----------------------------------------------------------------------------


def test_the_defaults_come_first(ratings, found):
    defaults = matinee.ALS()
    first = found.trials.row(0, named=True)
    assert (first["n_factors"], first["weighting"], first["regularization"]) == (10, 1.0, 0.1)
    train, validation = matinee.split(ratings, test_size=0.2, by="random", random_state=0)
    defaults.set_params(n_iterations=first["n_iterations"]).fit(train, validation)
    assert first["value"] == pytest.approx(defaults.history_[-1].validation_rmse, rel=1e-9)
    assert found.first_value == first["value"]


def test_a_model_that_is_given_comes_first_and_keeps_what_is_not_searched(ratings):
    given = matinee.ALS(n_factors=3, regularization=1 / 3, weighting="none", biases=False, random_state=5)
    result = tune(ratings, given, n_trials=3)
    first = result.trials.row(0, named=True)
    assert (first["n_factors"], first["regularization"], first["weighting"]) == (3, 1 / 3, 0.0)
    assert (result.best_model.biases, result.best_model.random_state) == (False, 5)  # type: ignore[attr-defined]
    assert given.n_factors == 3
    assert not hasattr(given, "item_factors_")


def test_the_best_is_at_least_as_good_as_the_defaults_and_named_in_the_frame(found):
    complete = found.trials.filter(pl.col("state") == "complete")
    assert found.best_value == complete["value"].min() < found.first_value
    best = complete.filter(pl.col("value") == found.best_value).row(0, named=True)
    assert found.best_params == {name: best[name] for name in (*SEARCHED["als"], "n_iterations")}


def test_the_frame_has_a_row_for_every_trial(found):
    columns = ["number", "state", "value", *SEARCHED["als"], "n_iterations", "iterations", "seconds"]
    assert found.trials.columns == columns
    assert found.trials["number"].to_list() == list(range(16))
    assert found.trials.null_count().sum_horizontal().item() == 0
    assert (found.trials["n_iterations"] <= found.trials["iterations"]).all()


def test_the_study_has_the_trials_in_the_models_own_values(found):
    assert found.study.best_value == found.best_value
    assert found.study.best_params.items() <= found.best_params.items()
    assert list(found.study.best_params) == SEARCHED["als"]
    table = found.study.trials_dataframe()
    assert table["state"].str.lower().tolist() == found.trials["state"].to_list()
    for name in SEARCHED["als"]:
        assert table[f"params_{name}"].tolist() == found.trials[name].to_list()
    curves = [list(trial.intermediate_values.values()) for trial in found.study.trials]
    assert [min(curve) for curve in curves] == found.trials["value"].to_list()
    importances = optuna.importance.get_param_importances(
        found.study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    assert set(importances) == set(SEARCHED["als"])
    assert sum(importances.values()) == pytest.approx(1)


def test_a_result_survives_a_pickle_and_its_model_a_file(found, tmp_path):
    again = pickle.loads(pickle.dumps(found))
    assert again.trials.equals(found.trials)
    assert again.study.best_params == found.study.best_params
    assert len(again.study.trials) == 16
    found.best_model.save(tmp_path / "best.safetensors")
    loaded = matinee.load(tmp_path / "best.safetensors")
    np.testing.assert_array_equal(loaded.item_factors_, found.best_model.item_factors_)


@pytest.mark.parametrize("model", [name for name in SEARCHED if name != "als"])
def test_the_study_of_every_model_has_its_own_values(ratings, model):
    result = tune(ratings, model, n_trials=2, max_factors=8)
    for trial, row in zip(result.study.trials, result.trials.iter_rows(named=True), strict=True):
        assert trial.params == {name: row[name] for name in SEARCHED[model]}


def test_what_is_done_to_the_study_leaves_the_file_as_it_is(ratings, tmp_path):
    path = tmp_path / "study.log"
    result = tune(ratings, n_trials=2, study=path)
    before = path.read_bytes()
    result.study.set_user_attr("mine", 1)
    result.study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert path.read_bytes() == before
    assert without_times(tune(ratings, n_trials=2, study=path)).equals(without_times(result))


def test_a_regularisation_of_zero_is_in_the_study_too(ratings):
    result = tune(ratings, matinee.ALS(n_factors=2, regularization=0.0), n_trials=2)
    assert [trial.params["regularization"] for trial in result.study.trials] == result.trials[
        "regularization"
    ].to_list()
    assert result.study.trials[0].params["regularization"] == 0


def test_trials_that_do_worse_are_given_up(found):
    states = found.trials.group_by("state").agg(pl.col("iterations").median(), pl.len())
    by_state = {row["state"]: row for row in states.iter_rows(named=True)}
    assert set(by_state) == {"complete", "pruned"}
    assert by_state["pruned"]["len"] + by_state["complete"]["len"] == 16
    assert by_state["pruned"]["iterations"] < by_state["complete"]["iterations"]
    pruned = found.trials.filter(pl.col("state") == "pruned")
    assert (pruned["value"] > found.best_value).all()
    assert (pruned["iterations"] >= 5).all()


def test_the_number_of_iterations_is_that_of_the_lowest_point_of_the_curve(ratings, found):
    train, validation = matinee.split(ratings, test_size=0.2, by="random", random_state=0)
    model = matinee.ALS(**found.best_params | {"n_iterations": 50}).fit(train, validation)
    curve = [record.validation_rmse for record in model.history_]
    n_iterations = found.best_params["n_iterations"]
    assert curve[n_iterations - 1] == found.best_value
    # What comes after gains next to nothing.
    assert min(curve) > found.best_value * (1 - 0.003)


def test_the_best_model_is_one_fitted_to_all_ratings(ratings, found):
    assert len(found.best_model.rated_.values) == len(ratings)
    again = matinee.ALS(**found.best_params).fit(ratings)
    np.testing.assert_array_equal(found.best_model.item_factors_, again.item_factors_)
    np.testing.assert_array_equal(found.best_model.user_factors_, again.user_factors_)


def test_the_same_seed_finds_the_same_whatever_the_threads_and_another_seed_another(ratings, found):
    again = tune(ratings, n_trials=16, n_threads=1)
    assert without_times(again).equals(without_times(found))
    assert again.best_params == found.best_params
    assert again.best_model.n_threads == 1
    other = tune(ratings, n_trials=2, random_state=1)
    assert other.trials["regularization"][1] != found.trials["regularization"][1]
    assert other.trials["value"][0] != found.trials["value"][0]  # of another split


def test_rmse_falls_on_the_demo_cinema():
    result = tune(matinee.load_dataset("demo"), n_trials=8)
    assert result.best_value < result.first_value - 0.005


def test_implicit_models_are_tuned_for_their_lists(ratings):
    result = tune(ratings, "implicit", n_trials=10, max_factors=16)
    assert result.metric == "ndcg"
    assert set(SEARCHED["implicit"]) < set(result.trials.columns)
    assert result.trials["n_factors"][0] == 16
    assert result.trials["n_factors"].max() <= 16
    complete = result.trials.filter(pl.col("state") == "complete")
    assert result.best_value == complete["value"].max() >= result.first_value
    again = matinee.ImplicitALS(**result.best_params).fit(ratings)
    np.testing.assert_array_equal(result.best_model.item_factors_, again.item_factors_)


def test_bayesian_models_are_tuned_by_their_running_average(ratings):
    unfitted = matinee.BayesianALS(n_factors=4, n_samples=30, n_burn_in=10, n_kept=5)
    result = tune(ratings, unfitted, n_trials=4, max_factors=8)
    train, validation = matinee.split(ratings, test_size=0.2, by="random", random_state=0)
    # The chain goes on for as long as the average falls; what comes before it does not count.
    first = result.trials.row(0, named=True)
    unfitted.set_params(n_samples=first["iterations"] - 10).fit(train, validation)
    curve = [record.validation_rmse for record in unfitted.history_[10:]]
    assert first["value"] == min(curve)
    assert first["iterations"] <= 40
    assert set(result.best_params) == {"n_factors", "implicit"}
    assert isinstance(result.best_params["implicit"], bool)
    assert set(result.trials["implicit"]) == {False, True}
    assert len(result.best_model.history_) == 40
    assert result.best_model.n_kept == 5  # type: ignore[attr-defined]


def test_ctrl_c_in_a_bayesian_fit_ends_the_search(ratings, monkeypatch):
    fit = matinee.BayesianALS.fit

    def interrupted(model, train, validation=None, **options):
        if model.n_factors == 4 and not model.implicit:
            return fit(model, train, validation, **options)

        def interrupt(record):
            if record.iteration == 5:
                raise KeyboardInterrupt

        return fit(model, train, validation, progress=False, callback=interrupt)

    monkeypatch.setattr(matinee.BayesianALS, "fit", interrupted)
    unfitted = matinee.BayesianALS(n_factors=4, n_samples=10, n_burn_in=2)
    result = tune(ratings, unfitted, n_trials=20)
    assert result.stopped_by == "interrupt"
    assert result.trials["state"][-1] == "failed"
    assert result.best_params == {"n_factors": 4, "implicit": False}


def test_another_metric_than_the_curves_is_that_of_evaluate(ratings):
    result = tune(ratings, matinee.ALS(n_iterations=4), metric="hit_rate", by="user", n_trials=3)
    train, validation = matinee.split(ratings, test_size=0.2, by="user", random_state=0)
    model = matinee.ALS(n_iterations=4).fit(train)
    assert result.first_value == matinee.evaluate(model, validation, k=10).hit_rate
    assert result.best_value == result.trials["value"].max()
    assert result.trials["n_iterations"].to_list() == result.trials["iterations"].to_list() == [4, 4, 4]


@pytest.mark.parametrize("metric", ["ndcg_liked", "recall_liked", "mean_stars_of_hits", "share_disliked"])
def test_models_are_tuned_for_what_people_like(ratings, metric):
    result = tune(ratings, "item-ridge", metric=metric, n_trials=6)
    train, validation = matinee.split(ratings, test_size=0.2, by="user", random_state=0)
    judged = matinee.evaluate(ItemRidge(**result.best_params).fit(train), validation)
    assert result.best_value == getattr(judged, metric)
    values = result.trials["value"]
    # Only what is disliked is better the less of it there is.
    assert result.best_value == (values.min() if metric == "share_disliked" else values.max())
    assert values.n_unique() > 1


def test_a_ridge_of_items_is_tuned_by_complete_fits(ratings):
    result = tune(ratings, "item-ridge", n_trials=5)
    assert result.metric == "ndcg"
    assert result.trials["state"].to_list() == ["complete"] * 5
    first = result.trials.row(0, named=True)
    assert (first["regularization"], first["user_discount"]) == (100.0, 0.5)
    train, validation = matinee.split(ratings, test_size=0.2, by="user", random_state=0)
    assert result.first_value == matinee.evaluate(ItemRidge().fit(train), validation).ndcg
    assert result.best_value == result.trials["value"].max()
    again = ItemRidge(**result.best_params).fit(ratings)
    np.testing.assert_array_equal(result.best_model.item_weights_, again.item_weights_)  # type: ignore[attr-defined]


def test_a_recommender_is_tuned_by_its_blend_and_keeps_its_models(ratings, tmp_path):
    given = Recommender(
        watch=[matinee.ImplicitALS(n_factors=3, n_iterations=3), ItemRidge()],
        stars=matinee.ALS(n_factors=3, n_iterations=3),
        n_threads=1,
    )
    result = tune(ratings, given, n_trials=4, study=tmp_path / "study.log")
    assert result.metric == "ndcg"
    assert list(result.best_params) == ["blend"]
    assert result.trials["blend"][0] == 0.3
    assert result.trials["state"].to_list() == ["complete"] * 4
    again = Recommender(**given.get_params() | result.best_params)
    train, validation = matinee.split(ratings, test_size=0.2, by="user", random_state=0)
    assert result.best_value == matinee.evaluate(again.fit(train), validation).ndcg
    assert result.best_value == result.trials["value"].max()
    user = ratings.users[0]
    assert result.best_model.recommend(user) == again.fit(ratings).recommend(user)
    assert [type(each) for each in result.best_model.watch_models_] == [matinee.ImplicitALS, ItemRidge]  # type: ignore[attr-defined]
    # The models that were given are named in the file by their parameters, so the search can go on.
    more = tune(ratings, given, n_trials=5, study=tmp_path / "study.log")
    assert without_times(more)[:4].equals(without_times(result))


# ---- numbers of factors -----------------------------------------------------------------------


def test_with_features_their_penalty_is_searched_and_every_fit_learns_from_them(ratings, tmp_path):
    frame = pl.DataFrame({"item": ratings.items, "kind": np.array(list("abcd"))[np.arange(80) % 4]})
    given, study = matinee.ImplicitALS(n_factors=4, n_iterations=3), tmp_path / "study.log"
    result = tune(ratings, given, n_trials=4, max_factors=4, item_features=frame, study=study)
    assert list(result.best_params)[:6] == [*SEARCHED["implicit"], "feature_regularization"]
    assert result.trials["feature_regularization"][0] == 10.0
    assert result.trials["feature_regularization"].n_unique() == 4
    expected = matinee.ImplicitALS(**given.get_params() | result.best_params)
    expected.fit(ratings, item_features=frame)
    np.testing.assert_array_equal(result.best_model.item_factors_, expected.item_factors_)
    other = frame.with_columns(pl.Series("kind", ["a", "b"] * 40))
    with pytest.raises(matinee.DataError, match="item_features"):
        tune(ratings, given, n_trials=5, max_factors=4, item_features=other, study=study)
    with pytest.raises(matinee.DataError, match="item_features is given, but ItemRidge learns nothing"):
        tune(ratings, "item-ridge", n_trials=1, item_features=frame)


def test_ranks_start_small_and_double_for_as_long_as_the_largest_is_best(ratings):
    # The planted rank is 3, and with biases of the users and items too, 1 is far too low.
    result = tune(ratings, matinee.ALS(n_factors=1, n_iterations=5), n_trials=20)
    ranks = result.trials["n_factors"].to_list()
    assert set(ranks[:8]) <= {1, 2}
    assert set(ranks) <= {2**power for power in range(9)}
    values = result.trials["value"].to_list()
    complete = [state == "complete" for state in result.trials["state"]]
    for number, rank in enumerate(ranks):
        if rank > max(2, *ranks[:number], 0):
            assert number >= 8
            best = min((value, n) for n, value in enumerate(values[:number]) if complete[n])[1]
            assert ranks[best] == rank // 2
            assert result.trials["weighting"][number] == result.trials["weighting"][best]
    assert max(ranks) >= 4
    assert result.best_params["n_factors"] >= 2


def test_ranks_stay_where_more_factors_do_not_pay():
    generator = np.random.default_rng(1)
    pairs = np.argwhere(generator.random((150, 60)) < 0.2)
    noise = generator.integers(1, 6, len(pairs))
    result = tune(matinee.Ratings.from_arrays(*pairs.T, noise), matinee.ALS(n_factors=4), n_trials=14)
    assert set(result.trials["n_factors"]) <= {2, 4, 8, 16}
    assert result.trials["n_factors"].to_list().count(16) <= 3


@pytest.mark.parametrize(
    ("halvings", "first", "most", "ladder"),
    [
        (1, 10, 256, [5, 10, 20, 40, 80, 160]),
        (3, 64, 256, [8, 16, 32, 64, 128, 256]),
        (2, 1, 4, [1, 2, 4]),
        (1, 3, 5, [1, 3]),
    ],
)
def test_a_ladder_of_ranks_doubles_up_to_the_most(halvings, first, most, ladder):
    assert Doubling(halvings, 1).ladder(first, most) == ladder


def test_no_more_factors_than_allowed_even_at_first(ratings):
    result = tune(ratings, n_trials=2, max_factors=4)
    assert result.trials["n_factors"][0] == 4
    assert result.trials["n_factors"].max() <= 4


# ---- the search space -------------------------------------------------------------------------


@pytest.mark.parametrize("name", tunable_models())
def test_the_defaults_are_found_again_at_the_start_and_next_to_it(name, ratings):
    kind = tunable_models()[name]
    space = kind.search_space
    coordinates = Coordinates(space, kind(), ratings, 256)
    assert list(space.parameters) == SEARCHED[name]
    first = coordinates.parameters_at(coordinates.start)
    defaults = kind().get_params()
    assert first == {key: {"count": 1.0}.get(defaults[key], defaults[key]) for key in SEARCHED[name]}
    near = coordinates.parameters_at(
        {key: x if isinstance(x, int) else x * (1 + 1e-9) for key, x in coordinates.start.items()}
    )
    assert near == pytest.approx(first)


def test_a_penalty_means_the_same_at_every_exponent_and_on_every_scale_of_ratings(ratings):
    frame = ratings.to_frame()
    of_hundred = matinee.Ratings.from_arrays(frame["user"], frame["item"], frame["rating"] * 20)
    n_per_row = len(ratings) / math.sqrt(ratings.n_users * ratings.n_items)
    penalties = []
    for which, scale in ((ratings, 1), (of_hundred, 20)):
        coordinates = Coordinates(matinee.ALS.search_space, matinee.ALS(), which, 256)
        for exponent in (0.3, 0.5, 1.0):
            at = coordinates.parameters_at({"n_factors": 0, "weighting": exponent, "regularization": 10.0})
            penalties.append(at["regularization"] * n_per_row**exponent / scale)
    assert penalties == pytest.approx([10 * ratings.values.std()] * 6, rel=1e-3)


# ---- going on, and stopping -------------------------------------------------------------------


def test_a_search_that_goes_on_from_its_file_does_what_it_would_have_done_in_one_go(ratings, found, tmp_path):
    path = tmp_path / "study.log"
    for n_trials in (3, 3, 10):
        part = tune(ratings, n_trials=n_trials, study=path)
        assert len(part.trials) == n_trials
        assert without_times(part).equals(without_times(found)[:n_trials])
    whole = tune(ratings, n_trials=16, study=str(path))
    assert without_times(whole).equals(without_times(found))
    assert whole.best_params == found.best_params
    assert [each.name for each in tmp_path.iterdir()] == ["study.log"]


def test_a_study_that_is_done_is_only_fitted(ratings, tmp_path, monkeypatch):
    path = tmp_path / "study.log"
    done = tune(ratings, n_trials=4, study=path)
    monkeypatch.setattr(trials_module.Search, "next", lambda *_: pytest.fail("tried again"))
    again = tune(ratings, n_trials=2, study=path)
    assert again.trials.equals(done.trials)
    assert again.best_params == done.best_params


@pytest.mark.parametrize("torn", [b'{"op_code":4,"worker', b"{"])
def test_a_line_that_a_crash_tore_is_left_out(ratings, found, tmp_path, torn):
    path = tmp_path / "study.log"
    tune(ratings, n_trials=2, study=path)
    with path.open("ab") as file:
        file.write(torn)
    for n_trials in (4, 5):
        again = tune(ratings, n_trials=n_trials, study=path)
        assert without_times(again).equals(without_times(found)[:n_trials])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "implicit"}, "model: ALS, not ImplicitALS"),
        ({"model": matinee.ALS(biases=False)}, "parameters: .*'biases': False"),
        ({"ratings": random_ratings(50, 30, seed=3)}, "ratings: [0-9,]+ with hash "),
        ({"test_size": 0.3}, "split: by random, test_size=0.2, not by random, test_size=0.3"),
        ({"metric": "mae"}, "metric: rmse, not mae"),
        ({"random_state": 1, "model": matinee.ALS()}, "seed: 0, not 1"),
        ({"max_factors": 4}, "tried first: .*10.* not .*4"),
    ],
)
def test_the_file_of_another_search_is_refused_and_left_as_it_was(ratings, tmp_path, arguments, message):
    path = tmp_path / "study.log"
    first = tune(ratings, n_trials=1, study=path)
    with pytest.raises(matinee.DataError, match=rf"(?s)another search \({message}.*\); name another file"):
        tune(**{"ratings": ratings, "n_trials": 2, "study": path} | arguments)
    assert without_times(tune(ratings, n_trials=1, study=path)).equals(without_times(first))


@pytest.mark.parametrize(
    "content", ["user,item,rating\n1,2,3\n", "[]\n", "{}", "no line", '{"op_code": 99}\n']
)
def test_a_file_of_something_else_is_refused_and_left_as_it_was(ratings, tmp_path, content):
    path = tmp_path / "study.log"
    path.write_text(content)
    with pytest.raises(matinee.DataError, match="study.log is not a study file"):
        tune(ratings, n_trials=1, study=path)
    assert path.read_text() == content


def test_a_place_where_no_file_can_be_is_an_error(ratings, tmp_path):
    for path in (tmp_path / "no" / "study.log", tmp_path):
        with pytest.raises(matinee.DataError, match="cannot be used for the trials"):
            tune(ratings, n_trials=1, study=path)


def interrupt_at(monkeypatch, n):
    """Make the n-th fit from here end by Ctrl-C in its second iteration."""
    fits, fit = [], matinee.ALS.fit

    def interrupted(self, train, validation=None, *, callback=None, **options):
        fits.append(self)

        def called(record):
            if len(fits) == n and record.iteration == 2:
                raise KeyboardInterrupt
            return callback is not None and callback(record)

        return fit(self, train, validation, callback=called, **options)

    monkeypatch.setattr(matinee.ALS, "fit", interrupted)


def test_ctrl_c_gives_the_best_so_far_and_the_search_can_go_on(ratings, found, tmp_path, monkeypatch):
    path = tmp_path / "study.log"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)
        part = tune(ratings, n_trials=16, study=path)
    assert part.stopped_by == "interrupt"
    assert part.trials["state"].to_list() == ["complete", "complete", "complete", "failed"]
    assert without_times(part)[:3].equals(without_times(found)[:3])
    assert len(part.best_model.rated_.values) == len(ratings)
    rest = tune(ratings, n_trials=6, study=path)
    assert rest.stopped_by is None
    went_on = without_times(rest).filter(pl.col("state") != "failed").drop("number")
    assert went_on.equals(without_times(found)[:6].drop("number"))


def test_ctrl_c_before_anything_is_found_goes_through_and_the_defaults_still_come_first(
    ratings, found, tmp_path, monkeypatch
):
    path = tmp_path / "study.log"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            tune(ratings, n_trials=4, study=path)
    again = tune(ratings, n_trials=2, study=path)
    assert again.trials["state"].to_list() == ["failed", "complete", "complete"]
    assert again.first_value == found.first_value


def test_no_trial_begins_after_the_timeout_but_the_first(ratings, found):
    result = tune(ratings, n_trials=16, timeout=0)
    assert result.stopped_by == "timeout"
    assert without_times(result).equals(without_times(found)[:1])
    assert found.stopped_by is None


def test_an_error_of_a_model_is_seen(ratings, monkeypatch):
    def fail(*_, **__):
        raise matinee.DataError("something is wrong")

    monkeypatch.setattr(matinee.ALS, "fit", fail)
    with pytest.raises(matinee.DataError, match="something is wrong"):
        tune(ratings, n_trials=3)


# ---- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "svd"}, "model='svd'; expected one of 'als', 'implicit'"),
        ({"model": 7}, "model is a int; expected one of 'als', 'implicit'"),
        ({"model": matinee.ALS(n_factors=0)}, "n_factors=0"),
        ({"n_trials": 0}, "n_trials=0; expected a whole number of at least 1"),
        ({"n_trials": 2.5}, "n_trials=2.5"),
        ({"random_state": None}, "random_state=None"),
        ({"max_factors": 0}, "max_factors=0"),
        ({"timeout": -1}, "timeout=-1"),
        ({"n_threads": 0}, "n_threads=0"),
        ({"by": "new_users"}, "by='new_users'; expected one of 'random', 'user', 'last', 'time'"),
        ({"by": "last"}, "timestamp"),
        ({"metric": "auc"}, "metric='auc'; expected one of 'rmse', 'mae', 'precision'"),
        (
            {"ratings": matinee.Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 1, 1]), "metric": "ndcg_liked"},
            "metric='ndcg_liked' for ratings that are all 1, .* tune for another metric",
        ),
        ({"model": "implicit", "metric": "rmse"}, "expected one of 'precision', .* for ImplicitALS"),
        ({"model": "recommender", "metric": "rmse"}, "expected one of 'precision', .* for Recommender"),
        ({"test_size": 0.0}, "test_size=0.0"),
        ({"ratings": [1, 2]}, "expected Ratings, got list"),
        ({"ratings": matinee.Ratings.from_arrays([1], [2], [3.0])}, "no rating would be left to"),
        ({"ratings": matinee.Ratings.from_arrays([1, 2], [1, 2], [3, 4]), "by": "user"}, "no rating"),
    ],
)
def test_a_wrong_argument_is_named(ratings, arguments, message):
    with pytest.raises(matinee.DataError, match=message):
        tune(**{"ratings": ratings} | arguments)


def test_a_value_that_is_no_number_is_an_error(ratings, monkeypatch):
    fit = matinee.ALS.fit

    def fit_badly(self, train, validation=None, *, callback=None, **options):
        bad = matinee.Iteration(iteration=1, validation_rmse=math.nan, objective=1.0, seconds=0.0)
        return fit(self, train, validation, callback=lambda record: callback(bad), **options)

    monkeypatch.setattr(matinee.ALS, "fit", fit_badly)
    with pytest.raises(matinee.DataError, match="the rmse of a trial is nan"):
        tune(ratings, n_trials=1)


def test_without_optuna_the_extra_and_the_command_are_named(ratings, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        matinee.MissingExtraError, match=r'Optuna.*run: python -m pip install "matinee\[tune\]"'
    ):
        tune(ratings)


def test_optuna_says_nothing_and_keeps_its_settings(ratings, capfd):
    verbosity = optuna.logging.get_verbosity()
    tune(ratings, n_trials=2)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity


def test_a_tuned_model_predicts_what_it_was_fitted_to_better_than_chance(ratings, found):
    assert rmse(found.best_model, ratings) < 0.8 * float(ratings.values.std())
