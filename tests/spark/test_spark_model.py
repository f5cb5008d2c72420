"""A model on a cluster answers as the same model on one machine does."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import matinee
from matinee.errors import DataError, NotFittedError, UnknownItemError, UnknownUserError
from matinee.models import ALS, BayesianALS
from matinee.ratings import Ratings
from matinee.solving.history import Iteration
from matinee.spark import SparkModel
from matinee.spark.answers.buckets import BUCKET, BUCKET_BYTES, choose_n_buckets, with_buckets
from matinee.spark.answers.recommending import slabs
from tests.conftest import random_ratings
from tests.spark.models import Pair, collected, fitted, named, on_cluster, ratings_of, spread


@pytest.fixture(scope="module", params=["ALS", "ImplicitALS"])
def pair(request: pytest.FixtureRequest, spark: SparkSession) -> Pair:
    local = fitted(request.param)
    return Pair(local, spread(spark, local))


@pytest.fixture(scope="module")
def explicit(spark: SparkSession) -> Pair:
    local = fitted("ALS")
    return Pair(local, spread(spark, local))


@pytest.fixture(scope="module")
def test_frame(pair: Pair) -> pl.DataFrame:
    """Ratings of known and unknown people and items, some of pairs that the model was trained on."""
    kind = type(pair.local).__name__
    ratings = random_ratings(seed=5)
    frame = (ratings if kind == "ALS" else named(ratings)).to_frame().head(300)
    trained_on = ratings_of(kind).to_frame().head(20)
    user, item = frame["user"][0], frame["item"][0]
    who, what = (-1, -7) if kind == "ALS" else ("nobody", "nothing")
    strangers = pl.DataFrame(
        {"user": [who, who, user], "item": [item, what, what], "rating": [4.0, 2.0, 3.0]},
        schema_overrides=frame.schema,
    )
    everything = pl.concat([frame, trained_on, strangers])
    return everything.unique(["user", "item"], keep="last", maintain_order=True)


def test_everyone_is_recommended_what_one_machine_recommends(pair: Pair) -> None:
    found = collected(pair.spread.recommend_all(5), "user", "rank")
    assert found.equals(pair.local.recommend_all(n=5))


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_lists_are_the_same_when_items_come_in_slabs(explicit: Pair, exclude_seen: bool) -> None:
    # Slabs of 12 of the 40 items, each of a list's items from any.
    found = explicit.spread.recommend_all(7, exclude_seen=exclude_seen, slab_bytes=300)
    expected = explicit.local.recommend_all(n=7, exclude_seen=exclude_seen)
    assert collected(found, "user", "rank").equals(expected)


def test_filters_choose_as_on_one_machine_also_in_slabs(pair: Pair) -> None:
    ids = pair.local.item_index_.ids
    least = int(np.median(pair.local.n_raters))
    filters: dict[str, Any] = {"items": ids[3:], "exclude": [*ids[5:12:2].tolist(), -1], "min_ratings": least}
    expected = pair.local.recommend_all(n=6, **filters)
    assert 0 < expected["item"].n_unique() < len(ids) - 3
    for slab_bytes in (300, 1 << 20):
        found = pair.spread.recommend_all(6, slab_bytes=slab_bytes, **filters)
        assert collected(found, "user", "rank").equals(expected)
    assert pair.spread.recommend_all(items=[]).count() == 0


def test_candidates_of_each_user_are_refused_with_the_remedy(explicit: Pair) -> None:
    users = explicit.local.user_index_.ids.tolist()
    own = dict.fromkeys(users, explicit.local.item_index_.ids[:5])
    with pytest.raises(DataError, match=r"do not work on Spark; .*for_users\(ids\)"):
        explicit.spread.recommend_all(items=own)
    with pytest.raises(DataError, match="min_ratings=-1; expected a whole number"):
        explicit.spread.recommend_all(min_ratings=-1)
    found = explicit.spread.for_users(users).recommend_all(n=3, items=own)
    assert found.equals(explicit.local.recommend_all(n=3, items=own))


def test_items_of_one_score_are_in_the_order_of_their_ids_across_slabs(spark: SparkSession) -> None:
    local = ALS(n_factors=2, n_iterations=1).fit(named(random_ratings(n_users=8)))
    local.item_factors_[:] = 0.5
    local.item_biases_[:] = 0.0
    local.settle()
    found = spread(spark, local, 2).recommend_all(n=30, slab_bytes=200)
    expected = local.recommend_all(n=30)
    assert expected["item"].to_list()[:3] == sorted(expected["item"].to_list()[:3])
    assert collected(found, "user", "rank").equals(expected)


def test_slabs_hold_every_item_once() -> None:
    found = slabs(1000, 63, 264 * 99)
    assert [last - first for first, last in found] == [99] * 10 + [10]
    assert [position for bounds in found for position in range(*bounds)] == list(range(1000))
    assert slabs(3, 500, 1) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("unknown", ["fallback", "nan"])
def test_predictions_are_those_of_one_machine(
    pair: Pair, test_frame: pl.DataFrame, spark: SparkSession, unknown: str
) -> None:
    expected = test_frame.sort("user", "item")
    predicted = pair.local.predict(expected["user"], expected["item"], unknown=unknown)
    found = collected(pair.spread.predict(on_cluster(spark, test_frame), unknown=unknown), "user", "item")
    assert found.drop("prediction").equals(expected)
    np.testing.assert_array_equal(found["prediction"].to_numpy(), predicted)
    assert found["prediction"].dtype == pl.Float32


def test_an_id_that_is_not_known_is_an_error_if_so_wished(explicit: Pair, spark: SparkSession) -> None:
    known = on_cluster(spark, ratings_of("ALS").to_frame())
    assert explicit.spread.predict(known, unknown="raise").count() == known.count()
    frame = spark.sql("select * from values (3, 5), (-1, 5) as (user, item)")
    with pytest.raises(UnknownUserError, match=r"user -1 is not known to the model; ratings of a new user"):
        explicit.spread.predict(frame, unknown="raise")
    frame = spark.sql("select * from values (3, 5), (3, 6) as (user, item)")
    with pytest.raises(UnknownItemError, match=r"item 6 is not known to the model; an item gets factors"):
        explicit.spread.predict(frame, unknown="raise")


def test_a_frame_keeps_its_columns_whatever_their_names_and_types(
    explicit: Pair, spark: SparkSession
) -> None:
    when = datetime.datetime(2024, 2, 29, 12, 30)
    row = (3, 5, "text", when, when.date(), decimal.Decimal("1.50"), [when], {"a": when}, b"x", 2.5, 7)
    schema = (
        "`a.user` int, `the ``item``` smallint, bucket string, at timestamp, day date, price decimal(9,2), "
        "many array<timestamp>, map map<string,timestamp>, raw binary, `key` double, `factors` int"
    )
    frame = spark.createDataFrame([row, (None, *row[1:])], schema).where("`a.user` is not null")
    found = explicit.spread.predict(frame, user="a.user", item="the `item`")
    assert found.columns == [*frame.columns, "prediction"]
    assert tuple(found.collect()[0])[:-1] == row
    assert found.collect()[0]["prediction"] == pytest.approx(explicit.local.predict(3, 5))


def test_whole_floats_are_ids(explicit: Pair, spark: SparkSession) -> None:
    frame = spark.createDataFrame([(3.0, 5)], "user double, item bigint")
    (row,) = explicit.spread.predict(frame, unknown="raise").collect()
    assert row["prediction"] == explicit.local.predict(3, 5)


def test_text_is_no_integer_id(explicit: Pair, spark: SparkSession) -> None:
    message = "the user ids are integers in what was fitted, and strings here: none can match"
    frame = spark.createDataFrame([("3", 5, 4.0)], "user string, item bigint, rating double")
    with pytest.raises(DataError, match=message):
        explicit.spread.predict(frame)
    with pytest.raises(DataError, match=message):
        explicit.spread.evaluate(frame)
    frame = spark.createDataFrame([(3, "5")], "user int, item string")
    with pytest.raises(DataError, match="the item ids are integers in what was fitted, and strings here"):
        explicit.spread.predict(frame, unknown="raise")


@pytest.mark.parametrize(
    ("schema", "rows", "message"),
    [
        ("who int, item int", [(1, 2)], "no column 'user'; the columns are 'who', 'item'"),
        ("user boolean, item int", [(True, 2)], "user ids are of type boolean; expected integers or strings"),
        (
            "user double, item int",
            [(1.5, 2)],
            r"1 of 1 rows, one of them \(user 1.5, item 2\): user is not a",
        ),
        ("user int, item date", [], "item ids are of type date"),
        (
            "user int, item int",
            [(1, None), (2, 3), (3, None)],
            r"2 of 3 rows, one of them \(user \d, item None\): item is missing",
        ),
        ("user int, item int, Prediction int", [], "there is a column 'prediction' already"),
    ],
)
def test_a_frame_that_cannot_be_predicted_is_refused(
    explicit: Pair, spark: SparkSession, schema: str, rows: list[tuple], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        explicit.spread.predict(spark.createDataFrame(rows, schema))


def test_what_is_no_frame_of_sparks_is_refused(explicit: Pair, spark: SparkSession) -> None:
    with pytest.raises(DataError, match=r"expected a Spark DataFrame, got DataFrame"):
        explicit.spread.predict(pl.DataFrame({"user": [1], "item": [2]}))
    with pytest.raises(DataError, match=r"2 columns are named 'user'; expected one"):
        explicit.spread.predict(spark.sql("select 1 as user, 2 as user, 3 as item"))
    with pytest.raises(DataError, match=r"unknown='ignore'; expected"):
        explicit.spread.predict(spark.sql("select 1 as user, 3 as item"), unknown="ignore")


@pytest.mark.parametrize(
    "arguments", [{"k": 5}, {"k": 100, "relevant_from": 3.5, "liked": 3.0, "gains": "graded"}]
)
def test_every_figure_of_an_evaluation_is_that_of_one_machine(
    pair: Pair, test_frame: pl.DataFrame, spark: SparkSession, arguments: dict[str, Any]
) -> None:
    found = pair.spread.evaluate(on_cluster(spark, test_frame), **arguments).to_dict()
    test = Ratings.from_frame(test_frame)
    expected = matinee.evaluate(pair.local, test, **arguments).to_dict()
    # A cluster keeps no lists of single people.
    for name in ("gini", "popularity_bias", "serendipity"):
        assert found.pop(name) is None
        expected.pop(name)
    assert expected["n_trained_on"] >= 20
    assert expected["n_fallback"] == 3
    assert expected["n_users_fallback"] == 1
    means = {name: value for name, value in expected.items() if isinstance(value, float)}
    assert {name: found.pop(name) for name in means} == pytest.approx(means, rel=1e-12)
    assert {"ndcg_liked", "recall_liked", "mean_stars_of_hits", "share_disliked"} <= means.keys()
    assert found.pop("most_popular") == pytest.approx(expected["most_popular"], rel=1e-12)
    rest = {name: value for name, value in expected.items() if name not in means}
    rest.pop("most_popular")
    assert found == rest


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "test holds no ratings; expected at least one"),
        ([(3, 5, math.nan), (10, 5, 1.0)], r"1 of 2 rows, one of them \(user 3, item 5, rating nan\)"),
        ([(3, 5, None)], "the rating is missing"),
        ([(3, 5, 1e300)], "the rating is beyond 1e[+]15"),
        ([(None, 5, 1.0)], "user is missing"),
        ([(3, 5, 1.0), (3, 5, 2.0), (10, 5, 2.0)], "1 ratings of the test repeat a user and an item"),
    ],
)
def test_a_test_that_is_none_is_refused(
    explicit: Pair, spark: SparkSession, rows: list[tuple], message: str
) -> None:
    frame = spark.createDataFrame(rows, "who bigint, item int, stars double")
    with pytest.raises(DataError, match=message):
        explicit.spread.evaluate(frame, user="who", rating="stars")


def test_arguments_of_an_evaluation_are_checked(explicit: Pair, spark: SparkSession) -> None:
    frame = spark.createDataFrame([(3, 5, "4")], "user int, item int, rating string")
    with pytest.raises(DataError, match=r"ratings are of type string; expected numbers"):
        explicit.spread.evaluate(frame)
    with pytest.raises(DataError, match=r"k=0; expected a whole number"):
        explicit.spread.evaluate(frame, rating="item", k=0)
    with pytest.raises(DataError, match=r"relevant_from='good'"):
        explicit.spread.evaluate(frame, rating="item", relevant_from="good")
    with pytest.raises(DataError, match=r"gains='squared'"):
        explicit.spread.evaluate(frame, rating="item", gains="squared")


def same(found: matinee.Model, expected: matinee.Model) -> bool:
    arrays = ("user_factors_", "item_factors_", "user_biases_", "item_biases_")
    return (
        all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in arrays)
        and all(map(np.array_equal, found.rated_, expected.rated_))
        and found.user_index_ == expected.user_index_
        and found.item_index_ == expected.item_index_
        and (found.mean_, found.rating_range_) == (expected.mean_, expected.rating_range_)
        and found.history_ == expected.history_
        and found.get_params() == expected.get_params()
    )


def test_all_users_together_are_the_model_that_was_put_on_the_cluster(pair: Pair, tmp_path) -> None:
    found = pair.spread.to_model()
    assert same(found, pair.local)
    found.save(tmp_path / "model.safetensors")
    assert same(matinee.load(tmp_path / "model.safetensors"), pair.local)


def test_a_model_of_some_users_answers_for_them(pair: Pair) -> None:
    users = pair.local.user_index_.ids[[7, 3, 11]].tolist()
    some = pair.spread.for_users(users)
    assert some.user_index_.ids.tolist() == sorted(users)
    item, other = pair.local.item_index_.ids[:2].tolist()
    for user in users:
        assert some.recommend(user) == pair.local.recommend(user)
        assert some.explain(user, item) == pair.local.explain(user, item)
    assert some.similar_items(item) == pair.local.similar_items(item)
    assert (
        some.fold_in({item: 4, other: 2}).recommend() == pair.local.fold_in({item: 4, other: 2}).recommend()
    )


def test_users_that_are_not_known_are_named(explicit: Pair) -> None:
    with pytest.raises(UnknownUserError, match=r"user 999 is not known"):
        explicit.spread.for_users([3, 999, 1000])
    with pytest.raises(UnknownUserError, match=r"user '3' is not known to the model \(user ids here are int"):
        explicit.spread.for_users(["3"])
    with pytest.raises(DataError, match=r"there are no user ids"):
        explicit.spread.for_users([])
    with pytest.raises(DataError, match=r"expected the ids of users in a list, got 3"):
        explicit.spread.for_users(3)


def test_new_data_goes_through_an_ordinary_model(explicit: Pair) -> None:
    with pytest.raises(DataError, match=r"takes no new ratings.*to_model\(\)\.partial_fit"):
        explicit.spread.partial_fit(random_ratings())
    with pytest.raises(DataError, match=r"folds in no item.*to_model\(\)\.fold_in_item"):
        explicit.spread.fold_in_item({1: 3.0})


def test_a_model_on_a_cluster_knows_what_it_was_fitted_with(explicit: Pair) -> None:
    local, spread = explicit.local, explicit.spread
    assert repr(spread) == "SparkModel(ALS(n_factors=3, n_iterations=3))"
    assert spread.get_params() == local.get_params()
    assert (spread.n_factors, spread.predicts_ratings) == (3, True)
    assert (spread.mean_, spread.rating_range_) == (local.mean_, local.rating_range_)
    assert spread.history_ == local.history_


def test_only_models_that_a_cluster_can_hold_are_put_on_one(spark: SparkSession) -> None:
    with pytest.raises(DataError, match=r"expected ALS or ImplicitALS, got BayesianALS"):
        SparkModel.from_model(spark, BayesianALS())
    with pytest.raises(NotFittedError):
        SparkModel.from_model(spark, ALS())
    days = Ratings.from_arrays([1, 2], [1, 1], [1.0, 2.0], contexts={"day": ["a", "b"]})
    with pytest.raises(DataError, match="fitted with contexts, which a cluster knows nothing of"):
        SparkModel.from_model(spark, ALS(n_factors=1, n_iterations=1).fit(days))
    large = Ratings.from_arrays([1, 2], [2**63 + 1, 1], [1.0, 2.0])
    with pytest.raises(DataError, match=r"id 9223372036854775809 is too large for Spark's bigint"):
        SparkModel.from_model(spark, ALS(n_factors=1, n_iterations=1).fit(large))


def test_tables_of_other_columns_are_refused(explicit: Pair) -> None:
    model = explicit.spread
    history = [Iteration(iteration=1, objective=1.0, seconds=0.1)]
    rest = {"mean": 3.0, "rating_range": (1.0, 5.0), "history": history}
    with pytest.raises(
        DataError, match=r"users need a column 'items' of type array<int>; the columns are us"
    ):
        SparkModel(ALS(), users=model.users.drop("items"), items=model.items, **rest)
    wide = model.items.withColumn("bias", F.col("bias").cast("double"))
    with pytest.raises(DataError, match=r"items need a column 'bias' of type float; .* bias double"):
        SparkModel(ALS(), users=model.users, items=wide, **rest)


def test_users_without_buckets_are_put_into_some(explicit: Pair, spark: SparkSession) -> None:
    assert explicit.spread.n_buckets == 31
    model = SparkModel.from_model(spark, explicit.local)
    assert model.n_buckets == spark.sparkContext.defaultParallelism
    again = with_buckets(model.users, 31).select("user", BUCKET)
    assert collected(again, "user").equals(collected(explicit.spread.users.select("user", BUCKET), "user"))
    assert again.agg(F.max(BUCKET)).collect()[0][0] < 31


def test_a_bucket_is_of_a_size_that_a_task_can_hold(spark: SparkSession) -> None:
    n_buckets = choose_n_buckets(spark, n_users=10_000_000, n_ratings=10**9, n_factors=63)
    bytes_in_all = 10_000_000 * (4 * 64 + 16) + 8 * 10**9
    assert BUCKET_BYTES / 2 < bytes_in_all / n_buckets <= BUCKET_BYTES
