"""What is said of a model whose lists are worse than the most popular films."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import numpy as np
import pytest

import matinee
from matinee.cli import run
from matinee.models.baselines import MostPopular
from matinee.models.people import People
from matinee.ratings import Rows
from matinee.web.jobs import list_quality as checking
from matinee.web.jobs.list_quality import list_quality
from tests.conftest import random_ratings


class Watched(MostPopular):
    """The most popular items, with a note of the ratings that it was told."""

    told: Rows

    def people_by(self, rated: Rows) -> People:
        self.told = rated
        return super().people_by(rated)


def test_the_most_popular_films_are_as_good_as_themselves_and_their_figure_is_right() -> None:
    ratings = random_ratings(n_users=70, n_items=50, share=0.4, seed=6)
    model = Watched().fit(ratings)
    found = list_quality(model)
    assert found is not None
    assert found.model == found.most_popular and not found.is_below_popular
    whole = {tuple(row.columns[a:b].tolist()) for row in [model.rated_] for a, b in _bounds(row)}
    counts = np.bincount(model.rated_.columns, minlength=50)
    figures = []
    for begin, end in _bounds(model.told):
        told = set(model.told.columns[begin:end].tolist())
        (seen,) = [each for each in whole if told < set(each)]
        held_out = set(seen) - told
        assert len(held_out) == len(seen) // 5
        best = [i for i in np.argsort(-counts, kind="stable").tolist() if i not in told][:10]
        gain = sum(1 / np.log2(place + 2) for place, item in enumerate(best) if item in held_out)
        figures.append(gain / sum(1 / np.log2(place + 2) for place in range(min(10, len(held_out)))))
    assert len(figures) == found.n_people == np.count_nonzero(model.rated_.counts >= 10)
    assert found.most_popular == pytest.approx(np.mean(figures))


def _bounds(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True))


def test_the_figures_are_the_same_every_time_and_of_some_people_only(
    demo_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = matinee.load(demo_model)
    found = list_quality(model)
    assert found is not None and found.n_people == 300
    assert found == list_quality(model)
    monkeypatch.setattr(checking, "N_PEOPLE", 50)
    fewer = list_quality(model)
    assert fewer is not None and fewer.n_people == 50 and fewer != found


def test_where_nobody_has_ten_ratings_nothing_is_said() -> None:
    ratings = matinee.Ratings.from_arrays([1] * 9 + [2], [*range(9), 3], [4.0] * 5 + [3.0] * 5)
    assert list_quality(MostPopular().fit(ratings)) is None


def test_serve_names_the_remedy_for_lists_worse_than_the_most_popular_films(
    tmp_path: Path, demo_model: Path, recommender_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poor, good = tmp_path / "by stars.safetensors", tmp_path / "good.safetensors"
    poor.write_bytes(demo_model.read_bytes())
    good.write_bytes(recommender_model.read_bytes())
    said = {}
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that no server starts
        for model in (poor, good):
            port = taken.getsockname()[1]
            options = ["--model", str(model), "--movies", "demo", "--folder", str(tmp_path), "--json"]
            assert run(["serve", *options, "--port", str(port)]) == 2
            said[model] = capsys.readouterr().err.splitlines()
    warning, error = said[poor]
    assert "cannot listen" in error and "cannot listen" in said[good][0] and len(said[good]) == 1
    figures = list_quality(matinee.load(poor))
    assert figures is not None and figures.is_below_popular
    assert f"{figures.model:.3f}, most popular {figures.most_popular:.3f}" in warning
    assert warning.endswith(f"matinee fit RATINGS -o {shlex.quote(str(poor))}")
