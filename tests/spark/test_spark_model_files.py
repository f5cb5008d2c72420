"""A model on a cluster comes back from its folder as it went in, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from matinee.errors import ModelFileError
from matinee.models import ALS
from matinee.spark import SparkModel, load
from matinee.spark.answers.saving import METADATA
from tests.conftest import random_ratings
from tests.spark.models import collected, fitted, spread


@pytest.fixture(scope="module")
def model(spark: SparkSession) -> SparkModel:
    return spread(spark, fitted("ALS"), 5)


@pytest.fixture(scope="module")
def saved(model: SparkModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    model.save(path)
    return path


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """The folder, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def only_save(path: Path) -> Path:
    (found,) = path.glob("save-*")
    return found


def rewritten(spark: SparkSession, path: Path, change: Callable[[dict], object]) -> None:
    """Change the metadata of a save."""
    folder = only_save(path) / "metadata.parquet"
    row = spark.read.parquet(str(folder)).collect()[0].asDict()
    row["header"] = json.loads(row["header"])
    change(row)
    row["header"] = json.dumps(row["header"])
    # A new folder, as Spark reads the old one for as long as it may.
    spark.createDataFrame([row], METADATA).write.parquet(str(folder) + ".new")
    shutil.rmtree(folder)
    Path(str(folder) + ".new").rename(folder)


def interrupted(model: SparkModel) -> SparkModel:
    """A model whose items cannot be worked out, as when a cluster goes away in the middle of a save."""
    lost = model.items.withColumn("bias", F.raise_error(F.lit("gone")).cast("float"))
    return SparkModel(
        ALS(n_factors=3),
        users=model.users,
        items=lost,
        mean=1.0,
        rating_range=(0.5, 5.0),
        history=[],
    )


@pytest.mark.parametrize("kind", ["ALS", "ImplicitALS"])
def test_saving_and_loading_is_the_identity(kind: str, spark: SparkSession, tmp_path: Path) -> None:
    model = spread(spark, fitted(kind), 5)
    model.save(tmp_path / "a model")
    found = load(spark, str(tmp_path / "a model"))
    assert repr(found) == repr(model)
    assert found.n_buckets == 5
    assert (found.mean_, found.rating_range_) == (model.mean_, model.rating_range_)
    assert found.history_ == model.history_
    assert found.get_params() == model.get_params()
    for table, key in (("users", "user"), ("items", "item")):
        back, there = (collected(getattr(each, table), key) for each in (found, model))
        assert back.equals(there)


def test_a_model_is_replaced_only_if_so_wished(spark: SparkSession, copied: Path) -> None:
    other = spread(spark, ALS(n_factors=2, n_iterations=2).fit(random_ratings(seed=3)), 3)
    with pytest.raises(ModelFileError, match=r"contains a model; .* or with overwrite=True"):
        other.save(copied)
    assert load(spark, copied).n_factors == 3
    old = only_save(copied)
    other.save(copied, overwrite=True)
    assert load(spark, copied).n_factors == 2
    assert not old.exists()
    assert only_save(copied)


def test_an_interrupted_save_is_no_model(model: SparkModel, spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "model"
    with pytest.raises(ModelFileError, match=r"model cannot be written: "):
        interrupted(model).save(path)
    assert (only_save(path) / "users.parquet").exists()
    with pytest.raises(ModelFileError, match=r"contains no complete model"):
        load(spark, path)
    model.save(path)
    assert load(spark, path).n_factors == 3
    assert only_save(path)


def test_an_interrupted_save_leaves_the_model_that_was_there(
    model: SparkModel, spark: SparkSession, copied: Path
) -> None:
    with pytest.raises(ModelFileError, match=r"model cannot be written: "):
        interrupted(model).save(copied, overwrite=True)
    found = load(spark, copied)
    assert found.mean_ == model.mean_
    assert collected(found.users, "user").equals(collected(model.users, "user"))


def test_a_model_is_not_saved_over_itself(spark: SparkSession, copied: Path) -> None:
    found = load(spark, copied)
    with pytest.raises(ModelFileError, match=r"this model was loaded from"):
        found.save(copied, overwrite=True)
    assert found.users.count() == 60


def test_a_folder_that_is_not_there_or_cannot_be_written_is_named(
    model: SparkModel, spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(
        ModelFileError, match=r"nowhere contains no complete model; expected a folder written"
    ):
        load(spark, tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFileError, match=r"file cannot be "):
        model.save(tmp_path / "file")
    with pytest.raises(ModelFileError, match=r"nosuch://there/model cannot be read: .*nosuch"):
        load(spark, "nosuch://there/model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda row: row.update(format_version=2),
            "has format version 2; this Matinee reads up to 1: install",
        ),
        (lambda row: row["header"].update(model="BayesianALS"), "is damaged .*BayesianALS"),
        (
            lambda row: row["header"]["parameters"].update(colour="red"),
            "is damaged .*the parameters of ALS are",
        ),
        (lambda row: row["header"]["parameters"].update(n_factors=0), "is damaged .*n_factors=0"),
        (lambda row: row["header"].update(mean="high"), "is damaged .*mean='high'"),
        (lambda row: row["header"].update(n_users=61), "is damaged .*it has 60 of 61 users; save"),
        (lambda row: row["header"].update(n_buckets=0), "is damaged .*n_buckets=0"),
    ],
)
def test_metadata_that_is_not_right_is_refused(
    spark: SparkSession, copied: Path, change: Callable[[dict], object], message: str
) -> None:
    rewritten(spark, copied, change)
    with pytest.raises(ModelFileError, match=message):
        load(spark, copied)


def test_tables_that_are_not_right_are_refused(spark: SparkSession, copied: Path) -> None:
    items, users = (only_save(copied) / f"{name}.parquet" for name in ("items", "users"))
    renamed = spark.read.parquet(str(items)).withColumnRenamed("bias", "tilt")
    renamed.write.parquet(str(items) + ".new")
    shutil.rmtree(items)
    Path(str(items) + ".new").rename(items)
    with pytest.raises(ModelFileError, match=r"is damaged .*items need a column 'bias' of type float"):
        load(spark, copied)
    for part in users.glob("part-*"):
        part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(ModelFileError, match=r"is damaged "):
        load(spark, copied)
    shutil.rmtree(users)
    with pytest.raises(ModelFileError, match=r"is damaged .*users.parquet"):
        load(spark, copied)
