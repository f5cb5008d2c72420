"""A fit on Spark that leaves its factors there, and frames that cannot be fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import matinee
from matinee import ALS, BayesianALS, DataError, ImplicitALS, Ratings
from matinee.ratings.rows import same_rows
from matinee.spark.fitting import fitting, planning, preparation
from tests.conftest import random_ratings
from tests.spark.test_fit import assert_same_fit, on_cluster, starting_factors


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    return random_ratings(90, 60)


@pytest.mark.parametrize("exchange", ["broadcast", "routed"])
@pytest.mark.parametrize(
    "model", [ALS(n_factors=5, n_iterations=2), ImplicitALS(n_factors=4, n_iterations=2, solver="cg")]
)
def test_factors_left_on_the_cluster_are_those_of_one_machine(
    spark: SparkSession, ratings: Ratings, model: Any, exchange: Any, tmp_path: Path
) -> None:
    start = starting_factors(ratings, model)
    expected = type(model)(**model.get_params()).fit(ratings, start=start)
    frame = on_cluster(spark, ratings)
    found = matinee.spark.fit(model, frame, start=start, exchange=exchange, result="frames", n_blocks=3)
    assert isinstance(found, matinee.spark.SparkModel)
    assert found.get_params() == expected.get_params()
    assert not hasattr(model, "item_factors_")
    assert_same_fit(found.to_model(), expected)
    lists = pl.DataFrame(pl.from_arrow(found.recommend_all(5).toArrow())).sort("user", "rank")
    wanted = expected.recommend_all(n=5).sort("user", "rank")
    assert lists["item"].to_list() == wanted["item"].to_list()
    found.save(tmp_path / "model")
    assert_same_fit(matinee.spark.load(spark, tmp_path / "model").to_model(), expected)


GOOD = {"user": [1, 1, 2], "item": [7, 8, 7], "rating": [3.0, 4.0, 5.0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rating": [3.0, float("nan"), float("nan")]}, r"2 of 3 rows, one of them \(user \d, item \d"),
        ({"rating": [3.0, None, 5.0]}, "missing or not a number"),
        ({"rating": [3.0, float("inf"), 5.0]}, r"user 1, item 8, rating inf\): the rating is infinite"),
        ({"rating": [3.0, 1e300, 5.0]}, "the rating is beyond 1e[+]15"),
        ({"rating": ["3", "4", "5"]}, "ratings are of type string; expected numbers"),
        (
            {"weight": [1.0, -0.5, 2.0]},
            r"1 of 3 rows.*weight -0.5\): the weight is negative; expected a number",
        ),
        ({"weight": [1.0, float("nan"), 2.0]}, "the weight is missing or not a number"),
        ({"weight": [1.0, 1.0, 2e9]}, "the weight is beyond 1e[+]09; expected a number from 0 to 1e[+]09"),
        ({"weight": ["1", "2", "3"]}, "weights are of type string; expected numbers"),
        ({"user": [1.0, 1.5, 2.0]}, "1 of 3 rows.*user 1.5.*user is not a whole number"),
        ({"user": [1.0, 1e300, float("nan")]}, "1 of 3 rows.*user nan.*user is missing"),
        ({"item": ["a", None, "c"]}, "1 of 3 rows.*item is missing"),
        ({"item": ["a", "b" * 300, "c"]}, "item is over 256 characters long"),
        ({"item": [[1], [2], [3]]}, "item ids are of type array"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False], ids=["of known size", "of unknown size"])
def test_bad_rows_are_counted_and_one_is_shown(
    spark: SparkSession, change: dict[str, Any], message: str, is_known: bool
) -> None:
    with pytest.raises(DataError, match=message):
        frame = spark.createDataFrame(pl.DataFrame({**GOOD, **change}).to_arrow())
        matinee.spark.fit(
            ALS(),
            frame if is_known else of_unknown_size(frame),
            weight="weight" if "weight" in change else None,
        )


def test_what_is_no_frame_of_ratings_is_refused(spark: SparkSession, ratings: Ratings) -> None:
    frame = spark.createDataFrame(pd.DataFrame(GOOD))
    with pytest.raises(DataError, match="there are no ratings"):
        matinee.spark.fit(ALS(), frame.where("rating > 9"))
    with pytest.raises(DataError, match=r"no column 'stars'; the columns are 'user', 'item', 'rating'"):
        matinee.spark.fit(ALS(), frame, rating="stars")
    with pytest.raises(DataError, match="expected a Spark DataFrame, got Ratings"):
        matinee.spark.fit(ALS(), ratings)
    twice = frame.union(frame)
    with pytest.raises(DataError, match=r"3 pairs are rated more than once.*user \d and item \d;"):
        matinee.spark.fit(ALS(), twice, duplicates="error")


@pytest.mark.parametrize("duplicates", ["last", "first"])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"exchange": "broadcast", "n_blocks": 3}, {"exchange": "routed", "n_blocks": 3}],
    ids=["driver", "gathered", "routed"],
)
def test_of_many_partitions_the_last_counts_also_where_they_are_read_together(
    spark: SparkSession, duplicates: Any, arguments: dict[str, Any]
) -> None:
    # Cached, so that Spark knows where the partitions are and does not join neighbours.
    row = F.col("id")
    columns = [
        (row * 7 % 11).alias("user"),
        (row * 5 % 9).alias("item"),
        ((row * 13 % 23) / 2).alias("rating"),
    ]
    frame = spark.range(0, 2_000, 1, numPartitions=50).select(*columns).cache()
    frame.count()
    assert frame.rdd.getNumPartitions() == 50
    numbers = np.arange(2_000)
    expected = Ratings.from_arrays(
        numbers * 7 % 11, numbers * 5 % 9, (numbers * 13 % 23) / 2, duplicates=duplicates
    )
    found = matinee.spark.fit(ALS(n_factors=2, n_iterations=1), frame, duplicates=duplicates, **arguments)
    frame.unpersist()
    assert same_rows(found.rated_, expected.by_user)


def of_unknown_size(frame: DataFrame) -> DataFrame:
    """The same rows, of which Spark's optimizer knows nothing."""
    return frame.sparkSession.createDataFrame(frame.rdd, frame.schema)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_a_small_frame_is_fetched_in_one_job_if_its_size_is_known(
    spark: SparkSession, ratings: Ratings, is_known: bool
) -> None:
    frame = spark.createDataFrame(ratings.to_frame().to_arrow())
    context, group = spark.sparkContext, f"small frame, {is_known}"
    context.setJobGroup(group, "")
    try:
        found = matinee.spark.fit(
            ALS(n_factors=4, n_iterations=2), frame if is_known else of_unknown_size(frame)
        )
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)
    assert (len(context.statusTracker().getJobIdsForGroup(group)) == 1) is is_known
    assert_same_fit(found, ALS(n_factors=4, n_iterations=2).fit(ratings))


@pytest.mark.parametrize("duplicates", ["last", "first", "mean"])
def test_a_fetched_frame_of_several_partitions_keeps_its_order_and_weights(
    spark: SparkSession, duplicates: Any
) -> None:
    number = np.arange(900)
    columns = {
        "user": number * 7 % 11,
        "item": number * 5 % 9,
        "rating": number * 13 % 23 / 2,
        "weight": number % 4 / 2,
    }
    frame = spark.createDataFrame(pl.DataFrame(columns).to_arrow()).repartition(7, "rating").cache()
    frame.count()
    expected = Ratings.from_frame(frame.toArrow(), weight="weight", duplicates=duplicates)
    model = ALS(n_factors=2, n_iterations=1)
    for each in (frame, of_unknown_size(frame)):
        found = matinee.spark.fit(model, each, weight="weight", duplicates=duplicates)
        assert same_rows(found.rated_, expected.by_user)
    frame.unpersist()


def test_ids_that_are_too_many_for_the_driver_are_encoded_on_the_cluster(
    spark: SparkSession, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    real = preparation.encode

    def encode(frame: DataFrame, name: str) -> Any:
        encoded.append(name)
        return real(frame, name)

    monkeypatch.setattr(preparation, "encode", encode)
    monkeypatch.setattr(fitting, "DRIVER_ID_BYTES", 100)
    model = ALS(n_factors=4, n_iterations=2)
    found = matinee.spark.fit(model, of_unknown_size(on_cluster(spark, ratings)))
    assert encoded == ["user", "item"]
    assert_same_fit(found, ALS(n_factors=4, n_iterations=2).fit(ratings))


def test_a_fit_leaves_nothing_cached(spark: SparkSession, ratings: Ratings) -> None:
    context: Any = spark.sparkContext._jsc
    frame = on_cluster(spark, ratings)
    before = set(context.getPersistentRDDs())
    for arguments in ({}, {"n_blocks": 2}, {"exchange": "routed"}):
        matinee.spark.fit(ALS(n_factors=2, n_iterations=1), frame, **arguments)
        assert set(context.getPersistentRDDs()) <= before
    with pytest.raises(DataError, match="missing"):
        matinee.spark.fit(ALS(), frame.withColumn("rating", F.lit(None).cast("double")))
    assert set(context.getPersistentRDDs()) <= before


@pytest.mark.parametrize("arguments", [{}, {"n_blocks": 2}], ids=["driver", "blocks"])
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ImplicitALS(threshold=99), "no rating reaches threshold=99; the greatest is 5"),
        (ImplicitALS(grading=0.2), "grading=0.2 of ratings that are all 5"),
    ],
    ids=["threshold", "grading"],
)
def test_what_would_learn_nothing_is_refused(
    spark: SparkSession, model: ImplicitALS, message: str, arguments: dict[str, Any]
) -> None:
    frame = spark.createDataFrame(pd.DataFrame({**GOOD, "rating": [5.0, 5.0, 5.0]}))
    with pytest.raises(DataError, match=f"^{message}"):
        matinee.spark.fit(model, frame, **arguments)


def test_what_a_task_finds_wrong_is_said_as_on_one_machine(spark: SparkSession) -> None:
    frame = spark.createDataFrame(pd.DataFrame({**GOOD, "item": [7, 7, 7], "rating": [9e14, 9e14, 1.0]}))
    with pytest.raises(DataError, match="^the ratings of one user and item add up to more than"):
        matinee.spark.fit(ALS(), frame, duplicates="sum")


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (BayesianALS(), {}, "expected ALS or ImplicitALS, got BayesianALS"),
        (ALS(n_factors=0), {}, "n_factors=0"),
        (ALS(), {"exchange": "pigeon"}, "exchange='pigeon'; expected one of \"auto\""),
        (ALS(), {"result": "both"}, "result='both'"),
        (ALS(), {"duplicates": "all"}, "duplicates='all'"),
        (ALS(), {"duplicates": "latest"}, 'duplicates="latest" needs times'),
        (ALS(), {"n_blocks": 0}, "n_blocks=0"),
        (ImplicitALS(momentum=0.5), {"exchange": "routed"}, "momentum=0.5"),
        (ImplicitALS(known_from=20), {}, "known_from=20 does not work on Spark"),
        (ALS(half_life="180d"), {}, "half_life='180d' needs times, which a fit on Spark does not read"),
        (ALS(), {"start": (None, None)}, "starting user factors"),
    ],
)
def test_what_a_fit_cannot_do_it_says(
    spark: SparkSession, model: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        matinee.spark.fit(model, spark.createDataFrame(pd.DataFrame(GOOD)), **arguments)


@pytest.fixture(scope="module")
def halves(ratings: Ratings) -> tuple[Ratings, Ratings]:
    """Ratings to fit and to hold out; some of these have a user or an item that the others lack."""
    frame = ratings.to_frame().sort("user")
    is_held_out = (pl.int_range(len(frame)) % 4 == 0) | (pl.col("user") == pl.col("user").max())
    parts = (frame.filter(~is_held_out), frame.filter(is_held_out))
    train, held_out = (Ratings.from_frame(part) for part in parts)
    return train, held_out


@pytest.mark.parametrize(
    "arguments", [{}, {"n_blocks": 3, "exchange": "broadcast"}], ids=["driver", "blocks"]
)
@pytest.mark.parametrize(
    "model",
    [ALS(n_factors=3, n_iterations=40, tolerance=0.002), ImplicitALS(n_factors=3, n_iterations=3)],
    ids=["explicit", "implicit"],
)
def test_held_out_ratings_are_measured_and_end_a_fit_as_on_one_machine(
    spark: SparkSession, halves: tuple[Ratings, Ratings], model: Any, arguments: dict[str, Any]
) -> None:
    expected = type(model)(**model.get_params()).fit(*halves)
    train, held_out = (on_cluster(spark, part) for part in halves)
    found = matinee.spark.fit(model, train, held_out, **arguments)
    assert_same_fit(found, expected)
    figure = "validation_rmse" if isinstance(model, ALS) else "validation_ndcg"
    curves = [[getattr(record, figure) for record in each.history_] for each in (found, expected)]
    np.testing.assert_allclose(*curves, rtol=1e-4)
    assert len(curves[0]) < 40
    frames = matinee.spark.fit(model, train, held_out, result="frames", **arguments)
    assert [getattr(record, figure) for record in frames.history_] == pytest.approx(curves[0])


def test_held_out_ratings_that_cannot_be_measured_are_refused(
    spark: SparkSession, halves: tuple[Ratings, Ratings], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, held_out = (on_cluster(spark, part) for part in halves)
    with pytest.raises(DataError, match="works only if the driver holds the ratings and all factors"):
        matinee.spark.fit(ALS(n_factors=2), train, held_out, exchange="routed", n_blocks=2)
    named = held_out.withColumn("user", F.concat(F.lit("u"), "user"))
    for arguments in ({}, {"n_blocks": 2}):
        with pytest.raises(DataError, match="user ids are integers in what was fitted.*none can match"):
            matinee.spark.fit(ALS(n_factors=2), train, named, **arguments)
    with pytest.raises(DataError, match="no column 'rating'"):
        matinee.spark.fit(ALS(n_factors=2), train, held_out.drop("rating"))
    with pytest.raises(DataError, match="there are no validation ratings"):
        matinee.spark.fit(ALS(n_factors=2), train, held_out.where("rating > 9"))
    monkeypatch.setattr(planning, "DRIVER_SHARE", 0.0)
    with pytest.raises(DataError, match=r"[\d,]+ validation ratings are too many for the driver"):
        matinee.spark.fit(ALS(n_factors=2), train, held_out)
