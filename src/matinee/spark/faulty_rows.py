"""Finds bad rows in a frame of ids and ratings, counts them and shows one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from matinee.errors import DataError
from matinee.ratings.columns import LARGEST_RATING, LARGEST_WEIGHT
from matinee.ratings.ids import MAX_EXACT_FLOAT, MAX_ID_LENGTH
from matinee.spark.frame_columns import FLOATS, type_of

SHOWN = ("user", "item", "rating", "weight")


@dataclass(frozen=True)
class Fault:
    """Something that can be wrong with a row.

    Attributes
    ----------
    has : Column
        Whether a row has this fault.
    text : str
        What is wrong, and what was expected.
    """

    has: Column
    text: str


def check_rows(rows: DataFrame) -> int:
    """How many rows there are.

    Parameters
    ----------
    rows : DataFrame
        Columns user and item, which hold ids as they were given, and optionally rating and weight (double).

    Raises
    ------
    DataError
        If an id is missing or unusable, a rating is missing or not a finite number, or a weight is no number
        from 0 to 1e9. The message counts the rows with the first fault found and shows one of them.
    """
    faults = _faults_of(rows)
    counts = [F.count_if(fault.has) for fault in faults]
    n_rows, *n_faulty = rows.agg(F.count(F.lit(1)), *counts).collect()[0]
    for fault, n in zip(faults, n_faulty, strict=True):
        if n:
            (example,) = rows.where(fault.has).take(1)
            raise DataError(f"{n:,} of {n_rows:,} rows, one of them ({_shown(example)}): {fault.text}")
    return int(n_rows)


def is_faulty(rows: DataFrame) -> Column:
    """Whether `check_rows` refuses a row."""
    return reduce(or_, (F.coalesce(fault.has, F.lit(False)) for fault in _faults_of(rows)))


def _faults_of(rows: DataFrame) -> list[Fault]:
    faults = [*_id_faults(rows, "user"), *_id_faults(rows, "item")]
    if "rating" in rows.columns:
        faults += _number_faults("rating", "a finite number", LARGEST_RATING)
    if "weight" in rows.columns:
        expected = f"a number from 0 to {LARGEST_WEIGHT:g}"
        faults += _number_faults("weight", expected, LARGEST_WEIGHT)
        faults.append(Fault(F.col("weight") < 0, f"the weight is negative; expected {expected}"))
    return faults


def _id_faults(rows: DataFrame, name: str) -> list[Fault]:
    id, kind = F.col(name), type_of(rows, name)
    missing = id.isNull() | F.isnan(name) if isinstance(kind, FLOATS) else id.isNull()
    faults = [Fault(missing, f"{name} is missing; expected an integer or a string")]
    if isinstance(kind, FLOATS):
        broken = (id != F.rint(id)) | (F.abs(id) > MAX_EXACT_FLOAT)
        faults.append(Fault(broken, f"{name} is not a whole number; expected an integer or a string"))
    if isinstance(kind, StringType):
        unusable = (F.length(id) > MAX_ID_LENGTH) | id.contains("\0")
        text = f"{name} is over {MAX_ID_LENGTH} characters long or contains a NUL; is this the right column?"
        faults.append(Fault(unusable, text))
    return faults


def _number_faults(name: str, expected: str, largest: float) -> list[Fault]:
    number = F.col(name)
    size = F.abs(number)
    return [
        Fault(
            number.isNull() | F.isnan(number),
            f"the {name} is missing or not a number (NaN); expected {expected}",
        ),
        Fault(size == float("inf"), f"the {name} is infinite; expected {expected}"),
        Fault(
            (size > largest) & (size < float("inf")), f"the {name} is beyond {largest:g}; expected {expected}"
        ),
    ]


def _shown(example: Row) -> str:
    shown = {name: value for name, value in example.asDict().items() if name in SHOWN}
    return ", ".join(f"{name} {str(value)[:40]!s}" for name, value in shown.items())
