"""Every command as a person or a script uses it, and every error as they meet it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import signal
import subprocess
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

import matinee as library

from ..conftest import SECONDS, random_ratings
from .conftest import COMMAND, Terminal, run_command

ESCAPE = "\x1b"
VERBS = [
    "demo",
    "download",
    "describe",
    "split",
    "fit",
    "tune",
    "evaluate",
    "predict",
    "recommend",
    "similar",
]
VERBS += ["plot", "factors", "serve", "retrain", "export", "token", "events", "import"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with ratings.csv, test.csv, movies.csv and model.safetensors, of 60 users and 40 movies."""
    folder = tmp_path_factory.mktemp("files")
    ratings = random_ratings()
    train, test = library.split(ratings, random_state=1)
    for name, part in (("ratings", ratings), ("train", train), ("test", test)):
        part.to_frame().write_csv(folder / f"{name}.csv")
    lines = [f'{item},"Film {item}, The (19{item % 90 + 10})",Drama' for item in ratings.items[:-1]]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *lines]), encoding="utf-8")
    library.ALS(n_factors=3, random_state=1).fit(train).save(folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def scores(files):
    """The users and items of the model, and the score of each for each, worked out from the file's arrays."""
    arrays = {
        name: array.astype(np.float64) for name, array in load_file(files / "model.safetensors").items()
    }
    model = library.load(files / "model.safetensors")
    products = arrays["user_factors"] @ arrays["item_factors"].T
    whole = model.mean_ + arrays["user_biases"][:, None] + arrays["item_biases"] + products
    for user, (begin, end) in enumerate(
        zip(*(model.rated_.indptr[i:][: len(whole)] for i in (0, 1)), strict=True)
    ):
        whole[user, model.rated_.columns[begin:end]] = -np.inf
    return model.user_index_.ids, model.item_index_.ids, whole


def one_line(outcome):
    """The message of a command that was refused: status 2, one line on standard error and nothing else."""
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith("matinee: ")
    assert outcome.err.endswith("\n")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    return outcome.err


# ---- the commands -----------------------------------------------------------------------------


def with_intervals(found: library.Evaluation) -> dict[str, Any]:
    """What `matinee evaluate --json` shows of an evaluation."""
    return {**found.to_dict(), "intervals": {name: list(ends) for name, ends in found.intervals.items()}}


def test_help_names_every_command_and_each_has_help_of_its_own(matinee):
    whole = matinee("--help")
    assert whole.status == 0
    assert re.findall(r"^  (\w+)  ", whole.out.partition("Commands:")[2], re.MULTILINE) == VERBS
    for verb in VERBS:
        assert matinee(verb, "--help").out.startswith(f"Usage: matinee {verb} ")
        assert "--json" in matinee(verb, "-h").out
    assert matinee().out == whole.out


def test_no_summary_of_a_command_is_cut_off(matinee):
    assert "..." not in matinee("--help").out.partition("Commands:")[2]


def test_the_version_is_that_of_the_package(matinee):
    assert matinee("--version").out == f"matinee {version('matinee')}\n"


def test_describe_counts_what_is_in_the_file(matinee, tmp_path):
    path = tmp_path / "ratings.dat"
    path.write_text("1::10::4::86400\n1::20::3::0\n2::10::5::0\n2::10::1::9\n")
    found = matinee("describe", path, "--json").json
    counts = [found[name] for name in ("n_ratings", "n_users", "n_items", "n_duplicates")]
    assert counts == [3, 2, 2, 1]
    assert found["sparsity"] == 0.25
    text = matinee("describe", path).out
    assert text == f"{library.read_ratings(path).describe()}\n"


def test_fit_saves_a_model_whose_errors_it_has_told(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    found = matinee(
        *("fit", files / "ratings.csv", "-o", output, "--model", "als"),
        *("--factors", 3, "--iterations", 4, "--seed", 7, "--json"),
    ).json
    train, test = library.split(library.read_ratings(files / "ratings.csv"), test_size=0.2, random_state=7)
    model = library.load(output)
    for name, part in (("train", train), ("test", test)):
        frame = part.to_frame()
        errors = model.predict(frame["user"], frame["item"]) - frame["rating"].to_numpy()
        assert found[name]["rmse"] == pytest.approx(
            np.sqrt(np.mean(errors.astype(np.float64) ** 2)), rel=1e-5
        )
        assert found[name]["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-5)
        assert found[f"n_{name}"] == len(part)
    assert found["overfitting"]["ratio"] == pytest.approx(found["test"]["rmse"] / found["train"]["rmse"])
    assert [record["iteration"] for record in found["history"]] == [1, 2, 3, 4]
    assert found["output"] == str(output)


def test_every_option_of_fit_reaches_the_model(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    options = "--model als --factors 4 --iterations 9 --regularization 0.3 --no-biases --weighting 0.5"
    options += " --tolerance 0.5 --seed 3 --threads 1 --test-size 0.1"
    found = matinee("fit", files / "ratings.csv", "-o", output, *options.split(), "--json").json
    expected = {"n_factors": 4, "n_iterations": 9, "regularization": 0.3, "biases": False, "weighting": 0.5}
    expected |= {"tolerance": 0.5, "random_state": 3, "n_threads": 1, "feature_regularization": 10.0}
    expected["context_regularization"] = 3.0
    expected["half_life"] = None  # for there are no times
    assert found["parameters"] == expected == library.load(output).get_params()
    assert len(found["history"]) < 9  # for such a tolerance
    assert found["n_test"] == round(0.1 * len(random_ratings()))


def test_fit_of_what_was_seen_saves_a_model_whose_lists_it_has_judged(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    asked = ("fit", files / "ratings.csv", "-o", output, "--model", "implicit", "--factors", 6, "--seed", 7)
    found = matinee(*asked, "--json").json
    train, test = library.split(library.read_ratings(files / "ratings.csv"), test_size=0.2, random_state=7)
    model = library.load(output)
    held_out = test.to_frame().group_by("user").agg("item")
    recalls = [
        len({r.item for r in model.recommend(user, 10)} & set(items)) / len(items)
        for user, items in held_out.iter_rows()
    ]
    assert found["ranking"]["recall"] == pytest.approx(np.mean(recalls))
    assert found["train"] == found["test"] == {"rmse": None, "mae": None}
    assert found["overfitting"]["verdict"] is None
    assert [record["iteration"] for record in found["history"]] == list(range(1, 16))
    assert found["history"][-1]["validation_ndcg"] > 0
    assert (found["n_train"], found["n_test"]) == (len(train), len(test))

    text = matinee(*asked).out
    ranking = found["ranking"]
    lists, popular = (
        re.search(rf"^{name} +(.*)$", text, re.MULTILINE) for name in ("lists of 10", "most popular")
    )
    assert lists[1].startswith(f"NDCG {ranking['ndcg']:.4f}, NDCG of what was liked ")
    assert lists[1].endswith(f", recall {ranking['recall']:.4f}")
    of_popular = library.evaluate(library.baselines.MostPopular().fit(train), test)
    assert popular[1].startswith(f"NDCG {of_popular.ndcg:.4f}, ")
    assert popular[1].endswith(f", recall {of_popular.recall:.4f}")
    assert re.search(rf"^test +{len(test)} ratings$", text, re.MULTILINE)
    assert "RMSE" not in text
    assert "fitted" in text
    assert "ImplicitALS(n_factors=6, regularization=0.01, " in text


def test_every_option_of_the_implicit_model_reaches_it(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    options = "--model implicit --factors 4 --iterations 2 --regularization 0.3 --alpha 2.5 --nu 0.5"
    options += " --unobserved-weight 0.1 --solver cg --momentum 0.5 --threshold 3.5 --seed 3 --threads 1"
    options += " --known-from 9 --test-size 0"
    found = matinee("fit", files / "ratings.csv", "-o", output, *options.split(), "--json").json
    expected = {"n_factors": 4, "n_iterations": 2, "regularization": 0.3, "alpha": 2.5, "nu": 0.5}
    expected |= {"unobserved_weight": 0.1, "solver": "cg", "threshold": 3.5, "values": "strength"}
    expected |= {"momentum": 0.5, "grading": 0.0, "known_from": 9, "feature_regularization": 10.0}
    expected |= {"random_state": 3, "n_threads": 1, "half_life": None}
    assert found["parameters"] == expected == library.load(output).get_params()


def test_the_other_commands_take_an_implicit_model(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    matinee("fit", files / "train.csv", "-o", output, "--model", "implicit", "--test-size", 0)
    model, user = library.load(output), random_ratings().users[5]
    shown = matinee("recommend", output, "--user", user, "-n", 3, "--json").json["recommendations"]
    assert [(one["item"], one["score"]) for one in shown] == [tuple(r) for r in model.recommend(user, 3)]
    train, test = (library.read_ratings(files / f"{name}.csv") for name in ("train", "test"))
    evaluated = matinee("evaluate", output, files / "test.csv", "--json").json
    assert evaluated == with_intervals(library.evaluate(model, test, train=train))
    options = {"relevant_from": 3.0, "liked": 3.5, "gains": "graded"}
    given = ("--relevant-from", 3, "--liked", 3.5, "--gains", "graded")
    evaluated = matinee("evaluate", output, files / "test.csv", *given, "--json").json
    assert evaluated == with_intervals(library.evaluate(model, test, train=train, **options))
    item = shown[0]["item"]
    prediction = matinee("predict", output, "--user", user, "--item", item, "--json").json["prediction"]
    assert prediction == pytest.approx(shown[0]["score"], abs=1e-5)
    assert (
        matinee("similar", output, "--item", item, "-n", 2, "--json").json["similar"][0]["item"]
        == model.similar_items(item, 2)[0].item
    )


def test_the_help_of_fit_tells_the_defaults_of_each_model(matinee):
    text = " ".join(matinee("fit", "--help").out.split())
    assert "als 10, implicit 64" in text
    assert "als 0.1, implicit 0.01" in text
    assert "implicit cholesky" in text


def test_fit_without_a_test_trains_on_everything(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    found = matinee("fit", files / "ratings.csv", "-o", output, "--test-size", 0, "--json").json
    assert found["n_train"] == len(random_ratings()) == len(library.load(output).rated_.values)
    assert (found["n_test"], found["test"]) == (0, None)
    text = matinee("fit", files / "ratings.csv", "-o", output, "--test-size", 0).out
    assert "train " in text
    assert "test " not in text


def test_a_test_of_one_rating_each_is_the_last_of_everybody(matinee, tmp_path):
    path = tmp_path / "ratings.csv"
    lines = [f"{user},{item},{item % 5 + 1},{100 - item}" for user in range(9) for item in range(6)]
    path.write_text("\n".join(lines))
    output = tmp_path / "model.safetensors"
    found = matinee("fit", path, "-o", output, "--split", "last", "--test-size", 1, "--json").json
    assert found["n_test"] == 9
    # Item 0 was rated last by all, so none of its ratings was trained on.
    assert 0 not in library.load(output).rated_.columns


def test_the_text_of_fit_tells_errors_time_and_overfitting(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    asked = ("fit", files / "ratings.csv", "-o", output, "--model", "als", "--seed", 7)
    text, found = matinee(*asked).out, matinee(*asked, "--json").json
    for name in ("train", "test"):
        errors = f"RMSE {found[name]['rmse']:.4f}, MAE {found[name]['mae']:.4f}"
        assert re.search(rf"^{name} +{errors}", text, re.MULTILINE)
    assert found["overfitting"]["verdict"] in text
    assert re.search(r"^time +\d+\.\d\d s for 15 iterations$", text, re.MULTILINE)


def test_without_a_kind_of_model_lists_are_ranked_by_what_people_watch_and_like(matinee, files, tmp_path):
    output = tmp_path / "model.safetensors"
    found = matinee("fit", files / "ratings.csv", "-o", output, "--factors", 3, "--seed", 7, "--json").json
    assert found["model"] == "recommender"
    watch, stars = (part["model"] for part in found["parts"])
    assert (watch, stars) == ("ImplicitALS", "BayesianALS")
    model = library.load(output)
    assert isinstance(model, library.Recommender)
    # Options that the recommender itself lacks are its watch model's.
    assert model.watch_models_[0].get_params()["n_factors"] == 3
    assert model.watch_models_[0].get_params()["grading"] > 0
    text = matinee("fit", files / "ratings.csv", "-o", output, "--blend", 0.5).out
    assert re.search(r"^ranks by +ImplicitALS\(", text, re.MULTILINE)
    assert re.search(r"^rates by +BayesianALS\(", text, re.MULTILINE)
    assert library.load(output).blend == 0.5  # type: ignore[attr-defined]
    user = model.user_index_.id_at(0)
    listed = matinee("recommend", output, "--user", user, "-n", 3)
    assert listed.out.splitlines()[0].split() == ["rank", "item", "score", "stars", "9", "of", "10", "within"]
    shown = matinee("recommend", output, "--user", user, "-n", 3, "--json").json["recommendations"]
    expected = library.load(output).recommend(user, 3)
    assert [one["rating"] for one in shown] == pytest.approx([one.rating for one in expected])
    assert [one["interval"] for one in shown] == [pytest.approx(list(one.interval)) for one in expected]


def test_ratings_that_are_all_alike_are_fitted_as_watched_and_it_says_so(matinee, tmp_path):
    path = tmp_path / "seen.csv"
    lines = [f"{user},{item},1" for user in range(9) for item in range(12) if (user + item) % 3]
    path.write_text("userId,movieId,rating\n" + "\n".join(lines))
    done = matinee("fit", path, "-o", tmp_path / "model.safetensors", "--factors", 2)
    assert done.status == 0
    assert "all ratings are alike, so this model learns what people watch" in done.err
    model = library.load(tmp_path / "model.safetensors")
    assert (type(model), model.n_factors, model.values) == (library.ImplicitALS, 2, "presence")  # type: ignore[attr-defined]


def test_predict_is_mean_biases_and_factors_clipped(matinee, files, scores):
    users, items, whole = scores
    user, item = (int(places[0]) for places in np.nonzero(np.isfinite(whole)))
    asked = ("predict", files / "model.safetensors", "--user", users[user], "--item", items[item])
    found = matinee(*asked, "--json").json
    assert found["prediction"] == pytest.approx(np.clip(whole[user, item], 0.5, 5), abs=1e-4)
    assert (found["user"], found["item"]) == (users[user], items[item])
    assert f"{found['prediction']:.2f} on a scale from 0.5 to 5" in matinee(*asked).out


def test_recommend_lists_the_best_that_the_user_has_not_rated(matinee, files, scores):
    users, items, whole = scores
    found = matinee("recommend", files / "model.safetensors", "--user", users[5], "-n", 4, "--json").json
    best = np.argsort(-whole[5])[:4]
    assert [one["item"] for one in found["recommendations"]] == items[best].tolist()
    assert [one["rank"] for one in found["recommendations"]] == [1, 2, 3, 4]
    assert [one["score"] for one in found["recommendations"]] == pytest.approx(
        whole[5, best].tolist(), abs=1e-4
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet", "CSV"])
def test_recommend_all_writes_a_table_for_everybody(matinee, files, scores, tmp_path, suffix):
    users, items, whole = scores
    output = tmp_path / f"recs.{suffix}"
    asked = ("recommend", files / "model.safetensors", "--all", "-n", 3, "-o", output)
    told = matinee(*asked, "--movies", files / "movies.csv", "--json").json
    frame = (pl.read_parquet if suffix == "parquet" else pl.read_csv)(output)
    assert frame.columns == ["user", "rank", "item", "title", "score"]
    assert told == {"output": str(output), "users": len(users), "recommendations": len(frame)}
    expected = items[np.argsort(-whole, axis=1)[:, :3]]
    assert np.array_equal(frame["item"].to_numpy().reshape(-1, 3), expected)
    assert frame["user"].to_list() == np.repeat(users, 3).tolist()
    titled = frame.filter(pl.col("item") != items[-1])
    assert titled["title"].to_list() == [f"The Film {i} (19{i % 90 + 10})" for i in titled["item"]]
    assert set(frame.filter(pl.col("item") == items[-1])["title"]) <= {None}  # which is not in movies.csv
    assert list(tmp_path.iterdir()) == [output]


def test_recommend_for_one_user_can_be_written_too(matinee, files, tmp_path):
    output = tmp_path / "recs.csv"
    user = random_ratings().users[0]
    matinee("recommend", files / "model.safetensors", "--user", user, "-o", output)
    assert set(pl.read_csv(output)["user"]) == {user}


def test_similar_ranks_by_the_cosine_of_the_factors(matinee, files, scores):
    _, items, _ = scores
    factors = load_file(files / "model.safetensors")["item_factors"].astype(np.float64)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    cosines = unit @ unit[2]
    cosines[2] = -2
    found = matinee("similar", files / "model.safetensors", "--item", items[2], "-n", 5, "--json").json
    best = np.argsort(-cosines)[:5]
    assert [one["item"] for one in found["similar"]] == items[best].tolist()
    assert [one["score"] for one in found["similar"]] == pytest.approx(cosines[best].tolist(), abs=1e-5)


def test_evaluate_tells_what_the_library_tells_with_train_beside_test(matinee, files):
    model = library.load(files / "model.safetensors")
    train, test = (library.read_ratings(files / f"{name}.csv") for name in ("train", "test"))
    expected = library.evaluate(model, test, k=3, train=train)
    asked = ("evaluate", files / "model.safetensors", files / "test.csv", "--k", 3)
    document = matinee(*asked, "--json").json
    assert document == with_intervals(expected)
    assert {"rmse", "ndcg", "hit_rate", "catalogue_coverage"} < set(document["intervals"])
    for name, (low, high) in document["intervals"].items():
        assert low <= document[name] <= high, name
    low, high = document["intervals"]["ndcg"]
    shown = matinee(*asked).out
    assert shown == f"{expected}\n"
    assert f"{low:.4f} to {high:.4f}" in shown


def test_evaluate_takes_genres_and_recommend_takes_diversity(matinee, files, tmp_path):
    model = library.load(files / "model.safetensors")
    train, test = (library.read_ratings(files / f"{name}.csv") for name in ("train", "test"))
    movies = library.read_movies(files / "movies.csv")
    expected = library.evaluate(model, test, train=train, genres=movies)
    asked = ("evaluate", files / "model.safetensors", files / "test.csv", "--movies", files / "movies.csv")
    assert matinee(*asked, "--json").json == with_intervals(expected)
    assert expected.diversity is not None and "diversity" in expected.intervals
    user = model.user_index_.id_at(4)
    shown = ("recommend", files / "model.safetensors", "--diversity", 0.6, "-n", 6)
    found = matinee(*shown, "--user", user, "--json").json["recommendations"]
    listed = [one.item for one in model.recommend(user, 6, diversity=0.6)]
    assert [one["item"] for one in found] == listed
    assert listed != [one.item for one in model.recommend(user, 6)]
    matinee(*shown, "--all", "-o", tmp_path / "lists.csv")
    assert pl.read_csv(tmp_path / "lists.csv").filter(user=user)["item"].to_list() == listed
    assert "--diversity" in one_line(matinee(*shown[:2], "--user", user, "--diversity", 2))


def test_a_write_that_fails_leaves_the_old_file_whole(matinee, files, tmp_path, monkeypatch):
    output = tmp_path / "recs.csv"
    output.write_text("what was there before")

    def write_half(frame: pl.DataFrame, path: Path) -> None:
        path.write_text("user,ra")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", write_half)
    message = one_line(matinee("recommend", files / "model.safetensors", "--all", "-o", output))
    assert f"{output} cannot be written: " in message
    assert "No space left" in message
    assert output.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("verb", ["predict", "recommend", "similar"])
def test_titles_are_shown_where_movies_are_given(matinee, files, verb):
    ratings = random_ratings()
    asked = {
        "predict": ("--user", ratings.users[0], "--item", ratings.items[0]),
        "recommend": ("--user", ratings.users[0], "-n", 40),
        "similar": ("--item", ratings.items[0], "-n", 40),
    }[verb]
    bare = matinee(verb, files / "model.safetensors", *asked)
    titled = matinee(verb, files / "model.safetensors", *asked, "--movies", files / "movies.csv")
    assert "Film" not in bare.out
    shown = re.findall(r"(\d+)(?: +-?\d\.\d{3})? +The Film (\d+) \(19\d\d\)$", titled.out, re.MULTILINE)
    assert shown
    assert all(item == title for item, title in shown)
    document = matinee(verb, files / "model.safetensors", *asked, "--movies", files / "movies.csv", "--json")
    assert "The Film" in json.dumps(document.json)


def test_titles_are_found_for_ids_that_are_text_in_one_file_only(matinee, tmp_path):
    ratings, movies, model = (tmp_path / name for name in ("ratings.csv", "movies.csv", "model"))
    lines = [f"u{user},{item},{user % 5 + 1}" for user in range(8) for item in (1, 2, "x3")]
    ratings.write_text("\n".join(lines))
    movies.write_text("movieId,title\n1,One\n2,Two\n")
    matinee("fit", ratings, "-o", model, "--test-size", 0)
    assert "One" in matinee("similar", model, "--item", "2", "--movies", movies).out
    assert matinee("predict", model, "--user", "u1", "--item", "x3").status == 0


def test_ids_may_be_any_64_bit_integer(matinee, tmp_path):
    ratings, model = tmp_path / "ratings.csv", tmp_path / "model"
    ids = [-5, 0, 2**63]
    ratings.write_text(
        "\n".join(f"{-user},{item},{user % 5 + 1}" for user in range(1, 5) for item in ids[1:])
    )
    matinee("fit", ratings, "-o", model, "--test-size", 0)
    assert matinee("predict", model, "--user", -3, "--item", 2**63, "--json").json["item"] == 2**63


# ---- download -----------------------------------------------------------------------------------


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing: the tests' output is for the tests."""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server of made-up ratings in the shape of ml-latest-small, and a cache folder of the test's own."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    made_up = random_ratings().to_frame().rename({"user": "userId", "item": "movieId"})
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", made_up.write_csv())
        archive.writestr("ml-latest-small/movies.csv", "movieId,title,genres\n5,Nothing (1999),Drama\n")
    (served / "ml-latest-small.zip").write_bytes(held.getvalue())
    (served / "ml-latest-small.zip.md5").write_text(hashlib.md5(held.getvalue()).hexdigest())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(served))) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        monkeypatch.setenv("MATINEE_DOWNLOAD_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MATINEE_CACHE", str(cache))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("MATINEE_DATA", raising=False)
        yield cache
        server.shutdown()
        serving.join()


def test_download_prints_the_folder_and_the_other_commands_take_the_name(matinee, mirror, tmp_path):
    assert matinee("download", "ml-latest-small").out == f"{mirror / 'ml-latest-small'}\n"
    found = matinee("download", "ml-latest-small", "--json").json
    assert found == {
        "name": "ml-latest-small",
        "folder": str(mirror / "ml-latest-small"),
        "ratings": str(mirror / "ml-latest-small" / "ratings.csv"),
        "movies": str(mirror / "ml-latest-small" / "movies.csv"),
        "users": None,
    }
    described = matinee("describe", "ml-latest-small", "--json").json
    assert described["n_ratings"] == len(random_ratings())
    model = tmp_path / "model"
    assert matinee("fit", "ml-latest-small", "-o", model).status == 0
    similar = matinee("similar", model, "--item", 16, "-n", 50, "--movies", "ml-latest-small")
    assert "Nothing (1999)" in similar.out


def test_a_dataset_named_elsewhere_is_downloaded_when_it_is_needed(matinee, mirror):
    assert matinee("describe", "ml-latest-small", "--json").json["n_ratings"] == len(random_ratings())


def test_a_download_that_is_refused_is_one_line(matinee, mirror, tmp_path):
    (tmp_path / "served" / "ml-latest-small.zip").unlink()
    assert "404" in one_line(matinee("download", "ml-latest-small"))
    assert "ml-100k" in one_line(matinee("download", "ml-9m"))
    assert "built in" in one_line(matinee("download", "demo"))


# ---- bad input ----------------------------------------------------------------------------------


BAD_RATINGS = {
    "nan": (b"1::2::nan\n", "line 1: rating 'nan' is not a finite number"),
    "infinite": (b"1::2::3\n1::3::inf\n", "line 2: rating 'inf' is not a finite number"),
    "missing": (b"1::2::3\n1::3::\n", "line 2: the rating is missing"),
    "text": (b"1::2::3\n1::3::five\n", "line 2: rating 'five' is not a number"),
    "empty": (b"", "the file is empty"),
    "header-only": (b"userId,movieId,rating\n", "there are no ratings below the header"),
    "wrong-column": (b"who,what,stars\n1,2,3\n", "found no user column"),
    "binary": (b"1::2::3\n\0\0\n", "binary"),
    "parquet": (b"PAR1 and no more", "ratings.any"),
    "gzip": (b"\x1f\x8b\x08 and no more", "gzip file is truncated or damaged"),
}


@pytest.mark.parametrize(("content", "message"), BAD_RATINGS.values(), ids=BAD_RATINGS)
def test_bad_ratings_are_one_line_with_the_file_named(matinee, files, tmp_path, content, message):
    path = tmp_path / "ratings.any"
    path.write_bytes(content)
    commands = [
        ("describe", path),
        ("fit", path, "-o", tmp_path / "model"),
        ("evaluate", files / "model.safetensors", path, "--json"),
    ]
    for command in commands:
        assert f"{path}" in one_line(matinee(*command))
        assert message in matinee(*command).err
    assert list(tmp_path.iterdir()) == [path]


def damaged_models(whole):
    """Bytes that are no model of this version, each with what the message is to say."""
    newer = re.sub(rb"(format_version\W+)\d", rb"\g<1>9", whole, count=1)
    assert newer != whole
    return {
        "truncated": (whole[:-1], "truncated"),
        "header-only": (whole[:2000], "truncated"),
        "eight-bytes": (whole[:5], "truncated"),
        "empty": (b"", "empty"),
        "newer": (newer, "install a newer one"),
        "text": (b"1::2::3\n" * 100, "not a model file"),
    }


@pytest.mark.parametrize("fault", ["truncated", "header-only", "eight-bytes", "empty", "newer", "text"])
def test_bad_models_are_one_line_with_the_file_named(matinee, files, tmp_path, fault):
    content, message = damaged_models((files / "model.safetensors").read_bytes())[fault]
    path = tmp_path / "model"
    path.write_bytes(content)
    commands = [
        ("predict", path, "--user", 3, "--item", 5),
        ("recommend", path, "--user", 3, "--json"),
        ("recommend", path, "--all", "-o", tmp_path / "recs.csv"),
        ("similar", path, "--item", 5),
        ("evaluate", path, files / "test.csv"),
    ]
    for command in commands:
        assert str(path) in one_line(matinee(*command))
        assert message in matinee(*command).err
    assert list(tmp_path.iterdir()) == [path]


# RATINGS, MODEL and FOLDER stand for the test's own; what is missing is named absent.
REFUSED = {
    "missing ratings": ("describe FOLDER/absent.csv", "there is no such file"),
    "missing dataset": ("describe ml-9m", "datasets are demo, ml-100k"),
    "ratings folder": ("describe FOLDER", "is a folder"),
    "missing model": ("similar FOLDER/absent --item 5", "cannot be read"),
    "model folder": ("similar FOLDER --item 5", "cannot be read"),
    "missing movies": ("similar MODEL --item 5 --movies FOLDER/absent.csv", "there is no such file"),
    "movies of ratings": ("similar MODEL --item 5 --movies RATINGS", "is given again"),
    "missing test": ("evaluate MODEL FOLDER/absent.csv", "there is no such file"),
    "unknown user": ("recommend MODEL --user 999999", "user 999999 is not known"),
    "user as text": ("recommend MODEL --user bob", "user ids here are integers"),
    "user of digits": (f"recommend MODEL --user {'9' * 5000}", "is not known"),
    "unknown user to write": ("recommend MODEL --user 4 -o FOLDER/recs.csv", "user 4 is not known"),
    "unknown item": ("similar MODEL --item 999999", "item 999999 is not known"),
    "pair of unknown user": ("predict MODEL --user 4 --item 5", "user 4 is not known"),
    "pair of unknown item": ("predict MODEL --user 3 --item 6", "item 6 is not known"),
    "no user": ("recommend MODEL", "either --user USER or --all"),
    "user and all": ("recommend MODEL --user 3 --all", "either --user USER or --all"),
    "all to nowhere": ("recommend MODEL --all", "-o recommendations.csv"),
    "output format": ("recommend MODEL --all -o FOLDER/recs.xls", ".csv or .parquet"),
    "output nowhere": ("recommend MODEL --all -o FOLDER/absent/recs.csv", "there is no folder"),
    "output under file": ("recommend MODEL --all -o RATINGS/recs.csv", "there is no folder"),
    "model nowhere": ("fit RATINGS -o FOLDER/absent/model", "there is no folder"),
    "model in place of folder": ("fit RATINGS -o FOLDER", "is a folder"),
    "model in place of device": ("fit RATINGS -o /dev/null", "not a regular file"),
    "demo in place of file": ("demo --output RATINGS", "cannot be made a folder"),
    "factors": ("fit RATINGS -o FOLDER/m --factors 0", "--factors"),
    "factors beyond all memory": ("fit RATINGS -o FOLDER/m --factors 99999999999999", "--factors"),
    "factors as text": ("fit RATINGS -o FOLDER/m --factors ten", "--factors"),
    "iterations": ("fit RATINGS -o FOLDER/m --iterations 0", "--iterations"),
    "regularization": ("fit RATINGS -o FOLDER/m --regularization -1", "--regularization"),
    "regularization nan": ("fit RATINGS -o FOLDER/m --regularization nan", "regularization"),
    "weighting": ("fit RATINGS -o FOLDER/m --model als --weighting much", 'expected "count", "none"'),
    "weighting number": ("fit RATINGS -o FOLDER/m --model als --weighting 2", "from 0 to 1"),
    "tolerance": ("fit RATINGS -o FOLDER/m --tolerance -1", "--tolerance"),
    "test size": ("fit RATINGS -o FOLDER/m --test-size 1.5", "--test-size 1.5"),
    "test size nan": ("fit RATINGS -o FOLDER/m --test-size nan", "--test-size nan"),
    "test size text": ("fit RATINGS -o FOLDER/m --test-size half", "--test-size 'half'"),
    "test of everything": ("fit RATINGS -o FOLDER/m --test-size 1000000", "at least one must be left"),
    "split": ("fit RATINGS -o FOLDER/m --split odd", "random, user, last, time"),
    "threshold beyond the ratings": (
        "fit RATINGS -o FOLDER/m --model implicit --threshold 99",
        "no rating reaches --threshold 99; the greatest is 5",
    ),
    "split by nothing known": ("split RATINGS -o FOLDER/parts --by odd", "--by 'odd'; expected one of"),
    "split by unknown times": ("fit RATINGS -o FOLDER/m --split time", "a split by time needs"),
    "seed": ("fit RATINGS -o FOLDER/m --seed -1", "--seed"),
    "threads": ("fit RATINGS -o FOLDER/m --threads 0", "--threads"),
    "threads without end": ("fit RATINGS -o FOLDER/m --threads 99999999999999999999", "--threads"),
    "alpha": ("fit RATINGS -o FOLDER/m --model implicit --alpha -1", "--alpha"),
    "alpha nan": ("fit RATINGS -o FOLDER/m --model implicit --alpha nan", "alpha"),
    "unobserved weight": ("fit RATINGS -o FOLDER/m --model implicit --unobserved-weight -1", "--unobserved"),
    "nu": ("fit RATINGS -o FOLDER/m --model implicit --nu 1.5", "--nu"),
    "solver": ("fit RATINGS -o FOLDER/m --model implicit --solver lu", "--solver lu; expected one of"),
    "option of another model": (
        "fit RATINGS -o FOLDER/m --model als --alpha 2",
        "--alpha does not work with --model als",
    ),
    "bias of another model": (
        "fit RATINGS -o FOLDER/m --model implicit --no-biases",
        "--biases does not work with --model implicit",
    ),
    "bias of the default model": (
        "fit RATINGS -o FOLDER/m --no-biases",
        "--biases does not work with --model recommender",
    ),
    "grading": ("fit RATINGS -o FOLDER/m --grading 3", "--grading 3.0; expected a number from 0 to 1"),
    "blend": ("fit RATINGS -o FOLDER/m --blend 2", "--blend"),
    "kind of model": ("fit RATINGS -o FOLDER/m --model svd", "expected one of: als"),
    "no output": ("fit RATINGS", "--output"),
    "k": ("evaluate MODEL RATINGS --k 0", "--k"),
    "gains": ("evaluate MODEL RATINGS --gains squared", 'expected "binary" or "graded"'),
    "k beyond all memory": ("evaluate MODEL RATINGS --k 99999999999999", "--k"),
    "n": ("recommend MODEL --user 3 -n 0", "-n"),
    "n as text": ("similar MODEL --item 5 -n many", "-n"),
    "no argument": ("describe", "RATINGS"),
    "one argument more": ("describe RATINGS RATINGS", "describe --help"),
    "unknown option": ("describe RATINGS --verbose", "--verbose"),
    "unknown verb": ("play RATINGS", "'play'"),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize(("command", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_one_line(matinee, files, tmp_path, command, message, as_json):
    places = {"RATINGS": files / "ratings.csv", "MODEL": files / "model.safetensors", "FOLDER": tmp_path}
    arguments = [
        re.sub("RATINGS|MODEL|FOLDER", lambda m: str(places[m[0]]), part) for part in command.split()
    ]
    assert message in one_line(matinee(*arguments, *["--json"] * as_json))
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_line(matinee, files, tmp_path, monkeypatch):
    def fit(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 745. GiB")

    monkeypatch.setattr(library.ALS, "fit", fit)
    assert "745. GiB" in one_line(
        matinee("fit", files / "ratings.csv", "-o", tmp_path / "m", "--model", "als")
    )


def test_ratings_without_timestamps_are_not_split_by_time(matinee, files, tmp_path):
    before = (files / "model.safetensors").read_bytes()
    message = one_line(matinee("fit", files / "ratings.csv", "-o", tmp_path / "m", "--split", "last"))
    assert "have no timestamp" in message
    assert (files / "model.safetensors").read_bytes() == before


def test_a_title_can_neither_break_a_line_nor_colour_it(matinee, files, tmp_path):
    movies = tmp_path / "movies.csv"
    movies.write_text('movieId,title,genres\n5,"Red \x1b[31mHat\x07\u2028Two",Drama\n')
    shown = matinee("similar", files / "model.safetensors", "--item", 16, "-n", 40, "--movies", movies)
    assert "Red \ufffd[31mHat\ufffd Two" in shown.out
    assert ESCAPE not in shown.out
    assert len(shown.out.splitlines()) == 1 + 39


# ---- the real command: streams, terminals, signals ------------------------------------------------


def test_the_installed_command_refuses_in_one_line_too(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::2::five\n")
    assert "'five'" in one_line(run_command("describe", tmp_path / "ratings.dat"))
    assert "--factors" in one_line(run_command("fit", "demo", "-o", tmp_path / "m", "--factors", "x"))
    assert run_command("--version").status == 0


@pytest.mark.parametrize(
    "command",
    [
        "describe RATINGS",
        "recommend MODEL --user 3 --movies MOVIES",
        "similar MODEL --item 5",
        "fit RATINGS -o OUT",
        "predict MODEL --user 3 --item 5",
        "evaluate MODEL TEST",
        "recommend MODEL --all -o OUT.csv",
    ],
)
def test_a_pipe_gets_neither_escape_codes_nor_progress(matinee, files, tmp_path, command):
    places = {
        "RATINGS": "ratings.csv",
        "MODEL": "model.safetensors",
        "MOVIES": "movies.csv",
        "TEST": "test.csv",
    }
    arguments = [str(files / places[part]) if part in places else part for part in command.split()]
    arguments = [part.replace("OUT", str(tmp_path / "out")) for part in arguments]
    # Colours are not even for those who ask for them everywhere.
    done = run_command(*arguments, env={"FORCE_COLOR": "1", "TERM": "xterm", "PATH": ""})
    assert done.status == 0
    assert done.err == ""
    assert done.out
    assert ESCAPE not in done.out
    document = matinee(*arguments, "--json")
    assert (document.status, document.err) == (0, "")
    assert isinstance(document.json, dict)


def test_progress_goes_to_standard_error_and_only_on_a_terminal(files):
    terminal = Terminal()
    command = terminal.start(
        *("evaluate", files / "model.safetensors", files / "test.csv", "--json"), stdout=subprocess.PIPE
    )
    out, _ = command.communicate(timeout=SECONDS)
    assert json.loads(out)["k"] == 10
    written = terminal.close()
    assert "reading" in written
    assert "evaluating" in written
    # Each is cleared away in the end.
    assert written.count("…") == written.count("\r\x1b[K")
    assert written.endswith("\r\x1b[K")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_terminal_gets_a_ruled_table_that_fits_it(files, columns):
    terminal = Terminal(columns)
    asked = ("recommend", files / "model.safetensors", "--user", 3, "--movies", files / "movies.csv")
    assert terminal.start(*asked).wait(SECONDS) == 0
    lines = re.sub(r"\x1b\[[0-9;]*[mK]|.*\r\x1b\[K", "", terminal.close().replace("\r\n", "\n")).splitlines()
    assert lines[0].split() == ["rank", "item", "score", "title"]
    assert set(lines[1]) == {"─"}
    assert sum("The Film" in line for line in lines) == 10
    assert max(map(len, lines)) <= columns


LONG_FIT = ("--model", "als", "--factors", 64, "--iterations", 100_000)


def test_a_long_fit_shows_a_bar_and_ends_with_ctrl_c(tmp_path):
    terminal = Terminal()
    fit = terminal.start("fit", "demo", "-o", tmp_path / "model", *LONG_FIT)
    terminal.wait_for("RMSE")
    fit.send_signal(signal.SIGINT)
    assert fit.wait(SECONDS) == 130
    assert terminal.close().replace("\r", "").rstrip().splitlines()[-1].endswith("matinee: interrupted")
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_ends_a_command_quietly(files):
    command = subprocess.Popen(
        [COMMAND, "similar", files / "model.safetensors", "--item", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    command.stdout.close()  # long before the first line is written
    assert command.stderr.read() == ""
    command.stderr.close()
    assert command.wait(SECONDS) not in (0, 2)


def test_closed_streams_are_no_reason_to_fail(files):
    script = f'"{COMMAND}" similar "{files / "model.safetensors"}" --item 5 >&- 2>&-'
    assert subprocess.run(["sh", "-c", script], timeout=SECONDS).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("extra", [[], ["--json"]], ids=["text", "json"])
def test_standard_output_on_a_full_disk_is_one_line(files, extra):
    with Path("/dev/full").open("w") as full:
        done = run_command("similar", files / "model.safetensors", "--item", 5, *extra, stdout=full)
    assert "No space left" in one_line(done)


def test_titles_are_printed_where_the_locale_has_no_letters_for_them(files, tmp_path):
    movies = tmp_path / "movies.csv"
    movies.write_text("movieId,title,genres\n5,Amélie — 東京,Drama\n", encoding="utf-8")
    asked = ("similar", files / "model.safetensors", "--item", 16, "-n", 40, "--movies", movies)
    done = run_command(*asked, env={"PYTHONIOENCODING": "ascii"})
    assert (done.status, done.err) == (0, "")
    assert "Am\\xe9lie" in done.out
    titles = [
        one["title"]
        for one in run_command(*asked, "--json", env={"PYTHONIOENCODING": "ascii"}).json["similar"]
    ]
    assert "Amélie — 東京" in titles
