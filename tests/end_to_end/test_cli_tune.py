"""The command tune as a person or a script uses it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import matinee as library

from ..conftest import SECONDS, random_ratings
from .conftest import Terminal


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """A file of the ratings of 60 users for 40 movies."""
    path = tmp_path_factory.mktemp("files") / "ratings.csv"
    random_ratings().to_frame().write_csv(path)
    return path


def refused(outcome):
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("matinee: ")
    assert outcome.err.count("\n") == 1
    return outcome.err


def test_tune_saves_the_model_that_the_library_finds(matinee, ratings, tmp_path):
    output = tmp_path / "model.safetensors"
    done = matinee("tune", ratings, "--trials", 6, "-o", output, "--seed", 3, "--json")
    found = done.json
    assert done.err == ""
    read = library.read_ratings(ratings)
    result = library.tuning.tune(read, n_trials=6, random_state=3)
    assert found["best_params"] == result.best_params
    assert (found["best_value"], found["first_value"]) == (result.best_value, result.first_value)
    assert [trial["value"] for trial in found["trials"]] == result.trials["value"].to_list()
    assert (found["metric"], found["model"], found["stopped_by"]) == ("rmse", "als", None)
    model = library.load(output)
    assert model.get_params() == found["parameters"]
    np.testing.assert_array_equal(model.item_factors_, result.best_model.item_factors_)
    assert len(model.rated_.values) == len(read)


def test_the_trials_are_drawn_where_a_picture_is_asked_for(matinee, ratings, tmp_path):
    from matplotlib.image import imread

    picture = tmp_path / "trials.png"
    done = matinee("tune", ratings, "--trials", 3, "-o", tmp_path / "model", "--picture", picture)
    assert (done.status, done.err) == (0, "")
    assert np.ptp(imread(picture)[..., :3]) > 0.5
    error = refused(matinee("tune", ratings, "-o", tmp_path / "model", "--picture", tmp_path / "trials.bmp"))
    assert "trials.bmp: expected a name that ends in .png or .svg" in error


def test_text_says_what_was_gained(matinee, ratings, tmp_path):
    output = tmp_path / "model.safetensors"
    done = matinee("tune", ratings, "--trials", 7, "-o", output, "--timeout", 600)
    assert (done.status, done.err) == (0, "")
    lines = dict(re.split("  +", line, maxsplit=1) for line in done.out.splitlines())
    best, first = map(float, re.findall(r"\d\.\d{4}", lines["RMSE on ratings held out"]))
    assert best <= first
    assert sum(map(int, re.findall(r"\d+", lines["trials"]))) == 7
    assert lines["best"].startswith("ALS(n_factors=")
    assert lines["saved"] == str(output)


def test_a_study_goes_on_where_it_was_stopped(matinee, ratings, tmp_path):
    asked = ("tune", ratings, "-o", tmp_path / "model", "--study", tmp_path / "study.log", "--json")
    first = matinee(*asked, "--trials", 2).json
    second = matinee(*asked, "--trials", 4).json
    assert second["trials"][:2] == first["trials"]
    assert len(second["trials"]) == 4
    stopped = matinee(*asked, "--trials", 9, "--timeout", 0).json
    assert (stopped["stopped_by"], len(stopped["trials"])) == ("timeout", 4)


def test_implicit_models_are_tuned_too(matinee, ratings, tmp_path):
    output = tmp_path / "model.safetensors"
    asked = ("tune", ratings, "--model", "implicit", "--trials", 2, "--max-factors", 8, "-o", output)
    assert "NDCG on ratings held out" in matinee(*asked).out
    model = library.load(output)
    assert isinstance(model, library.ImplicitALS)
    assert model.n_factors <= 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "svd"), "model='svd'; expected one of 'als', 'implicit'"),
        (("--trials", 0), "--trials"),
        (("--study", "README"), "README is not a study file"),
        (("-o", "no/folder/model"), "there is no folder no/folder"),
    ],
)
def test_bad_input_is_one_line(matinee, ratings, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README").write_text("Read me\n")
    assert message in refused(matinee("tune", ratings, "-o", "model", *arguments))
    assert [path.name for path in tmp_path.iterdir()] == ["README"]


def test_without_optuna_the_command_to_install_it_is_told(matinee, ratings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert 'python -m pip install "matinee[tune]"' in refused(
        matinee("tune", ratings, "-o", tmp_path / "model")
    )


def test_no_other_command_waits_for_optuna():
    code = "import sys, matinee.cli; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_search_shows_a_bar_and_ctrl_c_saves_the_best_so_far(ratings, tmp_path):
    terminal, output = Terminal(120), tmp_path / "model.safetensors"
    tune = terminal.start("tune", ratings, "--trials", 100_000, "-o", output)
    terminal.wait_for("rmse 0.")
    tune.send_signal(signal.SIGINT)
    assert tune.wait(SECONDS) == 0
    text = terminal.close()
    assert "tune" in text
    assert "stopped by Ctrl-C" in text
    assert "Traceback" not in text
    assert len(library.load(output).rated_.values) == len(library.read_ratings(ratings))


def test_trials_with_a_half_life_are_judged_on_the_latest_ratings(matinee, tmp_path):
    ratings = random_ratings()
    times = 1_700_000_000 - 86_400 * np.random.default_rng(0).integers(0, 900, len(ratings))
    path = tmp_path / "ratings.csv"
    ratings.to_frame().with_columns(timestamp=times).write_csv(path)
    output = tmp_path / "model.safetensors"
    done = matinee("tune", path, "--trials", 2, "--half-life", "200d", "-o", output, "--json")
    model = library.ALS(random_state=0, half_life="200d")
    result = library.tuning.tune(library.read_ratings(path), model, n_trials=2, by="time")
    assert done.json["best_value"] == result.best_value
    assert library.load(output).get_params()["half_life"] == "200d"
    wrong = matinee("tune", path, "--model", "item-ridge", "--half-life", "200d", "-o", output)
    assert "--half-life does not work with --model item-ridge" in refused(wrong)
