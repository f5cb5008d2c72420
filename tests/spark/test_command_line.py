"""``matinee fit --spark``: once as a command of its own, and in this process for what needs no other one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import matinee
from tests.conftest import random_ratings
from tests.end_to_end.conftest import Outcome, run_command
from tests.spark.standalone import JAVA_OPTIONS

# The real command starts a session of its own, so that it is as quick as the others only with these.
ENVIRONMENT = {"SPARK_SUBMIT_OPTS": JAVA_OPTIONS, "SPARK_LAUNCHER_OPTS": JAVA_OPTIONS}


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two Parquet files with the usual names of columns."""
    folder = tmp_path_factory.mktemp("ratings.parquet")
    frame = random_ratings(90, 60).to_frame().rename({"user": "userId", "item": "movieId"})
    for part in range(2):
        frame.gather_every(2, part).write_parquet(folder / f"part-{part}.parquet")
    return folder


def test_a_model_is_fitted_and_tested_on_spark(parquet: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.safetensors"
    arguments = ("fit", "--spark", "local[2]", parquet, "-o", output, "--factors", 4)
    options = ("--iterations", 3, "--json")
    done = run_command(*arguments, *options, env=os.environ | ENVIRONMENT)
    found = done.json
    ratings = random_ratings(90, 60)
    assert found["n_train"] + found["n_test"] == len(ratings)
    assert found["n_test"] == pytest.approx(0.2 * len(ratings), rel=0.2)
    model = matinee.load(output)
    assert isinstance(model, matinee.ALS)
    assert model.n_factors == 4
    # Nothing was held out that was trained on, and the error is that of the model in the file.
    held_out = {(row["user"], row["item"]) for row in ratings.to_frame().to_dicts()}
    trained = matinee.Ratings(model.user_index_, model.item_index_, model.rated_).to_frame()
    test = list(held_out - set(zip(trained["user"], trained["item"], strict=True)))
    assert len(test) == found["n_test"]
    values = {(row["user"], row["item"]): row["rating"] for row in ratings.to_frame().to_dicts()}
    users, items = zip(*test, strict=True)
    tested = matinee.Ratings.from_arrays(users, items, [values[pair] for pair in test])
    assert matinee.evaluate(model, tested).rmse == pytest.approx(found["test"]["rmse"])


def test_a_model_can_be_left_where_spark_writes(
    command: Callable[..., Outcome], parquet: Path, tmp_path: Path
) -> None:
    done = command(
        *("fit", "--spark", "local[2]", parquet, "-o", f"file://{tmp_path}/model", "--factors", 4),
        *("--iterations", 2, "--test-size", 0, "--checkpoints", tmp_path / "checkpoints"),
    )
    assert done.status == 0, done.err
    assert "a folder" in done.out
    (users,) = (tmp_path / "model").glob("save-*/users.parquet")
    found = pl.read_parquet(users / "*.parquet")
    assert sorted(found["user"]) == random_ratings(90, 60).to_frame()["user"].unique().sort().to_list()
    assert {len(row) for row in found["factors"]} == {4}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "bayes"], "expected ALS or ImplicitALS, got BayesianALS"),
        (["--split", "time"], "--split time does not work with --spark; expected random"),
        (["--test-size", "100"], "--test-size 100 does not work with --spark; expected a share"),
    ],
)
def test_what_is_not_done_on_spark_is_refused(
    command: Callable[..., Outcome], parquet: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = command("fit", "--spark", "local[2]", parquet, "-o", tmp_path / "model", *arguments)
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_column_of_weights_counts(command: Callable[..., Outcome], tmp_path: Path) -> None:
    path, model = tmp_path / "weighted.parquet", tmp_path / "model.safetensors"
    frame = random_ratings().to_frame()
    frame.with_columns(weight=pl.int_range(len(frame)) % 3).write_parquet(path)
    done = command("fit", "--spark", "local[2]", path, "-o", model, "--iterations", "2", "--test-size", "0.2")
    assert done.status == 0, done.err
    weights = matinee.load(model).rated_.weights
    assert weights is not None
    assert set(weights.tolist()) == {1.0, 2.0}
    assert 0.4 * len(frame) < len(weights) < 0.67 * len(frame)
