"""The command plot, as people meet it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

OF_RATINGS = [
    "ratings-subset",
    "ratings-matrix",
    "rating-distribution",
    "ratings-per-user",
    "ratings-per-movie",
]
OF_MODEL = ["training-curve", "factorization", "latent-factors", "factor-extremes", "movie-map"]
OF_TEST = ["predictions", "residuals", "recall-curve", "ndcg-curve"]
RATINGS = "".join(f"{user},{item},{(user * item) % 5 + 1}\n" for user in range(9) for item in range(12))


@pytest.fixture
def files(tmp_path, matinee):
    """A folder with ratings, movies and a model of them; the ids are text in the file of movies alone."""
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n" + RATINGS)
    movies = "".join(f"{item},Film {item} (19{item + 50}),Drama\n" for item in range(12))
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n" + movies + "x1,Nobody's,Drama\n")
    done = matinee(
        "fit", tmp_path / "ratings.csv", "-o", tmp_path / "model", "--model", "als", "--factors", 2
    )
    assert done.status == 0, done.err
    return tmp_path


def test_ratings_are_drawn_as_png(matinee, files):
    done = matinee("plot", files / "ratings.csv", "-o", files / "made" / "here", "--dpi", 60)
    paths = [files / "made" / "here" / f"{name}.png" for name in OF_RATINGS]
    assert (done.status, done.out.split(), done.err) == (0, list(map(str, paths)), "")
    for path in paths:
        image = imread(path)
        assert min(image.shape[:2]) > 150
        assert np.ptp(image[..., :3]) > 0.5


def test_the_options_for_reading_are_of_the_ratings_or_of_the_test(matinee, files):
    odd = files / "odd.txt"
    odd.write_text(
        "what^who^stars\n"
        + "".join(f"{item}^{user}^{user % 5 + 1}\n" for user in range(9) for item in range(9))
    )
    options = (
        "--columns",
        "user=who,item=what,rating=stars",
        "--separator",
        "^",
        "--ratings-format",
        "table",
    )
    done = matinee("plot", odd, "-o", files / "one", "--dpi", 60, *options, "--json")
    assert [path.rsplit("/", 1)[1] for path in done.json["pictures"]] == [
        f"{name}.png" for name in OF_RATINGS
    ]
    done = matinee(
        "plot", files / "model", "--test", odd, "-o", files / "two", "--dpi", 60, *options, "--json"
    )
    assert len(done.json["pictures"]) == len(OF_MODEL + OF_TEST)
    refused = matinee("plot", files / "model", "-o", files / "three", *options)
    assert "the options for reading are of ratings, and" in refused.err
    assert not (files / "three").exists()
    refused = matinee("plot", odd, "-o", files / "three", "--ratings-format", "excel")
    assert "--format excel; expected one of" in refused.err


def test_a_model_and_a_test_are_drawn_as_svg_with_titles(matinee, files):
    done = matinee(
        "plot", files / "model", "--test", files / "ratings.csv", "--movies", files / "movies.csv",
        "-o", files / "out", "--format", "svg", "--json",
    )  # fmt: skip
    assert done.json["output"] == str(files / "out")
    assert done.json["pictures"] == [str(files / "out" / f"{name}.svg") for name in OF_MODEL + OF_TEST]
    for name in done.json["pictures"]:
        assert ElementTree.parse(name).getroot().tag.endswith("svg")
    assert "Film 3" in (files / "out" / "latent-factors.svg").read_text()


def test_the_same_picture_is_the_same_file(matinee, files):
    for folder in ("one", "two"):
        matinee("plot", files / "model", "-o", files / folder, "--format", "svg")
    for name in OF_MODEL:
        first, again = ((files / folder / f"{name}.svg").read_bytes() for folder in ("one", "two"))
        assert first == again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ratings.csv", "--format", "gif"], "--format gif; expected png or svg"),
        (["ratings.csv", "--test", "ratings.csv"], "--test works only with a model, and"),
        (["nothing.csv"], "nothing.csv"),
        (["movies.csv"], "movies.csv"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(matinee, files, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    done = matinee("plot", *arguments, "-o", "out")
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_damaged_model_is_taken_for_a_model(matinee, files):
    whole = (files / "model").read_bytes()
    (files / "half").write_bytes(whole[: len(whole) // 2])
    done = matinee("plot", files / "half", "-o", files / "out")
    assert done.status == 2
    assert "half is truncated" in done.err


def test_without_matplotlib_the_extra_is_named(matinee, files, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    done = matinee("plot", files / "ratings.csv", "-o", files / "out")
    assert done.status == 2
    assert 'python -m pip install "matinee[plots]"' in done.err
