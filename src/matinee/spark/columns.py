"""The columns of a frame that somebody gives: there, of a type that serves, and without gaps."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, IntegralType, NumericType, StringType

from matinee.columns import check_names
from matinee.errors import DataError
from matinee.ids import MAX_ID_LENGTH


def column(name: str) -> Column:
    """A column by its name, whatever characters are in it."""
    return F.col("`" + name.replace("`", "``") + "`")


def check_frame(frame: Any, names: list[str]) -> None:
    """A DataError for what is no DataFrame of Spark's, or has no such columns, or two of a name."""
    if not isinstance(frame, DataFrame):
        raise DataError(
            f"expected a Spark DataFrame, got {type(frame).__name__}; make one with spark.createDataFrame(…)"
        )
    check_names(names, frame.columns)
    for name in names:
        if frame.columns.count(name) > 1:
            raise DataError(f"{frame.columns.count(name)} columns are named {name!r}; expected one")


def id_column(frame: DataFrame, name: str, kind: str) -> Column:
    """A column of ids as bigint or string; DataError for one of any other type."""
    given = frame.schema[name].dataType
    if isinstance(given, IntegralType):
        return column(name).cast("bigint")
    if isinstance(given, StringType):
        return column(name).cast("string")
    raise DataError(
        f"{kind} ids are of type {given.simpleString()}; expected integers or strings: "
        f'convert them, as in frame.withColumn("{name}", frame["{name}"].cast("bigint"))'
    )


def rating_column(frame: DataFrame, name: str) -> Column:
    """A column of ratings as float; DataError for one that holds no numbers."""
    given = frame.schema[name].dataType
    if not isinstance(given, NumericType | BooleanType):
        raise DataError(f"ratings are of type {given.simpleString()}; expected numbers")
    return column(name).cast("float")


def is_bad_id(id: Column) -> Column:
    """Whether an id is missing, or is text that cannot be an id."""
    text = id.cast("string")
    return id.isNull() | (F.length(text) > MAX_ID_LENGTH) | F.contains(text, F.lit("\0"))


def is_bad_rating(rating: Column) -> Column:
    """Whether a rating as a float is missing or not finite."""
    return rating.isNull() | F.isnan(rating) | (F.abs(rating) == float("inf"))


def check_rows(frame: DataFrame, bad: dict[str, Column]) -> None:
    """A DataError for the first row found in which something is bad, with the number of such rows.

    Parameters
    ----------
    frame : DataFrame
    bad : dict of str to Column
        What to say, and whether it holds of a row.
    """
    found = frame.where(reduce(or_, bad.values())).select("*", F.array(*bad.values())).take(1)
    for *values, is_bad in found:
        what, condition = list(bad.items())[is_bad.index(True)]
        row = ", ".join(f"{name}={value!r}" for name, value in zip(frame.columns, values, strict=True))
        raise DataError(f"{what} in {frame.where(condition).count():,} rows, of which one is {row}")
