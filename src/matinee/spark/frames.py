"""A Spark DataFrame of ratings as a fit takes it, or why it cannot be taken: counted, with an example."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DataType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NumericType,
    ShortType,
    StringType,
)

from matinee.errors import DataError
from matinee.ids import MAX_EXACT_FLOAT, MAX_ID_LENGTH
from matinee.spark.columns import check_frame, column

INTEGERS = (ByteType, ShortType, IntegerType, LongType)
FLOATS = (FloatType, DoubleType)
LARGEST_SINGLE = 3.4028234663852886e38


@dataclass(frozen=True)
class Fault:
    """What may be wrong with a row.

    Attributes
    ----------
    has : Column
        Whether a row has it.
    text : str
        What it is, and what was expected.
    """

    has: Column
    text: str


@dataclass(frozen=True)
class Columns:
    """How the columns of a frame of ratings are called.

    Attributes
    ----------
    user, item, rating : str
        ``rating=None``: a row says only that the pair was seen, and counts 1.
    """

    user: str
    item: str
    rating: str | None

    @property
    def names(self) -> list[str]:
        """Those that have to be there."""
        return [name for name in (self.user, self.item, self.rating) if name is not None]


@contextmanager
def checked_ratings(frame: Any, columns: Columns) -> Iterator[DataFrame]:
    """The columns user, item (bigint or string), rating (float) and order; kept on the cluster meanwhile.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    columns : Columns

    Raises
    ------
    DataError
        For a column that is not there or of another type; no rows; missing ids or ratings, and such as are
        no ids or no finite numbers: with how many rows have it, and one of them.
    """
    check_frame(frame, columns.names)
    ids = {name: _id_column(frame, getattr(columns, name), name) for name in ("user", "item")}
    strength = F.lit(1.0) if columns.rating is None else _rating_column(frame, columns.rating)
    given: DataFrame = frame.select(
        ids["user"].alias("user"),
        ids["item"].alias("item"),
        strength.alias("rating"),
        # Of rows that rate one pair the later one counts: later by partition, and by place in it.
        F.monotonically_increasing_id().alias("order"),
    ).persist()
    faults = [*_id_faults(given, "user"), *_id_faults(given, "item"), *_rating_faults()]
    try:
        _raise_worst(given, faults)
        exact = {name: F.col(name).cast(_kept_type(given, name)).alias(name) for name in ("user", "item")}
        yield given.select(exact["user"], exact["item"], F.col("rating").cast("float"), "order")
    finally:
        given.unpersist()


def _type_of(frame: DataFrame, place: str) -> DataType:
    return frame.schema[place].dataType


def _kept_type(frame: DataFrame, place: str) -> str:
    return "string" if isinstance(_type_of(frame, place), StringType) else "bigint"


def _id_column(frame: DataFrame, place: str, name: str) -> Column:
    kind = _type_of(frame, place)
    if not isinstance(kind, (*INTEGERS, *FLOATS, StringType)):
        raise DataError(f"{name} ids are of type {kind.simpleString()}; expected integers or strings")
    return column(place)


def _rating_column(frame: DataFrame, place: str) -> Column:
    kind = _type_of(frame, place)
    if not isinstance(kind, NumericType | BooleanType):
        raise DataError(f"ratings are of type {kind.simpleString()}; expected numbers")
    return column(place).cast("double")


def _id_faults(frame: DataFrame, name: str) -> list[Fault]:
    id, kind = F.col(name), _type_of(frame, name)
    missing = id.isNull() | F.isnan(name) if isinstance(kind, FLOATS) else id.isNull()
    faults = [Fault(missing, f"{name} is missing; expected an integer or a string")]
    if isinstance(kind, FLOATS):
        broken = (id != F.floor(id)) | (F.abs(id) > MAX_EXACT_FLOAT)
        faults.append(Fault(broken, f"{name} is not a whole number; expected an integer or a string"))
    if isinstance(kind, StringType):
        unusable = (F.length(id) > MAX_ID_LENGTH) | id.contains("\0")
        text = f"{name} is over {MAX_ID_LENGTH} characters long or holds a NUL; is this the right column?"
        faults.append(Fault(unusable, text))
    return faults


def _rating_faults() -> list[Fault]:
    rating = F.col("rating")
    size = F.abs(rating)
    return [
        Fault(
            rating.isNull() | F.isnan(rating),
            "the rating is missing or not a number (NaN); expected a finite number",
        ),
        Fault(size == float("inf"), "the rating is infinite; expected a finite number"),
        Fault(
            (size > LARGEST_SINGLE) & (size < float("inf")),
            "the rating is beyond the range of 32-bit floats; expected a finite number",
        ),
    ]


def _raise_worst(frame: DataFrame, faults: list[Fault]) -> None:
    """A DataError for the first of the faults that any row has, or if there are no rows."""
    counts = [F.count_if(fault.has) for fault in faults]
    n_rows, *n_faulty = frame.agg(F.count(F.lit(1)), *counts).collect()[0]
    if n_rows == 0:
        raise DataError("there are no ratings; expected at least one")
    for fault, n in zip(faults, n_faulty, strict=True):
        if n:
            (example,) = frame.where(fault.has).select("user", "item", "rating").take(1)
            raise DataError(f"{n:,} of {n_rows:,} rows, one of them ({_shown(example)}): {fault.text}")


def _shown(example: Row) -> str:
    return ", ".join(f"{name} {str(value)[:40]!s}" for name, value in example.asDict().items())


def check_no_duplicates(ratings: DataFrame) -> None:
    """A DataError if a pair is rated more than once: with how many are, and one of them."""
    repeated = ratings.groupBy("user", "item").agg(F.count(F.lit(1)).alias("n")).where("n > 1")
    found = repeated.agg(
        F.count(F.lit(1)).alias("n_pairs"), F.first(F.struct("user", "item")).alias("example")
    ).collect()[0]
    if found["n_pairs"]:
        user, item = found["example"]
        raise DataError(
            f"{found['n_pairs']:,} pairs are rated more than once, one of them: user {user!r} has rated item "
            f'{item!r} already; choose with duplicates="last", "first", "mean" or "sum"'
        )
