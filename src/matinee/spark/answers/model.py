"""A fitted model whose factors stay on a Spark cluster."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import pyarrow as pa
from pyspark import Broadcast, SparkContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.evaluation import Evaluation
from matinee.evaluation.criteria import Gains
from matinee.models.alternating_model import AlternatingModel
from matinee.models.filters import is_of_each
from matinee.models.id_lookup import Unknown, unknown_id
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration
from matinee.spark.answers.buckets import BUCKET, choose_n_buckets, n_buckets_of, with_buckets
from matinee.spark.answers.evaluating import checked_test, evaluated
from matinee.spark.answers.partial_models import Catalogue, CommonPart
from matinee.spark.answers.predicting import check_known, check_pairs, predicted
from matinee.spark.answers.recommending import SLAB_BYTES, best_of_all, slabs
from matinee.spark.answers.saving import read_folder, write_folder
from matinee.spark.answers.tables import (
    ITEM_COLUMNS,
    arrow_ids,
    check_columns,
    id_type,
    item_table,
    user_columns,
    user_table,
)
from matinee.spark.frame_columns import require_kind_of
from matinee.spark.kinds import checked_kind
from matinee.spark.sessions import check_workers, require_classic, use_this_python


class SparkModel:
    """A factorisation of a ratings matrix whose factors stay in Spark's DataFrames.

    Each executor answers for some of the users. To do so, it builds an ordinary model of these users and of
    all items. So the items and their factors have to fit into the memory of the driver, and of every Python
    process of an executor.

    Parameters
    ----------
    parameters_model : ALS or ImplicitALS
        A model that is not fitted, with the parameters that this one was fitted with.
    users : DataFrame
        A row for each user: ``user`` (bigint or string), ``factors`` (array of float), ``bias`` (float),
        ``items`` (array of int: the positions of the items rated, ascending), ``ratings`` (array of float)
        and ``bucket`` (int), as ``matinee.spark.answers.buckets.with_buckets`` computes it. The buckets are
        added if they are missing. After a fit with weights, also ``weights`` (array of float).
    items : DataFrame
        A row for each item: ``item`` (bigint or string), ``position`` (int, from 0 in the order of the ids),
        ``factors`` (array of float), ``bias`` (float) and ``n_ratings`` (bigint).
    mean : float
        The constant that biases and factors are added to.
    rating_range : tuple of float
        The least and the greatest rating seen.
    history : list of Iteration
    saved_as : str, optional
        The subfolder that the tables are read from.

    Attributes
    ----------
    users, items : DataFrame
    n_buckets : int
        How many buckets the users are divided into.
    """

    def __init__(
        self,
        parameters_model: AlternatingModel,
        *,
        users: DataFrame,
        items: DataFrame,
        mean: float,
        rating_range: tuple[float, float],
        history: list[Iteration],
        saved_as: str | None = None,
    ) -> None:
        checked_kind(parameters_model)
        use_this_python(users.sparkSession.sparkContext)
        check_columns(users, user_columns(users), "users")
        check_columns(items, ITEM_COLUMNS, "items")
        headed = type(parameters_model)(**parameters_model.get_params())
        headed.mean_, headed.rating_range_, headed.history_ = float(mean), rating_range, list(history)
        headed.take_scale(getattr(parameters_model, "mean_rating_", float(mean)), *rating_range)
        headed.settle()
        self._headed = headed
        self._saved_as = saved_as
        self.items = items.select(*ITEM_COLUMNS)
        if n_buckets_of(users) is None:
            users = with_buckets(users, _fitting_n_buckets(users, items, self.n_factors))
        self.users = users.select(*user_columns(users), BUCKET)
        self.n_buckets = n_buckets_of(self.users) or 1

    @classmethod
    def from_model(cls, spark: SparkSession, model: AlternatingModel) -> Self:
        """The same as an ordinary fitted model, with its factors on the cluster.

        Raises
        ------
        DataError
            If the model is neither `ALS` nor `ImplicitALS`, was fitted with features or contexts, or has an
            id that does not fit Spark's bigint. Also if the session is one of Spark Connect.
        NotFittedError
            If the model is not fitted.
        """
        require_classic(spark)
        checked_kind(model).check_fitted()
        if model.user_knowledge_ is not None or model.item_knowledge_ is not None:
            raise DataError("the model was fitted with features, which a cluster knows nothing of")
        if model.contexts_ is not None:
            raise DataError("the model was fitted with contexts, which a cluster knows nothing of")
        users, items = (spark.createDataFrame(*table) for table in (user_table(model), item_table(model)))
        n_buckets = choose_n_buckets(
            spark,
            n_users=len(model.user_index_),
            n_ratings=len(model.rated_.values),
            n_factors=model.n_factors,
        )
        return cls(
            model.as_fitted,
            users=with_buckets(users, n_buckets),
            items=items,
            mean=model.mean_,
            rating_range=model.rating_range_,
            history=model.history_,
        )

    @property
    def mean_(self) -> float:
        """The constant that biases and factors are added to."""
        return self._headed.mean_

    @property
    def rating_range_(self) -> tuple[float, float]:
        """The least and the greatest rating seen; predictions are clipped to it."""
        return self._headed.rating_range_

    @property
    def history_(self) -> list[Iteration]:
        """A record for each iteration of the fit."""
        return self._headed.history_

    @property
    def n_factors(self) -> int:
        """The rank."""
        n_factors: int = self.get_params()["n_factors"]
        return n_factors

    @property
    def predicts_ratings(self) -> bool:
        """Whether predictions are in the units of the ratings."""
        return self._headed.predicts_ratings

    def get_params(self) -> dict[str, Any]:
        """The parameters that the model was fitted with, by name."""
        return self._headed.get_params()

    def __repr__(self) -> str:
        return f"SparkModel({self._headed!r})"

    # ---- what the executors need ---------------------------------------------------------------

    @property
    def _spark(self) -> SparkSession:
        return self.users.sparkSession

    @cached_property
    def _checked_context(self) -> SparkContext:
        """The context, once it is known that its machines can answer."""
        context = self._spark.sparkContext
        check_workers(context)
        return context

    @cached_property
    def _common(self) -> CommonPart:
        return CommonPart(self._headed, Catalogue.gathered(self.items))

    @cached_property
    def _broadcast(self) -> Broadcast[CommonPart]:
        return self._checked_context.broadcast(self._common)

    def _slabs(self, slab_bytes: int) -> list[Broadcast[CommonPart]]:
        """The items in slabs of at most that size, broadcast to the executors."""
        n_items, n_factors = self._common.items.factors.shape
        bounds = slabs(n_items, n_factors, slab_bytes)
        if len(bounds) == 1:
            return [self._broadcast]
        return [self._checked_context.broadcast(self._common.slab(*each)) for each in bounds]

    # ---- answers ------------------------------------------------------------------------------

    def recommend_all(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        slab_bytes: int = SLAB_BYTES,
    ) -> DataFrame:
        """The n best items of every user.

        Parameters
        ----------
        n : int
        exclude_seen : bool
            Leave out what the user has rated.
        items, exclude, min_ratings
            As in `Model.recommend`, for all users. Candidates of each user work only in the model that
            `for_users` gives.
        slab_bytes : int
            How many bytes of items a Python process of an executor takes at a time. If there are more, they
            come in slabs, and each slab costs a pass over the users.

        Returns
        -------
        DataFrame
            Columns user, rank (from 1), item and score (the predicted rating, not clipped), in no particular
            order.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``n`` is not a whole number above 0, or a filter is refused as in `Model.recommend`.
        """
        if is_of_each(items):
            raise DataError(
                "candidates of each user do not work on Spark; expected items for all users, or "
                "model.for_users(ids).recommend_all(items=…)"
            )
        return best_of_all(
            self.users,
            self._slabs(whole_number("slab_bytes", slab_bytes, least=1)),
            n=whole_number("n", n, least=1),
            exclude_seen=exclude_seen,
            chosen=self._common.candidates.positions(items, exclude, min_ratings),
            n_buckets=self.n_buckets,
        )

    def predict(
        self, frame: DataFrame, *, user: str = "user", item: str = "item", unknown: Unknown = "fallback"
    ) -> DataFrame:
        """The frame with a predicted rating in every row.

        The ids are checked at once. The predictions are made when Spark needs them.

        Parameters
        ----------
        frame : DataFrame
            Pairs of a user and an item; it may have other columns too.
        user, item : str
            The names of the columns of ids: integers of any width, or strings, as those of the fit were.
        unknown : {"fallback", "nan", "raise"}
            What to predict for a pair whose user or item the model has not seen. "fallback" adds the bias
            that is known, if any, to the mean. "nan" gives NaN. "raise" raises an error, and has to search
            the frame for such a pair first.

        Returns
        -------
        DataFrame
            All columns of the frame, and ``prediction`` (float), in the units of the ratings and clipped to
            their range. The rows are in no particular order.

        Raises
        ------
        UnknownUserError, UnknownItemError
            With ``unknown="raise"``, for the first id found that the model has not seen.
        DataError
            If a column is missing or has an unsuitable type, an id is missing, or ids are strings here and
            integers in what was fitted, or the reverse.
        """
        check_pairs(frame, user, item, unknown)
        self._require_kinds(frame, user, item)
        if unknown == "raise":
            check_known(frame, user, "user", self.users)
            check_known(frame, item, "item", self.items)
        return predicted(
            frame,
            self.users,
            self._broadcast,
            user=user,
            item=item,
            unknown=unknown,
            n_buckets=self.n_buckets,
        )

    def evaluate(
        self,
        frame: DataFrame,
        *,
        user: str = "user",
        item: str = "item",
        rating: str = "rating",
        k: int = 10,
        relevant_from: float | None = None,
        liked: float | None = None,
        gains: Gains = "binary",
    ) -> Evaluation:
        """How well the model predicts ratings and finds what people turn out to have rated.

        Parameters
        ----------
        frame : DataFrame
            Ratings that the model was not trained on, each pair of user and item once.
        user, item, rating : str
            The names of the columns.
        k, relevant_from, liked, gains
            As in `matinee.evaluate`, which gives the same figures.

        Raises
        ------
        DataError
            If an argument is not valid, a rating or an id is missing, a pair comes twice, or there are no
            ratings.
        """
        test = checked_test(frame, user, item, rating)
        self._require_kinds(test, "user", "item")
        return evaluated(
            test,
            self.users,
            self._broadcast,
            k=k,
            relevant_from=relevant_from,
            liked=liked,
            gains=gains,
            n_buckets=self.n_buckets,
        )

    def _require_kinds(self, frame: DataFrame, user: str, item: str) -> None:
        require_kind_of(self.users, frame, user, "user")
        require_kind_of(self.items, frame, item, "item")

    # ---- ordinary models, files ----------------------------------------------------------------

    def for_users(self, ids: Iterable[Any]) -> AlternatingModel:
        """An ordinary model of some users and all items, which can explain, fold in, and be saved to a file.

        Raises
        ------
        UnknownUserError
            For the first of the ids that the model has not seen.
        DataError
            If there are no ids, or they are not all of one type.
        """
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            raise DataError(f"expected the ids of users in a list, got {ids!r}")
        asked = list(ids)
        index = IdIndex.from_ids(asked, name="user")
        if len(index) == 0:
            raise DataError("there are no user ids; expected at least one")
        model = self._common.with_users(self._rows_of(index))
        positions = model.user_index_.positions(asked)
        if (positions < 0).any():
            raise unknown_id(model.user_index_, asked[int(np.argmax(positions < 0))], "user")
        return model

    def _rows_of(self, index: IdIndex) -> Any:
        """The rows of the users that the model knows, as an Arrow table."""
        rows = self.users.drop(BUCKET)
        # In a join, Spark would take text that looks like a number for that number.
        if id_type(index) != rows.schema["user"].dataType:
            return rows.limit(0).toArrow()
        wanted = self._spark.createDataFrame(pa.table({"user": arrow_ids(index)}))
        return rows.join(F.broadcast(wanted), "user", "left_semi").toArrow()

    def partial_fit(self, ratings: Any, n_iterations: int = 1) -> NoReturn:
        """Refuse, with what to do instead: a model on a cluster learns by a fit only.

        Raises
        ------
        DataError
        """
        raise DataError(
            "a SparkModel takes no new ratings, as its factors lie on the cluster; fit again to all ratings "
            "with matinee.spark.fit, or call to_model().partial_fit(ratings) on one machine"
        )

    def fold_in_item(self, ratings: Any) -> NoReturn:
        """Refuse, with what to do instead: an item is solved against all users, who lie on the cluster.

        Raises
        ------
        DataError
        """
        raise DataError(
            "a SparkModel folds in no item, as its users lie on the cluster; "
            "call to_model().fold_in_item(ratings) on one machine"
        )

    def to_model(self) -> AlternatingModel:
        """The ordinary model of all users, on the driver."""
        return self._common.with_users(self.users.drop(BUCKET).toArrow())

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to a folder, which `matinee.spark.load` reads.

        An interrupted save leaves no model that could be loaded. The model that was in the folder before is
        removed only once the new one is complete.

        Parameters
        ----------
        path : str or Path
            A folder, as Spark understands it; ``hdfs://…`` and ``s3a://…`` work too.
        overwrite : bool
            Replace the model that is in the folder.

        Raises
        ------
        ModelFileError
            If the folder cannot be written, or contains a model and ``overwrite`` is false.
        """
        header = {**self._headed.header(), "n_buckets": self.n_buckets}
        write_folder(path, header, self.users, self.items, overwrite=overwrite, source=self._saved_as)


def load(spark: SparkSession, path: str | Path) -> SparkModel:
    """The model in a folder that `SparkModel.save` wrote. Its rows are read only when they are needed.

    Raises
    ------
    ModelFileError
        If the folder contains no complete model, or one that is damaged or of a newer version.
    DataError
        If the session is one of Spark Connect.
    """
    require_classic(spark)
    saved = read_folder(spark, path)
    return SparkModel(
        saved.headed,
        users=saved.users,
        items=saved.items,
        mean=saved.headed.mean_,
        rating_range=saved.headed.rating_range_,
        history=saved.headed.history_,
        saved_as=saved.name,
    )


def _fitting_n_buckets(users: DataFrame, items: DataFrame, n_factors: int) -> int:
    n_ratings = items.agg(F.sum("n_ratings")).collect()[0][0] or 0
    spark = users.sparkSession
    return choose_n_buckets(spark, n_users=users.count(), n_ratings=n_ratings, n_factors=n_factors)
