"""Checks that a frame has the columns that are asked for, and that their types fit."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DoubleType,
    FloatType,
    IntegralType,
    NumericType,
    StringType,
)

from matinee.errors import DataError
from matinee.ratings.frames import check_names
from matinee.spark.sessions import require_classic

FLOATS = (FloatType, DoubleType)


def column(name: str) -> Column:
    """The column of that name, which may contain any characters."""
    return F.col("`" + name.replace("`", "``") + "`")


def type_of(frame: DataFrame, name: str) -> DataType:
    """The type of a column."""
    return frame.schema[name].dataType


def check_frame(frame: Any, names: list[str]) -> None:
    """Raises DataError if it is no DataFrame of classic Spark, or lacks a column, or has it twice."""
    require_classic(frame)
    if not isinstance(frame, DataFrame):
        raise DataError(
            f"expected a Spark DataFrame, got {type(frame).__name__}; make one with spark.createDataFrame(…)"
        )
    check_names(names, frame.columns)
    for name in names:
        if frame.columns.count(name) > 1:
            raise DataError(f"{frame.columns.count(name)} columns are named {name!r}; expected one")


def given_ids(frame: DataFrame, name: str, kind: str) -> Column:
    """A column of ids, unchanged; DataError if ids cannot have its type."""
    given = type_of(frame, name)
    if not isinstance(given, (IntegralType, *FLOATS, StringType)):
        raise DataError(
            f"{kind} ids are of type {given.simpleString()}; expected integers or strings: "
            f'convert them, as in frame.withColumn("{name}", frame["{name}"].cast("bigint"))'
        )
    return column(name)


def kept_ids(frame: DataFrame, name: str) -> Column:
    """A column of ids as bigint or string; null for a float that is too large for an id."""
    return column(name).try_cast("string" if isinstance(type_of(frame, name), StringType) else "bigint")


def given_numbers(frame: DataFrame, name: str, kind: str) -> Column:
    """A column of ratings or weights as double; DataError if it does not hold numbers."""
    given = type_of(frame, name)
    if not isinstance(given, NumericType | BooleanType):
        raise DataError(f"{kind} are of type {given.simpleString()}; expected numbers")
    return column(name).cast("double")


def require_kind_of(known: DataFrame, frame: DataFrame, name: str, kind: str) -> None:
    """Raise a DataError if ids are strings on one side and integers on the other, so that none can match."""
    holds_strings, given_strings = (
        isinstance(type_of(*each), StringType) for each in ((known, kind), (frame, name))
    )
    if holds_strings != given_strings:
        kinds = ("strings", "integers") if holds_strings else ("integers", "strings")
        raise DataError(
            f"the {kind} ids are {kinds[0]} in what was fitted, and {kinds[1]} here: none can match; "
            "convert one side"
        )
