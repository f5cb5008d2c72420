"""Held-out ratings during a fit: the driver measures them as a fit on one machine does."""

from __future__ import annotations

from pyspark.sql import DataFrame

from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.spark.faulty_rows import check_rows
from matinee.spark.fitting.planning import fits_driver
from matinee.spark.fitting.preparation import Prepared
from matinee.spark.fitting.results import ratings_of
from matinee.spark.fitting.training_loop import ClusterAlternation
from matinee.spark.rating_frames import Columns, given_rows, kept_rows

# The bytes of a rating while it is fetched: two ids and a value, twice, and its place.
ROW_BYTES = 64


def fetched_validation(frame: DataFrame, columns: Columns) -> Ratings:
    """The held-out ratings on the driver; of several of a pair the last one counts.

    Raises
    ------
    DataError
        If `given_rows` or `check_rows` refuses the frame, or the driver has no room for it.
    """
    given = given_rows(frame, columns.of_held_out)
    n_rows = check_rows(given)
    if n_rows == 0:
        raise DataError("there are no validation ratings; expected at least one")
    if not fits_driver(n_rows * ROW_BYTES):
        raise DataError(
            f"{n_rows:,} validation ratings are too many for the driver, which measures them; take a sample"
        )
    return Ratings.from_frame(kept_rows(given).toArrow())


def train_beside(held_out: Ratings, prepared: Prepared, fit: ClusterAlternation) -> Ratings:
    """The training ratings on the driver, to measure held-out ones beside them.

    Raises
    ------
    DataError
        If factors stay on the cluster, the driver has no room for the ratings, or ids are of another kind.
    """
    if fit.is_routed or not prepared.size.fits_driver:
        raise DataError(
            "validation works only if the driver holds the ratings and all factors, and these are too "
            'large or exchange="routed"; leave validation out, and call evaluate of the fitted model'
        )
    train = ratings_of(prepared)
    train.user_index.require_kind_of(held_out.user_index, name="user")
    train.item_index.require_kind_of(held_out.item_index, name="item")
    return train
