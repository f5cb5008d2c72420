"""Small fitted models of both kinds, and what they answer on one machine and on a cluster, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from matinee.models import ALS, ImplicitALS, Model
from matinee.ratings import Ratings
from matinee.spark import SparkModel
from matinee.spark.answers.buckets import BUCKET, with_buckets
from tests.conftest import random_ratings

# So many that some hold none of the users.
N_BUCKETS = 31


@dataclass(frozen=True)
class Pair:
    """A model on this machine, and the same on a cluster."""

    local: Model
    spread: SparkModel


def named(ratings: Ratings) -> Ratings:
    """The same ratings under ids of text, some of them beyond the first 65,536 characters."""
    prefixes = pl.Series(["a", "é", "Z", "\uffee", "\U0001f3ac"])
    frame = ratings.to_frame()
    return Ratings.from_frame(
        frame.with_columns(
            prefixes.gather(frame[name] % len(prefixes)).rename(name) + frame[name].cast(pl.String)
            for name in ("user", "item")
        )
    )


def ratings_of(kind: str) -> Ratings:
    """What the model of a kind is fitted on: with integers as ids for ALS, with text for ImplicitALS."""
    return random_ratings() if kind == "ALS" else named(random_ratings())


def fitted(kind: str) -> Model:
    """A small model of a kind."""
    if kind == "ALS":
        return ALS(n_factors=3, n_iterations=3).fit(ratings_of(kind))
    return ImplicitALS(n_factors=3, n_iterations=3, alpha=5.0).fit(ratings_of(kind))


def spread(spark: SparkSession, model: Model, n_buckets: int = N_BUCKETS) -> SparkModel:
    """A model on a cluster, in so many buckets."""
    there = SparkModel.from_model(spark, model)
    return SparkModel(
        model,
        users=with_buckets(there.users.drop(BUCKET), n_buckets),
        items=there.items,
        mean=there.mean_,
        rating_range=there.rating_range_,
        history=there.history_,
    )


def on_cluster(spark: SparkSession, frame: pl.DataFrame) -> DataFrame:
    """A frame of polars as one of Spark."""
    table = frame.to_arrow()
    plain = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in table.schema
    ]
    return spark.createDataFrame(table.cast(pa.schema(plain)))


def collected(frame: DataFrame, *order: str) -> pl.DataFrame:
    """A frame of Spark as one of polars, sorted."""
    found: Any = pl.from_arrow(frame.toArrow())
    return found.sort(*order)
