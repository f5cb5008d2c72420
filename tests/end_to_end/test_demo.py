"""The demo: the main job end to end, and the files that it leaves for the other commands."""

from __future__ import annotations

import base64
import io
import json
import shlex
import sys
from contextlib import redirect_stdout
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread

import matinee as library
from matinee import cli

from .conftest import COMMAND, run_command

# All that use the folder of one demo run where it was made.
pytestmark = pytest.mark.xdist_group("demo")

FILES = {"model.safetensors", "metrics.json", "history.csv", "recommendations.csv"}
FILES |= {"ratings.csv", "test.csv", "movies.csv", "report.html"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that the demo has left, and what it printed where the program is not on the path."""
    folder = tmp_path_factory.mktemp("demo") / "made" / "by it"
    done = run_command("demo", "--output", folder, env={"PATH": str(folder)})
    assert (done.status, done.err) == (0, "")
    return folder, done.out


@pytest.fixture(scope="module")
def demo_again(tmp_path_factory):
    """The current folder of a demo that was given no other, and the document that it printed."""
    folder = tmp_path_factory.mktemp("again")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.chdir(folder)
        assert cli.run(["demo", "--json"]) == 0
    return folder, json.loads(out.getvalue())


def rmse_of_biases(train, test):
    """The test RMSE of a mean and biases of users and films, by the textbook's damped means."""
    n_users, n_items = (max(train[:, i].max(), test[:, i].max()).astype(int) + 1 for i in (0, 1))
    (users, items), rating = train[:, :2].astype(int).T, train[:, 2]
    mean = rating.mean()
    of_users, of_items = np.zeros(n_users), np.zeros(n_items)
    for _ in range(10):
        rest = rating - mean - of_items[items]
        of_users = np.bincount(users, rest, n_users) / (np.bincount(users, minlength=n_users) + 3)
        rest = rating - mean - of_users[users]
        of_items = np.bincount(items, rest, n_items) / (np.bincount(items, minlength=n_items) + 3)
    users, items = test[:, :2].astype(int).T
    return np.sqrt(np.mean((mean + of_users[users] + of_items[items] - test[:, 2]) ** 2))


def table(path):
    return pl.read_csv(path).select("userId", "movieId", "rating").to_numpy()


def test_tastes_predict_much_better_than_biases_alone(demo):
    folder, _ = demo
    metrics = json.loads((folder / "metrics.json").read_text())
    test = table(folder / "test.csv")
    rated, held_out = ({tuple(row) for row in part} for part in (table(folder / "ratings.csv"), test))
    train = np.array(sorted(rated - held_out))
    assert len(train) == len(rated) - len(held_out)
    biases_alone = rmse_of_biases(train, test)
    assert metrics["biases_alone"]["rmse"] == pytest.approx(biases_alone, abs=0.01)
    assert 0.7 < metrics["evaluation"]["rmse"] < 0.88
    assert metrics["evaluation"]["rmse"] < biases_alone - 0.1


def test_its_metrics_are_those_of_its_files(demo, matinee):
    folder, _ = demo
    metrics = json.loads((folder / "metrics.json").read_text())["evaluation"]
    found = matinee("evaluate", folder / "model.safetensors", folder / "test.csv", "--json").json
    assert "ndcg" in found.pop("intervals")
    # The 600 who never rated are in no file of ratings.
    for one in (found, metrics):
        del one["n_users_without_test"], one["split"]
    popular = [one.pop("most_popular") for one in (found, metrics)]
    assert popular[0] == pytest.approx(popular[1])
    assert found == pytest.approx(metrics)
    history = pl.read_csv(folder / "history.csv")
    # The curve is of all samples, and the model answers from those that it keeps.
    assert history["validation_rmse"][-1] == pytest.approx(metrics["rmse"], abs=0.002)
    assert history["iteration"].to_list() == list(range(1, len(history) + 1))


def test_the_recommendations_are_films_that_nobody_has_rated_already(demo):
    folder, _ = demo
    found = pl.read_csv(folder / "recommendations.csv")
    assert found.columns == ["user", "rank", "item", "title", "score", "rating"]
    assert len(found) == 6000 * 10
    assert found.group_by("user").agg(pl.col("item").n_unique())["item"].unique().to_list() == [10]
    train = pl.read_csv(folder / "ratings.csv").join(
        pl.read_csv(folder / "test.csv"), on=["userId", "movieId"], how="anti"
    )
    seen = found.join(train, left_on=["user", "item"], right_on=["userId", "movieId"], how="semi")
    assert len(seen) == 0
    titles = found.join(pl.read_csv(folder / "movies.csv"), left_on="item", right_on="movieId")
    assert (titles["title"] == titles["title_right"]).all()


def test_its_data_are_the_built_in_ones(demo):
    folder, _ = demo
    assert dict(library.read_movies(folder / "movies.csv")) == dict(library.load_movies("demo"))
    built_in = library.load_dataset("demo").to_frame()
    assert library.read_ratings(folder / "ratings.csv").to_frame().equals(built_in)


def test_the_newcomer_who_loves_space_operas_is_recommended_space_operas(demo_again):
    found = demo_again[1]["newcomer"]
    movies = library.load_movies("demo")
    assert {"Star Wars"} < found["rated"].keys()
    genres = [movies[one["item"]].genres for one in found["recommendations"]]
    assert len(genres) == 8
    # Of four ratings, what most people watch has a part in the list.
    assert sum("Sci-Fi" in of_film for of_film in genres) >= 5
    assert found["recommendations"][0]["title"] == "The Empire Strikes Back (1980)"
    for one in found["recommendations"]:
        assert one["title"] == str(movies[one["item"]])
        assert one["title"].rpartition(" (")[0] not in found["rated"]
        assert one["because"]
        assert {movies[part["item"]].title for part in one["because"]} <= found["rated"].keys()


def test_the_viewer_is_told_why(demo):
    folder, text = demo
    part = text.partition("For viewer ")[2].partition("For a newcomer")[0]
    user = int(part.split()[0])
    rated = table(folder / "ratings.csv")
    stars = {movie: rating for who, movie, rating in rated if who == user}
    titles = {movie.title: item for item, movie in library.load_movies("demo").items()}
    lines = " ".join(part.split())
    reasons = [one.split(" and ") for one in lines.split("because you rated ")[1:]]
    assert len(reasons) == 8
    title, _, rating = reasons[0][0].rpartition(" ")
    assert stars[titles[title]] == float(rating)


def test_every_command_that_it_proposes_works(demo, matinee, tmp_path, monkeypatch):
    _, text = demo
    monkeypatch.chdir(tmp_path)
    _assert_all_work(
        text, {"recommend", "similar", "predict", "evaluate", "describe", "plot", "fit"}, matinee
    )


def test_its_folder_is_called_out_unless_another_is_named(demo_again):
    folder, document = demo_again
    assert document["report"] == "out/report.html"
    assert [path.name for path in folder.iterdir()] == ["out"]
    assert {path.name for path in (folder / "out").iterdir()} == FILES


class Page(HTMLParser):
    """What a page refers to, the pictures in it, and its text."""

    def __init__(self, text):
        super().__init__()
        self.references, self.pictures, self.tags, self.text = [], [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        given = dict(attributes)
        self.references += [given[name] for name in ("src", "href", "srcset", "action") if name in given]
        if tag == "img":
            self.pictures.append(given)

    def handle_data(self, data):
        self.text += data


def test_the_report_needs_nothing_but_itself(demo):
    folder, _ = demo
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert all(one.startswith(("data:image/png;base64,", "#")) for one in page.references)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_the_report_shows_every_picture_and_says_what_it_is(demo):
    folder, _ = demo
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert len(page.pictures) == 14
    for picture in page.pictures:
        image = imread(io.BytesIO(base64.b64decode(picture["src"].partition(",")[2])))
        assert image.shape[1] == pytest.approx(1.5 * int(picture["width"]), rel=0.01)
        assert np.ptp(image[..., :3]) > 0.5
        assert len(picture["alt"]) > 30


def test_the_report_has_the_metrics_and_the_recommendations_of_three_people(demo):
    folder, _ = demo
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in ("rmse", "mae", "recall", "ndcg"):
        assert f"{metrics['evaluation'][name]:.4f}" in page.text
    found = pl.read_csv(folder / "recommendations.csv")
    for viewer in (310, 5660):
        part = page.text.partition(f"Viewer {viewer}")[2]
        for title in found.filter((pl.col("user") == viewer) & (pl.col("rank") <= 8))["title"]:
            assert title in part
    newcomer = page.text.partition("A newcomer, whom the model has never seen")[2]
    assert "The Empire Strikes Back (1980)" in newcomer.partition("Most like")[0]


def test_without_matplotlib_the_demo_says_what_the_report_needs(matinee, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = matinee("demo", "--output", tmp_path)
    assert done.status == 0
    assert done.out.splitlines()[-1].startswith("no report: pictures need matplotlib")
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"report.html"}


def test_the_commands_it_proposes_can_be_typed_where_the_program_is_not_on_the_path(demo):
    folder, text = demo
    assert f"\n{shlex.join([COMMAND, 'describe', str(folder / 'ratings.csv')])}\n" in text


def _assert_all_work(text, verbs, matinee):
    lines = text.partition("Try next\n────────\n")[2].partition("\n\n")[0].splitlines()
    proposed = [shlex.split(line)[1:] for line in lines]
    assert {words[0] for words in proposed} == verbs
    for words in proposed:
        done = matinee(*words)
        assert (done.status, done.err) == (0, "")
        assert done.out


def test_two_runs_leave_the_same_files_but_for_the_time_they_take(demo, demo_again):
    folder, other = demo[0], demo_again[0] / "out"
    document = demo_again[1]
    for name in ("recommendations.csv", "ratings.csv", "test.csv", "movies.csv"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()
    first, again = (json.loads((place / "metrics.json").read_text()) for place in (folder, other))
    assert first.pop("seconds") > 0
    assert again.pop("seconds") == document["seconds"]
    assert first == again
