"""Predicts the pairs in a frame: each prediction is made in the task that has the bucket of its user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import FloatType, StringType, StructField, StructType

from matinee.errors import DataError
from matinee.models.id_lookup import Kind, Unknown, unknown_id
from matinee.ratings.ids import IdIndex
from matinee.spark.answers.buckets import BUCKET, bucket_of
from matinee.spark.answers.partial_models import CommonPart
from matinee.spark.answers.tables import ids_of
from matinee.spark.faulty_rows import check_rows
from matinee.spark.frame_columns import check_frame, given_ids, kept_ids

PREDICTION = "prediction"


def check_pairs(frame: Any, user: str, item: str, unknown: str) -> None:
    """Raises DataError if the pairs in the frame cannot be predicted."""
    if unknown not in get_args(Unknown):
        raise DataError(f'unknown={unknown!r}; expected "fallback", "nan" or "raise"')
    check_frame(frame, [user, item])
    check_frame(frame, frame.columns)
    if any(name.lower() == PREDICTION for name in frame.columns):
        raise DataError(f"there is a column {PREDICTION!r} already; drop or rename it")
    ids = (given_ids(frame, name, kind).alias(kind) for kind, name in (("user", user), ("item", item)))
    check_rows(frame.select(*ids))


def predicted(
    frame: DataFrame,
    users: DataFrame,
    common: Broadcast[CommonPart],
    *,
    user: str,
    item: str,
    unknown: Unknown,
    n_buckets: int,
) -> DataFrame:
    """The frame with a column of predictions."""
    schema = StructType([*frame.schema.fields, StructField(PREDICTION, FloatType())])
    # Spark cannot cogroup columns whose names contain dots or quotes.
    plain = frame.toDF(*(f"column_{place}" for place in range(len(frame.columns))))
    id = kept_ids(plain, plain.columns[frame.columns.index(user)])
    known = users.select("user", "factors", "bias", BUCKET).groupBy(BUCKET)
    predict = _prediction_of(common, frame.columns, user, item, unknown)
    return plain.groupBy(bucket_of(id, n_buckets)).cogroup(known).applyInArrow(predict, schema)


def check_known(frame: DataFrame, name: str, kind: Kind, table: DataFrame) -> None:
    """Raises UnknownUserError or UnknownItemError for the first id found that the model has not seen."""
    ids = frame.select(kept_ids(frame, name).alias("id"))
    known = table.select(F.col(kind).alias("id"))
    # Text that looks like a number is not the same id as the number, but Spark would join them.
    if ids.schema["id"].dataType == known.schema["id"].dataType:
        ids = ids.join(known, "id", "left_anti")
    for row in ids.take(1):
        dtype = np.str_ if isinstance(known.schema["id"].dataType, StringType) else np.int64
        raise unknown_id(IdIndex(np.zeros(0, dtype=dtype)), row["id"], kind)


def _prediction_of(
    common: Broadcast[CommonPart], names: list[str], user: str, item: str, unknown: Unknown
) -> Callable[..., Any]:
    def prediction(pairs: Any, users: Any) -> Any:
        pairs, found = pairs.rename_columns(names), np.zeros(0, dtype=np.float32)
        if pairs.num_rows:
            model = common.value.in_task(users)
            found = model.predict(ids_of(pairs[user]), ids_of(pairs[item]), unknown=unknown)
        whole = pairs.append_column(PREDICTION, pa.array(found, pa.float32(), from_pandas=False))
        return whole.cast(pa.schema([field.with_type(_in_utc(field.type)) for field in whole.schema]))

    return prediction


def _in_utc(kind: Any) -> Any:
    """The type with its times in UTC, as Spark expects them back; it sends them in the session's zone."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit, kind.tz and "UTC")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_in_utc(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_in_utc(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_in_utc(kind.key_type), _in_utc(kind.item_type))
    return kind
