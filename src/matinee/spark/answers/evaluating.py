"""Evaluates a model on a cluster: every task tallies the users of a bucket, and the tallies are added up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from matinee.errors import DataError
from matinee.evaluation.audience import Audience
from matinee.evaluation.criteria import Criteria, Gains
from matinee.evaluation.evaluation import TRAINING, Evaluation
from matinee.evaluation.tally import Tally
from matinee.models.baselines import MostPopular
from matinee.models.model import Model
from matinee.ratings import Ratings
from matinee.spark.answers.buckets import BUCKET, bucket_of
from matinee.spark.answers.partial_models import CommonPart
from matinee.spark.answers.tables import ids_of
from matinee.spark.faulty_rows import check_rows
from matinee.spark.rating_frames import Columns, given_rows, kept_rows

# One row for each number that is not 0. Doubles hold whole numbers exactly up to 2⁵³.
SUMS = "name string, place int, amount double"
REPEATED = "n_repeated"
# Before the names of the tally of the most popular items.
POPULAR = "popular "


def checked_test(frame: Any, user: str, item: str, rating: str) -> DataFrame:
    """The test ratings as columns user, item and rating; DataError if the frame cannot be a test."""
    given = given_rows(frame, Columns(user, item, rating))
    check_rows(given)
    return kept_rows(given)


def evaluated(
    test: DataFrame,
    users: DataFrame,
    common: Broadcast[CommonPart],
    *,
    k: int,
    relevant_from: float | None,
    liked: float | None,
    gains: Gains,
    n_buckets: int,
) -> Evaluation:
    """What `matinee.evaluate` says of the model against the test.

    Raises
    ------
    DataError
        If an argument is not valid, or the test has no ratings, or has two ratings of one pair.
    """
    range_of_fit = common.value.headed.rating_range_
    criteria = Criteria.of(range_of_fit, k=k, relevant_from=relevant_from, liked=liked, gains=gains)
    people = users.select("user", "factors", "bias", "items", BUCKET).groupBy(BUCKET)
    tested = test.groupBy(bucket_of(F.col("user"), n_buckets)).cogroup(people)
    sums = tested.applyInArrow(_sums_of(common, criteria), SUMS)
    totals = sums.groupBy("name", "place").agg(F.sum("amount").alias("amount"))
    items = common.value.items
    tally, popular = _added_up(totals.toArrow(), len(items.index))
    return Evaluation(
        **tally.figures(items.n_ratings, criteria, predicts_ratings=common.value.headed.predicts_ratings),
        **criteria.protocol(),
        split=None,
        train_rmse=None,
        train_mae=None,
        excluded=TRAINING,
        most_popular=popular.figures_of_lists(items.n_ratings, criteria),
    )


def _sums_of(common: Broadcast[CommonPart], criteria: Criteria) -> Callable[..., Any]:
    def sums(test: Any, users: Any) -> Any:
        model = common.value.in_task(users)
        if test.num_rows == 0:
            return _as_table(Tally.untested(model), Tally.untested(model), n_repeated=0)
        ids = ids_of(test["user"]), ids_of(test["item"])
        ratings = Ratings.from_arrays(*ids, test["rating"].to_numpy())
        tallies = (_tally(each, ratings, criteria) for each in (model, MostPopular.beside(model)))
        return _as_table(*tallies, n_repeated=ratings.n_duplicates)

    return sums


def _tally(model: Model, test: Ratings, criteria: Criteria) -> Tally:
    return Tally.of(Audience.known(model, test), test, criteria)


def _as_table(tally: Tally, popular: Tally, *, n_repeated: int) -> Any:
    names, places, amounts = [], [], []
    for name, value in {**_named(tally, popular), REPEATED: n_repeated}.items():
        numbers = np.atleast_1d(value).astype(np.float64)
        found = np.flatnonzero(numbers)
        names.append(np.repeat(name, len(found)))
        places.append(found.astype(np.int32))
        amounts.append(numbers[found])
    columns = (pa.array(np.concatenate(each)) for each in (names, places, amounts))
    return pa.table(dict(zip(("name", "place", "amount"), columns, strict=True)))


def _named(tally: Tally, popular: Tally) -> dict[str, Any]:
    """The numbers of the tally of a model, and of that of the most popular items."""
    return {**vars(tally), **{POPULAR + name: value for name, value in vars(popular).items()}}


def _added_up(sums: Any, n_items: int) -> tuple[Tally, Tally]:
    """The tallies of all buckets from the total of each number, by its name and place."""
    names = sums["name"].to_numpy(zero_copy_only=False)
    zeros = {**_named(Tally.zero(n_items), Tally.zero(n_items)), REPEATED: 0}
    totals = {name: np.zeros(np.size(zero)) for name, zero in zeros.items()}
    for name, numbers in totals.items():
        of_name = sums.filter(names == name)
        numbers[of_name["place"].to_numpy()] = of_name["amount"].to_numpy()
    if n_repeated := int(totals.pop(REPEATED)[0]):
        raise DataError(
            f"{n_repeated:,} ratings of the test repeat a user and an item, and nothing tells which of them "
            "counts; keep one for each pair first, as in "
            'test.groupBy("user", "item").avg("rating")'
        )
    if not totals["n_ratings"][0]:
        raise DataError("test holds no ratings; expected at least one")
    found = {name: _as_type_of(zeros[name], numbers) for name, numbers in totals.items()}
    popular = {
        name.removeprefix(POPULAR): found.pop(name) for name in list(found) if name.startswith(POPULAR)
    }
    return Tally(**found), Tally(**popular)


def _as_type_of(zero: Any, numbers: NDArray[np.float64]) -> Any:
    return numbers.astype(zero.dtype) if isinstance(zero, np.ndarray) else type(zero)(numbers[0])
