"""A fit on Spark gives what a fit on one machine gives: with two threads of it, and on a real cluster."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import matinee
from matinee import ALS, DataError, ImplicitALS, Model, Ratings
from matinee.ratings.rows import same_rows
from matinee.solving.history import Iteration
from tests.conftest import random_ratings

MODELS = {
    "explicit": lambda: ALS(n_factors=5, n_iterations=2),
    "without biases": lambda: ALS(n_factors=16, n_iterations=2, biases=False, weighting="none"),
    "implicit": lambda: ImplicitALS(n_factors=6, n_iterations=2),
    "implicit, presence": lambda: ImplicitALS(n_factors=6, n_iterations=2, values="presence"),
    "implicit, threshold": lambda: ImplicitALS(n_factors=6, n_iterations=2, threshold=3.0),
    "implicit, graded": lambda: ImplicitALS(n_factors=6, n_iterations=2, grading=0.3, unobserved_weight=0.4),
    "conjugate gradients": lambda: ImplicitALS(n_factors=6, n_iterations=2, solver="cg"),
    "subspaces": lambda: ImplicitALS(n_factors=6, n_iterations=2, solver="subspace"),
}


def starting_factors(ratings: Ratings, model: Model) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    rank = model.get_params()["n_factors"]
    shapes = ((ratings.n_users, rank), (ratings.n_items, rank))
    users, items = (random.normal(scale=0.3, size=shape).astype(np.float32) for shape in shapes)
    return users, items


def on_cluster(spark: SparkSession, ratings: Ratings) -> DataFrame:
    """The ratings in four parts, in no order."""
    return spark.createDataFrame(ratings.to_frame().to_arrow()).repartition(4)


def assert_same_fit(found: Model, expected: Model) -> None:
    """To 1e-4, and what is not computed exactly."""
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-4, err_msg=name)
    assert found.user_index_ == expected.user_index_
    assert found.item_index_ == expected.item_index_
    assert same_rows(found.rated_, expected.rated_)
    assert found.mean_ == pytest.approx(expected.mean_)
    assert found.rating_range_ == expected.rating_range_
    objectives = [[record.objective for record in each.history_] for each in (found, expected)]
    np.testing.assert_allclose(*objectives, rtol=1e-5)


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    return random_ratings(90, 60)


# What is made of a rating does not depend on the exchange, and solvers that go on from the factors before
# are sent them alike.
@pytest.mark.parametrize(
    ("name", "exchange"),
    [
        *((name, "broadcast") for name in MODELS),
        *(
            (name, "routed")
            for name in ("explicit", "without biases", "implicit, graded", "conjugate gradients")
        ),
    ],
)
def test_the_factors_are_those_of_one_machine(
    spark: SparkSession, ratings: Ratings, name: str, exchange: Any
) -> None:
    expected = MODELS[name]()
    start = starting_factors(ratings, expected)
    expected.fit(ratings, start=start)
    found = matinee.spark.fit(
        MODELS[name](), on_cluster(spark, ratings), start=start, exchange=exchange, n_blocks=3
    )
    assert_same_fit(found, expected)
    assert found.recommend(ratings.users[3], n=5) == expected.recommend(ratings.users[3], n=5)


def weighted_frame(ratings: Ratings) -> pl.DataFrame:
    """The ratings with weights, some of them 0; a user and an item of no other weights; pairs that repeat."""
    generator = np.random.default_rng(2)
    frame = ratings.to_frame()
    weights = generator.choice([0.0, 0.25, 0.5, 1.0, 3.0], len(frame)).astype(np.float32)
    frame = frame.with_columns(weight=pl.Series(weights))
    frame = frame.with_columns(
        weight=pl.when((pl.col("user") == ratings.users[0]) | (pl.col("item") == ratings.items[0]))
        .then(0.0)
        .otherwise("weight")
    )
    changed = frame.sample(40, seed=1).with_columns(
        rating=5.5 - pl.col("rating"), weight=pl.col("weight") * 2
    )
    return pl.concat([frame, changed.cast(frame.schema)])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("explicit", {"exchange": "broadcast", "n_blocks": 3}),
        ("without biases", {"exchange": "routed", "n_blocks": 3, "result": "frames"}),
        ("implicit, graded", {"exchange": "routed", "n_blocks": 3}),
        ("implicit", {"result": "frames"}),
        ("explicit", {"duplicates": "mean"}),
    ],
)
def test_weights_count_as_on_one_machine(
    spark: SparkSession, ratings: Ratings, name: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    frame = weighted_frame(ratings)
    duplicates = arguments.get("duplicates", "last")
    expected = MODELS[name]()
    together = Ratings.from_frame(frame, weight="weight", duplicates=duplicates)
    assert together.n_users == ratings.n_users - 1
    start = starting_factors(together, expected)
    expected.fit(together, start=start)
    # Repeated pairs come in the order of the rows, so there is one partition.
    given = spark.createDataFrame(frame.to_arrow()).coalesce(1)
    found = matinee.spark.fit(MODELS[name](), given, weight="weight", start=start, **arguments)
    if isinstance(found, matinee.spark.SparkModel):
        found.save(tmp_path / "model")
        found = matinee.spark.load(spark, tmp_path / "model").to_model()
    assert_same_fit(found, expected)
    errors = [[record.train_rmse or 0.0 for record in each.history_] for each in (found, expected)]
    np.testing.assert_allclose(*errors, rtol=1e-5)
    reasons = [each.explain(together.users[3], together.items[5]) for each in (found, expected)]
    assert reasons[0].score == pytest.approx(reasons[1].score, abs=1e-3)


def test_weights_that_are_all_0_are_refused(spark: SparkSession, ratings: Ratings) -> None:
    frame = on_cluster(spark, ratings).withColumn("w", F.lit(0))
    with pytest.raises(DataError, match="every rating has the weight 0; expected at least one that counts"):
        matinee.spark.fit(ALS(), frame, weight="w")


@pytest.mark.parametrize("kind", ["user_features", "item_features"])
def test_features_are_refused(spark: SparkSession, ratings: Ratings, kind: str) -> None:
    frame = pd.DataFrame({"id": ratings.users, "age": np.arange(ratings.n_users)})
    with pytest.raises(DataError, match="a cluster learns nothing from features; leave them out"):
        matinee.spark.fit(ALS(), on_cluster(spark, ratings), **{kind: frame})
    items = pd.DataFrame({"id": ratings.items, "age": np.arange(ratings.n_items)})
    fitted = ALS(n_factors=3, n_iterations=2).fit(ratings, item_features=items)
    with pytest.raises(DataError, match="fitted with features, which a cluster knows nothing of"):
        matinee.spark.SparkModel.from_model(spark, fitted)
    again = matinee.spark.fit(fitted, on_cluster(spark, ratings), result="model")
    assert isinstance(again, ALS)
    assert again.item_knowledge_ is None


def test_without_a_start_the_seed_gives_the_same_factors_too(spark: SparkSession, ratings: Ratings) -> None:
    frame = on_cluster(spark, ratings)
    found = matinee.spark.fit(ALS(random_state=7, n_iterations=2), frame, exchange="broadcast")
    assert_same_fit(found, ALS(random_state=7, n_iterations=2).fit(ratings))


@pytest.mark.parametrize(("name", "result"), [("implicit", "auto"), ("explicit", "frames")])
def test_the_driver_does_a_small_fit_with_the_same_answer(
    spark: SparkSession, ratings: Ratings, name: str, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected = MODELS[name]().fit(ratings)
    with caplog.at_level(logging.INFO, logger="matinee.spark"):
        found = matinee.spark.fit(MODELS[name](), on_cluster(spark, ratings), result=result)
    assert_same_fit(found.to_model() if result == "frames" else found, expected)
    # No half-step was a job of its own.
    assert not [record for record in caplog.records if hasattr(record, "side")]


def test_momentum_gives_the_same_factors_too(spark: SparkSession, ratings: Ratings) -> None:
    parameters: dict[str, Any] = {"n_factors": 6, "n_iterations": 4, "momentum": 0.6}
    frame = on_cluster(spark, ratings)
    found = matinee.spark.fit(ImplicitALS(**parameters), frame, n_blocks=2)
    assert_same_fit(found, ImplicitALS(**parameters).fit(ratings))


def test_routed_factors_start_the_same_however_many_blocks_there_are(
    spark: SparkSession, ratings: Ratings
) -> None:
    one, other = (
        matinee.spark.fit(
            ALS(n_factors=4, n_iterations=1, random_state=3),
            on_cluster(spark, ratings),
            exchange="routed",
            n_blocks=n_blocks,
        )
        for n_blocks in (1, 4)
    )
    assert_same_fit(one, other)
    assert np.abs(one.item_factors_).max() > 0.01


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("strings", {}),
        ("whole floats", {}),
        ("strings", {"n_blocks": 2}),
        ("wide integers", {"n_blocks": 2}),
        ("strings", {"exchange": "routed", "n_blocks": 1}),
        ("wide integers", {"exchange": "routed", "n_blocks": 1}),
    ],
    ids=str,
)
def test_ids_of_any_kind_are_encoded_in_their_order(
    spark: SparkSession, ratings: Ratings, kind: str, arguments: dict[str, Any]
) -> None:
    frame = ratings.to_frame().to_pandas()
    if kind == "strings":
        frame["user"] = [f"ü{user}-Ω" if user % 2 else f"{user}" for user in frame["user"]]
        frame["item"] = frame["item"].astype(str)
    elif kind == "wide integers":
        frame["user"] = frame["user"] * 2**54 // 3 - 2**62
    else:
        frame["user"] = frame["user"].astype(float)
    together = Ratings.from_frame(frame)
    start = starting_factors(together, ALS(n_factors=4))
    expected = ALS(n_factors=4, n_iterations=1).fit(together, start=start)
    model = ALS(n_factors=4, n_iterations=1)
    found = matinee.spark.fit(model, spark.createDataFrame(frame), start=start, **arguments)
    assert_same_fit(found, expected)


def test_columns_have_any_names_and_none_is_needed_for_presence(
    spark: SparkSession, ratings: Ratings
) -> None:
    frame = ratings.to_frame().to_pandas().rename(columns={"user": "who is it?", "item": "a.b`c"})
    names: dict[str, Any] = {"user": "who is it?", "item": "a.b`c", "rating": None}
    model = ImplicitALS(n_factors=4, n_iterations=2)
    expected = ImplicitALS(n_factors=4, n_iterations=2).fit(Ratings.from_frame(frame, **names))
    assert_same_fit(matinee.spark.fit(model, spark.createDataFrame(frame), **names), expected)


@pytest.mark.parametrize("duplicates", ["last", "first", "mean", "sum"])
def test_ratings_of_one_pair_are_made_one_as_on_one_machine(spark: SparkSession, duplicates: Any) -> None:
    random = np.random.default_rng(0)
    columns = {
        "user": random.integers(0, 12, size=400),
        "item": random.integers(0, 9, size=400),
        "rating": random.integers(1, 11, size=400) / 2,
    }
    expected = Ratings.from_arrays(*columns.values(), duplicates=duplicates)
    # One part, whose rows are in order.
    frame = spark.createDataFrame(pd.DataFrame(columns)).coalesce(1)
    found = matinee.spark.fit(ALS(n_factors=2, n_iterations=1), frame, duplicates=duplicates, n_blocks=2)
    assert all(map(np.array_equal, found.rated_, expected.by_user))


@pytest.mark.parametrize("arguments", [{}, {"n_blocks": 1}], ids=["driver", "blocks"])
def test_callback_and_tolerance_end_a_fit(
    spark: SparkSession, ratings: Ratings, arguments: dict[str, Any]
) -> None:
    records: list[Iteration] = []
    frame = on_cluster(spark, ratings)
    found = matinee.spark.fit(
        ALS(n_iterations=9),
        frame,
        callback=lambda record: records.append(record) or len(records) == 2,  # type: ignore[func-returns-value]
        **arguments,
    )
    assert [record.iteration for record in found.history_] == [1, 2]
    assert records == found.history_
    expected = ALS(n_iterations=50, tolerance=0.01).fit(ratings)
    stopped = matinee.spark.fit(ALS(n_iterations=50, tolerance=0.01), frame, **arguments)
    assert len(stopped.history_) == len(expected.history_) < 50
    assert stopped.history_[-1].train_rmse == pytest.approx(expected.history_[-1].train_rmse)


def test_every_half_step_says_how_long_each_block_took(
    spark: SparkSession, ratings: Ratings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="matinee.spark"):
        matinee.spark.fit(ALS(n_iterations=2), on_cluster(spark, ratings), n_blocks=3)
    sides = [record.side for record in caplog.records if hasattr(record, "side")]
    assert sides == ["users", "items", "users", "items", "users"]
    for record in caplog.records:
        assert len(record.block_seconds) == 3  # type: ignore[attr-defined]
        assert 0 < max(record.block_seconds) < record.seconds  # type: ignore[attr-defined]


def test_many_iterations_do_not_grow_what_spark_plans(spark: SparkSession, tmp_path: Path) -> None:
    tracker = spark.sparkContext.statusTracker()
    n_stages: list[int] = []

    def count(record: Iteration) -> None:
        latest = max(tracker.getJobIdsForGroup(None))
        job = tracker.getJobInfo(latest)
        n_stages.append(len(job.stageIds) if job is not None else 0)

    ratings = random_ratings(20, 15)
    model = ALS(n_factors=2, n_iterations=24)
    start = starting_factors(ratings, model)
    folder = tmp_path / "checkpoints"
    found = matinee.spark.fit(
        model,
        on_cluster(spark, ratings),
        start=start,
        exchange="routed",
        n_blocks=1,
        checkpoint_folder=str(folder),
        callback=count,
    )
    assert_same_fit(found, ALS(n_factors=2, n_iterations=24).fit(ratings, start=start))
    assert len(n_stages) == 24
    assert max(n_stages[12:]) <= max(n_stages[:10])
    # Nor are the folders of old factors left.
    assert list(folder.rglob("rdd-*")) == []


@pytest.mark.parametrize(("name", "exchange"), [("conjugate gradients", "broadcast"), ("explicit", "routed")])
def test_the_factors_are_the_same_on_a_cluster(
    cluster_spark: SparkSession, ratings: Ratings, name: str, exchange: Any, tmp_path: Path
) -> None:
    expected = MODELS[name]()
    start = starting_factors(ratings, expected)
    found = matinee.spark.fit(
        MODELS[name](),
        on_cluster(cluster_spark, ratings),
        start=start,
        exchange=exchange,
        checkpoint_folder=str(tmp_path),
    )
    assert_same_fit(found, expected.fit(ratings, start=start))


def test_on_a_cluster_routed_factors_want_a_folder(cluster_spark: SparkSession, ratings: Ratings) -> None:
    # An earlier fit has named one for the session.
    java: Any = cluster_spark.sparkContext._jsc.sc()
    java.setCheckpointDir(None)
    with pytest.raises(DataError, match="name one: checkpoint_folder="):
        matinee.spark.fit(ALS(), on_cluster(cluster_spark, ratings), exchange="routed")
