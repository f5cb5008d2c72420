"""Builds ordinary models of some of the users and all items of a model on a cluster.

These partial models give every answer of a model on a cluster. What they have in common is gathered on the
driver and sent to every executor once.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from matinee.errors import ModelFileError
from matinee.models.alternating_model import AlternatingModel
from matinee.models.computed_once import ComputedOnce
from matinee.models.filters import Candidates
from matinee.models.saved_arrays import check_rows
from matinee.ratings import Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.row_problem import Floats
from matinee.spark.answers.tables import ids_of
from matinee.spark.workers import settle_in


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All items of a model, or those of a slab.

    Attributes
    ----------
    index : IdIndex
    factors : ndarray of float32, shape (n_items, n_factors)
    biases : ndarray of float32, shape (n_items,)
    n_ratings : ndarray of int64, shape (n_items,)
        How many users have rated each item.
    first : int
        The position of the first of these among all items.
    """

    index: IdIndex
    factors: Floats
    biases: Floats
    n_ratings: NDArray[np.int64]
    first: int = 0

    @classmethod
    def gathered(cls, items: DataFrame) -> Catalogue:
        """The items in a DataFrame, fetched to the driver.

        Raises
        ------
        ModelFileError
            If the positions do not follow the order of the ids, or items differ in their number of factors.
        """
        table = items.toArrow().sort_by("position")
        index = IdIndex(_id_array(table["item"]))
        positions, factors = table["position"].to_numpy(), _flat(table["factors"], pa.float32())
        widths = np.diff(factors[0])
        is_sorted = (index.ids[:-1] < index.ids[1:]).all()
        if not (len(index) and is_sorted and np.array_equal(positions, np.arange(len(index)))):
            raise ModelFileError("the positions of the items are not 0, 1, 2, … in the order of their ids")
        if widths[0] == 0 or (widths != widths[0]).any():
            raise ModelFileError(
                f"items have from {widths.min()} to {widths.max()} factors; expected one number"
            )
        matrix = factors[1].reshape(len(index), -1)
        return cls(index, matrix, table["bias"].to_numpy(), table["n_ratings"].to_numpy())

    def slab(self, first: int, last: int) -> Catalogue:
        """The items from position ``first`` up to, but without, ``last``."""
        chosen = slice(first, last)
        parts = (self.factors[chosen], self.biases[chosen], self.n_ratings[chosen])
        return Catalogue(IdIndex(self.index.ids[chosen]), *parts, first=first)


@dataclass(frozen=True, eq=False)
class CommonPart:
    """Everything in a model except its users.

    Attributes
    ----------
    headed : AlternatingModel
        A model with only the parameters, the mean, the range of ratings and the history.
    items : Catalogue
    is_slab : bool
        Whether these are only some of the items, so that users may have rated others too.
    computed : ComputedOnce
        What this process has computed from the items, shared by all tasks that run in it.
    """

    headed: AlternatingModel
    items: Catalogue
    is_slab: bool = False
    computed: ComputedOnce = field(default_factory=ComputedOnce)

    def slab(self, first: int, last: int) -> CommonPart:
        """The same, with only the items from position ``first`` up to, but without, ``last``."""
        return replace(self, items=self.items.slab(first, last), is_slab=True, computed=ComputedOnce())

    @property
    def candidates(self) -> Candidates:
        """The items that lists are chosen from, with the ratings of all users."""
        computed = ComputedOnce()
        computed.get("n_raters", lambda: self.items.n_ratings)
        return Candidates("item", self.items.index, Rows.empty(0), computed)

    def with_users(self, users: Any) -> AlternatingModel:
        """The ordinary model of these users.

        Parameters
        ----------
        users : pyarrow.Table
            Columns user, factors and bias; and items, ratings and weights, if the answer needs them.

        Raises
        ------
        ModelFileError
            If a user does not have as many factors as the items.
        """
        users = _sorted_by_id(users)
        model = copy.copy(self.headed)
        model.user_index_, model.item_index_ = IdIndex(_id_array(users["user"])), self.items.index
        n_users, n_factors = users.num_rows, self.items.factors.shape[1]
        factors = _flat(users["factors"], pa.float32())[1]
        if factors.size != n_users * n_factors:
            raise ModelFileError(f"{n_users:,} users have {factors.size:,} factors, not {n_factors} each")
        model.user_factors_, model.item_factors_ = factors.reshape(n_users, n_factors), self.items.factors
        model.user_biases_, model.item_biases_ = users["bias"].to_numpy(), self.items.biases
        rated = _rated(users)
        model.rated_ = _among(rated, self.items.first, len(self.items.index)) if self.is_slab else rated
        model.check_shapes()
        check_rows(model.rated_, n_users, len(model.item_index_))
        model.settle()
        return model

    def in_task(self, users: Any) -> AlternatingModel:
        """As `with_users`, but on one thread, and sharing what the process has computed from the items."""
        model = self.with_users(users)
        model.n_threads = 1
        # Counts the raters among all users; the model's own ratings are those of some users only.
        self.computed.get("n_raters", lambda: self.items.n_ratings)
        model.settle(self.computed)
        settle_in()
        return model


def _sorted_by_id(users: Any) -> Any:
    for place, name in enumerate(users.column_names):
        kind = users.schema.types[place]
        if pa.types.is_list(kind):
            # Offsets need 64 bits, because all users together may have more ratings than 32 bits can count.
            large = users[name].cast(pa.large_list(kind.value_type))
            users = users.set_column(place, name, large)
    ids = _id_array(users["user"])
    return users if (ids[:-1] < ids[1:]).all() else users.take(np.argsort(ids))


def _id_array(column: Any) -> NDArray[Any]:
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy())
    return np.array(ids_of(column), dtype=np.str_)


def _flat(column: Any, value_type: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The lists of an Arrow column, concatenated: where each begins, and the values."""
    lists = column.cast(pa.large_list(value_type)).combine_chunks()
    offsets = lists.offsets.to_numpy()
    return offsets - offsets[:1], lists.flatten().to_numpy()


def _rated(users: Any) -> Rows:
    """The ratings, if the table has them: predictions need none, and lists only need to know the items."""
    if "items" not in users.column_names:
        empty = np.zeros(0, dtype=np.int32)
        return Rows(np.zeros(users.num_rows + 1, dtype=np.int64), empty, empty.astype(np.float32))
    indptr, columns = _flat(users["items"], pa.int32())
    if "ratings" not in users.column_names:
        return Rows(indptr, columns, np.zeros(len(columns), dtype=np.float32))
    values = _flat(users["ratings"], pa.float32())[1]
    if "weights" not in users.column_names:
        return Rows(indptr, columns, values)
    return Rows(indptr, columns, values, _flat(users["weights"], pa.float32())[1])


def _among(rated: Rows, first: int, n_items: int) -> Rows:
    """Only the ratings of n_items items from position ``first`` on, with positions counted from there."""
    is_among = (rated.columns >= first) & (rated.columns < first + n_items)
    kept_before = np.zeros(len(is_among) + 1, dtype=np.int64)
    np.cumsum(is_among, out=kept_before[1:])
    columns = (rated.columns[is_among] - first).astype(np.int32)
    weights = None if rated.weights is None else rated.weights[is_among]
    return Rows(kept_before[rated.indptr], columns, rated.values[is_among], weights)
