"""The commands of the web application, as far as they end by themselves."""

from __future__ import annotations

import csv
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import matinee as library
from matinee.web.jobs.built_in import built_in_model
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.migrating import upgrade
from matinee.web.store.operator_tokens import Right, rights_of
from matinee.web.store.visitors import add_visitor
from tests.end_to_end.conftest import COMMAND, Outcome

Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def cinema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_in_model(tmp_path_factory.mktemp("cinema"))


def test_the_built_in_cinema_is_fitted_once(tmp_path: Path) -> None:
    first = built_in_model(tmp_path / "new")
    written = first.stat().st_mtime_ns
    assert built_in_model(tmp_path / "new") == first
    assert first.stat().st_mtime_ns == written
    assert len(library.load(first).item_index_) == library.load_dataset("demo").n_items


def test_retrain_and_export_say_what_they_did(matinee: Run, cinema: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    store = Store(url)
    upgrade(store)
    with store.writing() as session:
        number = add_visitor(session).id
        ratings_log.rate(session, number, "1", 4.5)
    store.close()
    model = Path(shutil.copy(cinema, tmp_path / "model.safetensors"))
    found = matinee(
        "retrain", "--model", model, "--ratings", "demo", "--database", url, "--margin", 1, "--json"
    ).json
    assert (found["swapped"], found["n_visitors"]) == (True, 1)
    assert found["new"] <= found["old"] + 1
    written = matinee("export", "-o", tmp_path / "ratings.csv", "--database", url, "--json").json
    assert written["ratings"] == 1
    with (tmp_path / "ratings.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["userId"], row["movieId"], row["rating"]) == (str(-number), "1", "4.5")


def test_an_operators_token_is_made_listed_and_revoked(matinee: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    upgrade(store := Store(url))
    made = matinee("token", "nightly job", "--right", "users", "--database", url).out.strip()
    with store.reading() as session:
        assert rights_of(session, made) == {Right.USERS}
    again = matinee("token", "nightly job", "--right", "users", "--database", url)
    assert (again.status, again.err.count("\n")) == (2, 1)
    assert "already a token 'nightly job'" in again.err
    assert matinee("token", "--database", url, "--json").json["tokens"] == [
        {"name": "nightly job", "rights": ["users"]}
    ]
    assert matinee("token", "nightly job", "--revoke", "--database", url).status == 0
    with store.reading() as session:
        assert rights_of(session, made) is None
    store.close()
    assert "there are no tokens" in matinee("token", "--database", url).out
    for options, said in (
        (["nightly job", "--revoke"], "there is no token 'nightly job'"),
        (["other"], "needs a --right; expected one of: users, events"),
        (["other", "--right", "everything"], "expected one of: users, events"),
        (["--right", "users"], "need the NAME"),
    ):
        outcome = matinee("token", *options, "--database", url)
        assert (outcome.status, outcome.err.count("\n")) == (2, 1)
        assert said in outcome.err


def test_events_are_followed_through_a_pipe(matinee: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    upgrade(store := Store(url))

    def rate(item: str) -> None:
        with store.writing() as session:
            ratings_log.rate(session, number, item, 4.5)

    with store.writing() as session:
        number = add_visitor(session).id
    rate("1")
    first = json.loads(matinee("events", "--database", url).out)
    assert (first["kind"], first["visitor"], first["item"], first["rating"]) == ("rated", number, "1", 4.5)
    assert matinee("events", "--after", first["cursor"], "--database", url).out == ""
    command = [COMMAND, "events", "--follow", "--database", url]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline()) == first
        rate("2")
        assert json.loads(following.stdout.readline())["item"] == "2"
        following.terminate()
    store.close()


def test_a_database_moves_through_a_file(matinee: Run, tmp_path: Path) -> None:
    old, new = (f"sqlite:///{tmp_path / name}" for name in ("old.sqlite3", "new.sqlite3"))
    upgrade(store := Store(old))
    with store.writing() as session:
        ratings_log.rate(session, add_visitor(session).id, "1", 4.5)
    store.close()
    copy = tmp_path / "copy.jsonl"
    written = matinee("export", "-o", copy, "--database", old, "--json").json["rows"]
    assert (written["visitor"], written["rating"], written["event"]) == (1, 1, 1)
    assert matinee("import", copy, "--database", new, "--json").json["rows"] == written
    again = matinee("import", copy, "--database", new)
    assert (again.status, again.err.count("\n")) == (2, 1)
    assert "already has rows" in again.err


def test_retraining_goes_on_until_it_is_stopped_whatever_goes_wrong(
    matinee: Run, cinema: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    upgrade(store := Store(url))
    store.close()
    model = Path(shutil.copy(cinema, tmp_path / "model.safetensors"))
    for wrong in ("soon", "0h", "6", "-1h"):
        outcome = matinee(
            "retrain", "--model", model, "--ratings", "demo", f"--every={wrong}", "--database", url
        )
        assert outcome.status == 2 and "expected one such as 30m, 6h or 1d" in outcome.err
    command = [COMMAND, "retrain", "--model", model, "--ratings", tmp_path / "ratings.csv", "--database", url]
    with subprocess.Popen(
        [*map(str, command), "--every", "1s"], stderr=subprocess.PIPE, text=True
    ) as retraining:
        assert retraining.stderr is not None
        for _ in range(2):
            assert "ratings.csv" in retraining.stderr.readline()
        retraining.terminate()


def test_serve_says_what_is_wrong_before_it_begins(matinee: Run, cinema: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = matinee("serve", "--model", cinema, "--folder", tmp_path, "--port", port)
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{port}" in outcome.err
    for options, said in (
        (["--movies", "demo"], "--movies needs --model"),
        (["--model", tmp_path / "none"], "none cannot be read"),
        (["--model", cinema, "--database", "mysql://x/y"], "expected sqlite:///path"),
        (["--model", cinema, "--rate-limit", "often"], "'often' is no rate limit"),
    ):
        outcome = matinee("serve", *options, "--folder", tmp_path)
        assert (outcome.status, outcome.err.count("\n")) == (2, 1), outcome.err
        assert said in outcome.err


def test_without_the_extra_the_command_names_it(
    matinee: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # To be what it was, once this is over.
    monkeypatch.setattr(library, "web", library.web)  # type: ignore[attr-defined]
    for name in [name for name in sys.modules if name.startswith("matinee.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    outcome = matinee("serve", "--folder", tmp_path)
    assert outcome.status == 2
    assert 'python -m pip install "matinee[web]"' in outcome.err


def test_a_database_that_is_not_there_is_not_made(matinee: Run, cinema: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mistyped.sqlite3'}"
    output = tmp_path / "visitors.csv"
    for command in (
        ["retrain", "--model", cinema, "--ratings", "demo", "--database", url],
        ["export", "-o", output, "--database", url],
    ):
        outcome = matinee(*command)
        assert outcome.status == 2
        assert "there is no database" in outcome.err
    assert list(tmp_path.iterdir()) == []
