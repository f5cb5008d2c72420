"""Fetches a frame that Spark expects to be small, in one job that needs no Python but the driver's."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame

from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.duplicates import Duplicates
from matinee.spark.rating_frames import Columns, check_no_duplicates, checked_ratings, given_rows

# By Spark's estimate, a rating takes 5 bytes in a Parquet file, 14 in a cache and 24 in the driver. With this
# many, a file that turns out too large for the driver to fit costs some seconds, and 200 MB for a moment.
BYTES_PER_RATING = 16


def fetch_small(frame: DataFrame, columns: Columns, n_ratings: int) -> Any:
    """The rows as an Arrow table, unchecked; None if there may be far more than so many.

    Raises
    ------
    DataError
        If `given_rows` refuses the frame.
    """
    given = given_rows(frame, columns)
    return given.toArrow() if _estimated_bytes(given) <= BYTES_PER_RATING * n_ratings else None


def fetched_ratings(rows: Any, frame: DataFrame, columns: Columns, duplicates: Duplicates) -> Ratings:
    """The ratings in rows that `fetch_small` gave for a frame.

    Raises
    ------
    DataError
        As a fit in blocks would raise it.
    """
    weight = None if columns.weight is None else "weight"
    try:
        return Ratings.from_frame(rows, weight=weight, duplicates=duplicates)
    except DataError:
        # Spark counts all bad rows and shows one of them; of one machine's errors, it knows only these.
        with checked_ratings(frame, columns) as checked:
            if duplicates == "error":
                check_no_duplicates(checked)
        raise


def _estimated_bytes(frame: DataFrame) -> int:
    """What the optimizer expects; far too much where it knows nothing."""
    plan = frame._jdf.queryExecution().optimizedPlan()
    return int(plan.stats().sizeInBytes())
