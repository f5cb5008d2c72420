"""Factors as tables with ids, in memory and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as parquet
import pytest

import matinee
from matinee.cli import run
from matinee.errors import DataError, NotFittedError
from matinee.models import factor_tables

from ..conftest import random_ratings


@pytest.fixture(scope="module")
def model() -> Any:
    return matinee.ALS(n_factors=3, n_iterations=3).fit(random_ratings())


def test_a_prediction_is_the_mean_both_biases_and_the_product_of_the_lists(
    model: Any, tmp_path: Path
) -> None:
    paths = matinee.write_factors(model, tmp_path / "made" / "here")
    assert paths == (
        tmp_path / "made" / "here" / "users.parquet",
        tmp_path / "made" / "here" / "items.parquet",
    )
    # As somebody without Matinee reads them.
    users, items = (pd.read_parquet(path) for path in paths)
    assert [list(table.columns) for table in (users, items)] == [
        ["user", "bias", "factors"],
        ["item", "bias", "factors"],
    ]
    mean = float(parquet.read_metadata(paths[1]).metadata[b"matinee.mean"])
    low, high = model.rating_range_
    for row in (0, 7, len(users) - 1):
        user = users.iloc[row]
        products = np.stack(items["factors"].to_list()) @ user["factors"]
        expected = np.clip(mean + user["bias"] + items["bias"] + products, low, high)
        found = model.predict(int(user["user"]), items["item"].to_numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_ids_that_are_text_stay_text(tmp_path: Path) -> None:
    frame = random_ratings().to_frame().with_columns(item=pl.format("film {}", "item"))
    model = matinee.ImplicitALS(n_factors=2, n_iterations=2).fit(matinee.Ratings.from_frame(frame))
    table = matinee.factors_frame(model)
    assert table.schema == {"item": pl.String, "bias": pl.Float32, "factors": pl.List(pl.Float32)}
    assert table["item"].to_list() == sorted(set(frame["item"]))
    np.testing.assert_array_equal(np.stack(table["factors"].to_list()), model.item_factors_)
    assert table["bias"].to_list() == [0.0] * len(table)
    assert pl.read_parquet(matinee.write_factors(model, tmp_path)[1]).equals(table)


def test_of_a_recommender_they_are_those_of_its_star_model(model: Any) -> None:
    few: dict[str, Any] = {"n_factors": 2, "n_iterations": 2}
    both = matinee.Recommender(watch=matinee.ImplicitALS(**few), stars=matinee.ALS(**few))
    both.fit(random_ratings())
    assert matinee.factors_frame(both, "user").equals(matinee.factors_frame(both.stars_model_, "user"))
    watch = matinee.factors_frame(both.watch_models_[0])
    assert not watch.equals(matinee.factors_frame(both))


def test_files_that_cannot_be_written_leave_the_old_ones_both(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [path.read_bytes() for path in matinee.write_factors(model, tmp_path)]
    whole = factor_tables.factors_frame

    def fails_for_items(model: Any, side: Any) -> pl.DataFrame:
        if side == "item":
            raise OSError("No space left on device")
        return whole(model, side).head(1)

    monkeypatch.setattr(factor_tables, "factors_frame", fails_for_items)
    with pytest.raises(DataError, match=r"items\.parquet cannot be written: No space left"):
        matinee.write_factors(model, tmp_path)
    assert [(tmp_path / f"{name}.parquet").read_bytes() for name in ("users", "items")] == old
    assert len(list(tmp_path.iterdir())) == 2


def test_what_has_no_factors_to_give_is_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="this ALS has not been fitted"):
        matinee.factors_frame(matinee.ALS())
    ridge = matinee.ItemRidge(regularization=1).fit(random_ratings())
    with pytest.raises(DataError, match="expected a model with factors, such as ALS, got ItemRidge"):
        matinee.write_factors(ridge, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(DataError, match='side=\'movie\'; expected "user" or "item"'):
        matinee.factors_frame(model, "movie")  # type: ignore[arg-type]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="file cannot be made a folder"):
        matinee.write_factors(model, tmp_path / "file")


def test_the_command_writes_the_same_files_and_says_where(
    model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "model")
    assert run(["factors", str(tmp_path / "model"), "-o", str(tmp_path / "out")]) == 0
    expected = [path.read_bytes() for path in matinee.write_factors(model, tmp_path / "same")]
    assert [(tmp_path / "out" / f"{name}.parquet").read_bytes() for name in ("users", "items")] == expected
    n_users, n_items = len(model.user_factors_), len(model.item_factors_)
    assert capsys.readouterr().out.splitlines() == [
        f"users  {n_users:,} rows of 3 factors of ALS in {tmp_path}/out/users.parquet",
        f"items  {n_items:,} rows of 3 factors of ALS in {tmp_path}/out/items.parquet",
    ]
    assert run(["factors", str(tmp_path / "model"), "-o", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "model": "ALS",
        "factors": 3,
        "mean": model.mean_,
        "users": {"path": f"{tmp_path}/out/users.parquet", "rows": n_users},
        "items": {"path": f"{tmp_path}/out/items.parquet", "rows": n_items},
    }


def test_the_command_refuses_a_model_without_factors_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matinee.ItemRidge(regularization=1).fit(random_ratings()).save(tmp_path / "ridge")
    assert run(["factors", str(tmp_path / "ridge"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr() == ("", "matinee: expected a model with factors, such as ALS, got ItemRidge\n")
