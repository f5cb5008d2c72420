"""Finds bad rows in a frame of ids and ratings, counts them and shows one of them."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from matinee.errors import DataError
from matinee.ratings.columns import LARGEST_RATING
from matinee.ratings.ids import MAX_EXACT_FLOAT, MAX_ID_LENGTH
from matinee.spark.frame_columns import FLOATS, type_of


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
        Columns user and item, which hold ids as they were given, and optionally rating (double).

    Raises
    ------
    DataError
        If an id is missing or unusable, or a rating is missing or not a finite number. The message counts the
        rows with the first fault found and shows one of them.
    """
    faults = [*_id_faults(rows, "user"), *_id_faults(rows, "item")]
    if "rating" in rows.columns:
        faults += _rating_faults()
    counts = [F.count_if(fault.has) for fault in faults]
    n_rows, *n_faulty = rows.agg(F.count(F.lit(1)), *counts).collect()[0]
    for fault, n in zip(faults, n_faulty, strict=True):
        if n:
            (example,) = rows.where(fault.has).take(1)
            raise DataError(f"{n:,} of {n_rows:,} rows, one of them ({_shown(example)}): {fault.text}")
    return int(n_rows)


def _id_faults(rows: DataFrame, name: str) -> list[Fault]:
    id, kind = F.col(name), type_of(rows, name)
    missing = id.isNull() | F.isnan(name) if isinstance(kind, FLOATS) else id.isNull()
    faults = [Fault(missing, f"{name} is missing; expected an integer or a string")]
    if isinstance(kind, FLOATS):
        broken = (id != F.floor(id)) | (F.abs(id) > MAX_EXACT_FLOAT)
        faults.append(Fault(broken, f"{name} is not a whole number; expected an integer or a string"))
    if isinstance(kind, StringType):
        unusable = (F.length(id) > MAX_ID_LENGTH) | id.contains("\0")
        text = f"{name} is over {MAX_ID_LENGTH} characters long or contains a NUL; is this the right column?"
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
            (size > LARGEST_RATING) & (size < float("inf")),
            f"the rating is beyond {LARGEST_RATING:g}; expected a finite number",
        ),
    ]


def _shown(example: Row) -> str:
    shown = {name: value for name, value in example.asDict().items() if name in ("user", "item", "rating")}
    return ", ".join(f"{name} {str(value)[:40]!s}" for name, value in shown.items())
