"""The Bayesian model on the command line: its options, what is known besides ratings, and how sure it is."""

from __future__ import annotations

import re
import signal

import numpy as np
import polars as pl
import pytest

import matinee as library
from matinee import tuning

from ..conftest import SECONDS, random_ratings
from .conftest import Terminal

SHORT = ("--model", "bayes", "--factors", 3, "--samples", 12, "--burn-in", 3)
ALS = ("--model", "als", "--factors", "4", "--context-regularization", "2")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with ratings.csv, users.csv, movies.csv, bayes.safetensors and als.safetensors."""
    folder = tmp_path_factory.mktemp("files")
    ratings = random_ratings()
    ratings.to_frame().write_csv(folder / "ratings.csv")
    users = [f"{user},{'FM'[user % 2]},{20 + user % 50}" for user in ratings.users]
    (folder / "users.csv").write_text("\n".join(["userId,gender,age", *users]))
    movies = [
        f"{item},Film {item} (19{item % 90 + 10}),{'Drama|War' if item % 3 else 'Comedy'}"
        for item in ratings.items
    ]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]))
    bayes = library.BayesianALS(n_factors=3, n_samples=12, n_burn_in=3)
    bayes.fit(ratings).save(folder / "bayes.safetensors")
    library.ALS(n_factors=3).fit(ratings).save(folder / "als.safetensors")
    return folder


def refused(outcome):
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    return outcome.err


@pytest.fixture(scope="module")
def timed(files):
    """A file of ratings, each an hour after the one before."""
    ratings = random_ratings()
    frame = ratings.to_frame().with_row_index("timestamp")
    frame = frame.select("user", "item", "rating", frame["timestamp"].cast(pl.Int64) * 3600)
    frame.write_csv(files / "timed.csv")
    return files / "timed.csv"


@pytest.mark.parametrize("options", [SHORT, ALS], ids=["bayes", "als"])
def test_contexts_are_learned_and_asked_for(matinee, files, timed, tmp_path, options):
    output = tmp_path / "model.safetensors"
    matinee("fit", timed, "-o", output, *options, "--contexts", "weekday, hour", "--test-size", 0)
    model = library.load(output)
    assert model.contexts_.names == ("weekday", "hour")
    assert len(model.contexts_.values[0]) == 7
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    asked = ("--context", "weekday=Saturday, hour=20")
    context = {"weekday": "Saturday", "hour": 20}
    found = matinee("predict", output, "--user", user, "--item", item, *asked, "--json").json
    assert found["prediction"] == pytest.approx(model.predict(user, item, context=context))
    assert found["prediction"] != pytest.approx(model.predict(user, item))
    found = matinee("recommend", output, "--user", user, "-n", 3, *asked, "--json").json
    expected = model.recommend(user, 3, context=context)
    assert [one["item"] for one in found["recommendations"]] == [one.item for one in expected]
    matinee("recommend", output, "--all", "-n", 3, *asked, "-o", tmp_path / "lists.csv")
    lists = pl.read_csv(tmp_path / "lists.csv")
    assert lists.filter(pl.col("user") == user)["item"].to_list() == [one.item for one in expected]
    rated = f"{item}=5"
    found = matinee("recommend", output, "--rated", rated, "-n", 3, *asked, "--json").json
    visitor = model.fold_in({item: 5}).in_context(context)
    assert [one["item"] for one in found["recommendations"]] == [one.item for one in visitor.recommend(3)]


@pytest.mark.parametrize("options", [SHORT, ALS], ids=["bayes", "als"])
def test_a_test_with_times_is_predicted_in_its_contexts(matinee, timed, tmp_path, options):
    output = tmp_path / "model.safetensors"
    matinee("fit", timed, "-o", output, *options, "--contexts", "hour", "--test-size", 0)
    model, test = library.load(output), library.read_ratings(timed)
    found = matinee("evaluate", output, timed, "--json").json
    in_hours = library.evaluate(model, test.with_contexts(["hour"]), progress=False)
    assert found["rmse"] == pytest.approx(in_hours.rmse, abs=1e-6)
    assert found["rmse"] != pytest.approx(library.evaluate(model, test, progress=False).rmse, abs=1e-4)


def test_contexts_that_cannot_be_are_refused(matinee, files, timed, tmp_path):
    to = ("-o", tmp_path / "model.safetensors")
    outcome = matinee("fit", timed, *to, "--model", "implicit", "--contexts", "weekday")
    assert "--contexts works only with --model als or bayes" in refused(outcome)
    spark = ("--spark", "local[1]")
    outcome = matinee("fit", timed, *to, "--model", "als", *spark, "--contexts", "weekday")
    assert "--contexts does not work with --spark" in refused(outcome)
    outcome = matinee("fit", timed, *to, *SHORT, "--contexts", "device")
    assert "'device' for a context, and it is none of 'day'" in refused(outcome)
    outcome = matinee("fit", files / "ratings.csv", *to, *SHORT, "--contexts", "day")
    assert "follows from timestamps, and there are none" in refused(outcome)
    user = random_ratings().users[0]
    model = files / "bayes.safetensors"
    outcome = matinee("recommend", model, "--user", user, "--context", "weekday=Monday")
    assert "the model was fitted without contexts" in refused(outcome)
    outcome = matinee("recommend", model, "--user", user, "--context", "Monday")
    assert "expected NAME=VALUE,…" in refused(outcome)


def test_every_option_of_the_bayesian_model_reaches_it(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    options = (
        "--model bayes --factors 4 --samples 9 --burn-in 2 --kept 3 --implicit --user-noise --item-noise"
    )
    options += " --tolerance 0.001 --seed 3 --threads 1 --test-size 0"
    found = matinee("fit", files / "ratings.csv", "-o", output, *options.split(), "--json").json
    expected = {"n_factors": 4, "n_samples": 9, "n_burn_in": 2, "n_kept": 3, "implicit": True}
    expected |= {"user_noise": True, "item_noise": True}
    expected |= {"tolerance": 0.001, "random_state": 3, "n_threads": 1, "half_life": None}
    model = library.load(output)
    assert found["parameters"] == expected == model.get_params()
    assert [record["iteration"] for record in found["history"]] == list(range(1, 12))
    assert model.posterior_.n_samples == 3  # type: ignore[attr-defined]
    assert found["interrupted"] is False


def test_what_is_known_of_users_and_movies_is_learned_from(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    known = ("--users", files / "users.csv", "--movies", files / "movies.csv")
    matinee("fit", files / "ratings.csv", "-o", output, *SHORT, *known, "--test-size", 0, "--seed", 5)
    fitted = library.BayesianALS(n_factors=3, n_samples=12, n_burn_in=3, random_state=5).fit(
        library.read_ratings(files / "ratings.csv"),
        user_features=library.read_users(files / "users.csv"),
        item_features=library.read_movies(files / "movies.csv").features(),
    )
    model = library.load(output)
    np.testing.assert_array_equal(model.item_factors_, fitted.item_factors_)
    assert model.user_columns_.to_list() == fitted.user_columns_.to_list()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [library.ALS, library.ImplicitALS])
def test_models_without_samples_learn_from_what_is_known_too(matinee, files, tmp_path, kind):
    output = tmp_path / "model.safetensors"
    known = ("--users", files / "users.csv", "--movies", files / "movies.csv")
    name = kind.short_name
    options = ("--feature-regularization", 3, "--test-size", 0, "--seed", 5)
    matinee("fit", files / "ratings.csv", "-o", output, "--model", name, *known, *options)
    fitted = kind(feature_regularization=3, random_state=5).fit(
        library.read_ratings(files / "ratings.csv"),
        user_features=library.read_users(files / "users.csv"),
        item_features=library.read_movies(files / "movies.csv").features(),
    )
    np.testing.assert_array_equal(library.load(output).item_factors_, fitted.item_factors_)


def test_a_prediction_comes_with_its_interval(matinee, files):
    model, user, item = library.load(files / "bayes.safetensors"), 10, 16
    asked = ("predict", files / "bayes.safetensors", "--user", user, "--item", item, "--interval", 0.8)
    found = matinee(*asked, "--json").json
    expected = model.predict(user, item, interval=0.8)  # type: ignore[call-arg]
    assert (found["prediction"], *found["interval"]) == pytest.approx(expected)
    assert re.search(
        rf"^0.8 of ratings +between {expected[1]:.2f} and {expected[2]:.2f}$",
        matinee(*asked).out,
        re.MULTILINE,
    )


def test_optimism_reorders_the_recommendations(matinee, files):
    model = library.load(files / "bayes.safetensors")
    asked = ("recommend", files / "bayes.safetensors", "--user", 10, "-n", 5, "--json")
    for optimism in (0.0, 2.0, -2.0):
        found = matinee(*asked, "--optimism", optimism).json["recommendations"]
        expected = [tuple(one) for one in model.recommend(10, 5, optimism=optimism)]  # type: ignore[call-arg]
        assert [(one["item"], one["score"]) for one in found] == expected


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "fit ratings.csv -o out --model item-ridge --movies movies.csv",
            "--movies works only with --model als or implicit or bayes",
        ),
        (
            "tune ratings.csv -o out --model item-ridge --movies movies.csv",
            "--movies works only with --model als or implicit or bayes",
        ),
        (
            "fit ratings.csv -o out --model als --movies movies.csv --spark local",
            "--users and --movies do not work with --spark; leave them out",
        ),
        (
            "fit ratings.csv -o out --model item-ridge --users users.csv",
            "--users works only with --model als or implicit or bayes",
        ),
        ("fit ratings.csv -o out --model als --samples 9", "--samples does not work with --model als"),
        (
            "fit ratings.csv -o out --model bayes --iterations 9",
            "--iterations does not work with --model bayes",
        ),
        ("fit ratings.csv -o out --model bayes --movies nowhere.csv", "nowhere.csv"),
        ("fit ratings.csv -o out --model bayes --users demo", "demo"),
        (
            "predict als.safetensors --user 10 --item 16 --interval 0.9",
            "--interval needs a model fitted with",
        ),
        ("predict bayes.safetensors --user 10 --item 16 --interval 90", "interval"),
        ("recommend als.safetensors --user 10 --optimism 1", "--optimism needs a model fitted with"),
        ("recommend bayes.safetensors --all --optimism 1 -o out.csv", "--optimism does not work with -o"),
    ],
)
def test_what_is_not_for_a_model_is_refused_in_one_line(matinee, files, monkeypatch, command, message):
    monkeypatch.chdir(files)
    assert message in refused(matinee(*command.split()))
    assert not (files / "out").exists()


def test_tune_finds_a_bayesian_model(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    asked = (
        "tune",
        files / "ratings.csv",
        "-o",
        output,
        "--model",
        "bayes",
        "--trials",
        3,
        "--max-factors",
        4,
    )
    found = matinee(*asked, "--json").json
    result = tuning.tune(library.read_ratings(files / "ratings.csv"), "bayes", n_trials=3, max_factors=4)
    assert found["best_params"] == result.best_params
    assert set(found["best_params"]) == {"n_factors", "implicit"}
    assert library.load(output).get_params() == found["parameters"]


def test_ctrl_c_saves_the_model_of_the_samples_so_far(files, tmp_path):
    terminal, output = Terminal(), tmp_path / "model.safetensors"
    options = ("--model", "bayes", "--samples", 50_000, "--burn-in", 1)
    fit = terminal.start("fit", files / "ratings.csv", "-o", output, *options)
    terminal.wait_for("RMSE")
    fit.send_signal(signal.SIGINT)
    assert fit.wait(SECONDS) == 0
    text = terminal.close()
    assert "matinee: interrupted after" in text
    assert "Traceback" not in text
    model = library.load(output)
    assert model.interrupted_
    assert 1 < len(model.history_) < 50_001
