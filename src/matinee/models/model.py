"""What every model answers, in the user's own ids: predict, recommend, similar, explain, fold in."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import LARGEST_SINGLE, whole_number
from matinee.errors import DataError, ModelFileError, NotFittedError
from matinee.files.model_file import write_model_file
from matinee.models.answers import Explanation, Recommendation, SimilarItem, SimilarUser
from matinee.models.computed_once import ComputedOnce
from matinee.models.id_lookup import Kind, Unknown, positions_of, unknown_id
from matinee.models.options import Option
from matinee.models.parameters import Parameters
from matinee.models.people import People
from matinee.models.person import Person, rated_rows
from matinee.models.saved_arrays import arrays_of_rows, check_rows, saved_ids, saved_rows
from matinee.models.search_space import SearchSpace
from matinee.ratings import Ratings, Rows, check_ratings
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration


class Model(Parameters, ABC):
    """What was learned from ratings, and its answers.

    A kind of model says here, on its class, what it is called and what it can do; it answers by its own
    means in `people` and `people_by`.

    Attributes
    ----------
    history_ : list of Iteration
    rating_range_ : tuple of float
        The least and the greatest rating seen; predictions are clipped to it.
    user_index_, item_index_ : IdIndex
    rated_ : Rows
        The ratings fitted, by user.
    interrupted_ : bool
        Whether Ctrl-C ended the fit early; only of a model that makes the best of what it has by then.
    """

    # What `fit --model`, `tune` and messages call it; None for a model that only Python offers.
    short_name: ClassVar[str | None] = None
    # The parameters that the command fit offers as options.
    options: ClassVar[Mapping[str, Option]] = {}
    # What `tune` searches; None for a model that has nothing to tune.
    search_space: ClassVar[SearchSpace | None] = None
    predicts_ratings: ClassVar[bool] = True
    # Whether `predict` takes return_std and interval.
    has_intervals: ClassVar[bool] = False
    # Whether `fit` takes user_features and item_features.
    takes_features: ClassVar[bool] = False
    # Whether matinee.spark fits it and answers by it.
    runs_on_spark: ClassVar[bool] = False

    interrupted_: bool = False
    n_threads: int | None = None
    rating_range_: tuple[float, float]
    history_: list[Iteration]
    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    _computed: ComputedOnce
    _as_fitted: Any

    # ---- what each kind of model does by its own means -------------------------------------------

    @abstractmethod
    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Learn from ratings."""

    @abstractmethod
    def check_parameters(self) -> None:
        """Raise a DataError for a parameter out of its range."""

    def check_fit(self, train: Ratings, validation: Ratings | None) -> None:
        """Raise a DataError for ratings that cannot be fitted, or a parameter out of its range."""
        check_ratings(train)
        if validation is not None:
            check_ratings(validation, "validation")
        self.check_parameters()

    @property
    @abstractmethod
    def people(self) -> People:
        """The users that the model was fitted on, a row each."""

    @abstractmethod
    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, a row each, by their ratings.

        Parameters
        ----------
        rated : Rows
            A row each; the columns are positions of the model's items.
        """

    @abstractmethod
    def nearest_rows(self, kind: Kind, row: int, n: int) -> list[tuple[int, float]]:
        """Positions and cosines of the n users, or items, most like one of them, nearest first."""

    # ---- after a fit --------------------------------------------------------------------------------

    def keep_ratings(self, train: Ratings, history: list[Iteration]) -> None:
        """Take over what every model keeps of its fit, and answer by it from now on."""
        self.history_ = history
        self.rating_range_ = (float(train.values.min()), float(train.values.max()))
        self.user_index_, self.item_index_ = train.user_index, train.item_index
        self.rated_ = train.by_user
        self.settle()

    def settle(self, computed: ComputedOnce | None = None) -> None:
        """Use the parameters of this moment for all answers, even if they are changed afterwards.

        Parameters
        ----------
        computed : ComputedOnce, optional
            What a model of other users has computed from the same items.
        """
        self.__dict__.pop("_as_fitted", None)
        self._computed = ComputedOnce() if computed is None else computed
        self._as_fitted = copy.copy(self)

    @property
    def as_fitted(self) -> Self:
        """The model with the parameters that it was fitted with."""
        self.check_fitted()
        fitted: Self = self._as_fitted
        return fitted

    def check_fitted(self) -> None:
        """Raise a NotFittedError before the model is fitted or loaded."""
        if not hasattr(self, "item_index_"):
            name = type(self).__name__
            raise NotFittedError(f"this {name} has not been fitted; call fit(train), or matinee.load(path)")

    @property
    def n_raters(self) -> NDArray[np.int64]:
        """How many users rated each item, among the ratings fitted; int64, shape (n_items,)."""
        counts: NDArray[np.int64] = self._computed.get(
            "n_raters", lambda: np.bincount(self.rated_.columns, minlength=len(self.item_index_))
        )
        return counts

    @property
    def stranger(self) -> People:
        """One person of whom nothing is known."""
        nothing = Rows.empty(1)
        people: People = self._computed.get("stranger", lambda: self.people_by(nothing))
        return people

    # ---- ids and positions ----------------------------------------------------------------------------

    def item_positions(self, items: Iterable[Any]) -> NDArray[np.int64]:
        """Positions of items; UnknownItemError for the first that the model has not seen."""
        self.check_fitted()
        return positions_of(self.item_index_, items, "item", "raise")[0]

    def user_position(self, user: Any) -> int:
        """The position of a user; UnknownUserError if the model has not seen them."""
        self.check_fitted()
        position = self.user_index_.position(user)
        if position < 0:
            raise unknown_id(self.user_index_, user, "user")
        return position

    def person(self, user: Any) -> Person:
        """A user of the fit, with their ratings, as `fold_in` gives a visitor.

        Raises
        ------
        UnknownUserError
        """
        row = self.user_position(user)
        return Person(self.item_index_, self.people.pick(np.array([row])))

    # ---- answers ------------------------------------------------------------------------------

    def predict(self, users: Any, items: Any, *, unknown: Unknown = "fallback") -> Any:
        """Predicted ratings of users for items.

        Parameters
        ----------
        users, items : id or array of ids, shape (n,)
            Paired: the i-th prediction is for ``users[i]`` and ``items[i]``. A single id is paired with
            each of the other side's.
        unknown : {"fallback", "nan", "raise"}
            For a pair of which the model has not seen the user or the item: what is known of the other's
            bias and else the mean; or NaN; or an error.

        Returns
        -------
        float or ndarray of float32, shape (n,)
            In the units of the ratings, clipped to their range.

        Raises
        ------
        UnknownUserError, UnknownItemError
            With ``unknown="raise"``, for the first id that the model has not seen.
        DataError
            If ``users`` and ``items`` differ in length.
        """
        self.check_fitted()
        for ids in (users, items):
            if isinstance(ids, AbstractSet | Mapping) or np.ndim(ids) > 1:
                given = type(ids).__name__
                raise DataError(f"expected an id or a column of ids to predict in pairs, got {given}")
        rows, single_user = positions_of(self.user_index_, users, "user", unknown)
        columns, single_item = positions_of(self.item_index_, items, "item", unknown)
        try:
            rows, columns = np.broadcast_arrays(rows, columns)
        except ValueError:
            raise DataError(
                f"{rows.size} users and {columns.size} items; expected pairs, or a single id on one side"
            ) from None
        predicted = self.people.predict(rows, columns)
        if unknown == "nan":
            predicted[(rows < 0) | (columns < 0)] = np.nan
        return float(predicted[0]) if single_user and single_item else predicted

    def recommend(
        self, user: Any, n: int = 10, *, exclude_seen: bool = True, items: Iterable[Any] | None = None
    ) -> list[Recommendation]:
        """The n items of the highest score for a user, best first; fewer only where there are fewer.

        Parameters
        ----------
        user : id
        n : int
        exclude_seen : bool
            Leave out what the user has rated.
        items : ids, optional
            Choose among these only.

        Returns
        -------
        list of Recommendation
            Distinct items, by falling score: the predicted rating, not clipped.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user; the message names the remedy.
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        """
        return self.person(user).recommend(n, exclude_seen=exclude_seen, items=items)

    def recommend_all(
        self, users: Iterable[Any] | None = None, *, n: int = 10, exclude_seen: bool = True
    ) -> pl.DataFrame:
        """The n best items of many users at once.

        Parameters
        ----------
        users : ids, optional
            All that the model knows, if not given.
        n : int
        exclude_seen : bool

        Returns
        -------
        polars.DataFrame
            Columns user, rank (from 1), item, score; users in the order given.

        Raises
        ------
        UnknownUserError
            For the first of ``users`` that the model has not seen.
        """
        self.check_fitted()
        every = (
            np.arange(len(self.user_index_))
            if users is None
            else positions_of(self.user_index_, users, "user", "raise")[0]
        )
        positions, scores = self.people.rank(
            whole_number("n", n, least=1),
            rows=every,
            excluded=self.rated_ if exclude_seen else None,
        )
        places, ranks = np.nonzero(positions >= 0)
        found = positions[places, ranks]
        return pl.DataFrame(
            {
                "user": self.user_index_.take(every[places]),
                "rank": (ranks + 1).astype(np.int32),
                "item": self.item_index_.take(found),
                "score": scores[places, ranks],
            }
        )

    def similar_items(self, item: Any, n: int = 10) -> list[SimilarItem]:
        """The n items most like this one, nearest first: by the angle between their factors, if it has any.

        Raises
        ------
        UnknownItemError
            If the model has not seen the item.
        """
        column = int(self.item_positions([item])[0])
        found = self.nearest_rows("item", column, whole_number("n", n, least=1))
        return [SimilarItem(self.item_index_.id_at(place), score) for place, score in found]

    def similar_users(self, user: Any, n: int = 10) -> list[SimilarUser]:
        """The n users most like this one, nearest first: by the angle between their factors, if it has any.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user.
        """
        row = self.user_position(user)
        found = self.nearest_rows("user", row, whole_number("n", n, least=1))
        return [SimilarUser(self.user_index_.id_at(place), score) for place, score in found]

    def explain(self, user: Any, item: Any, *, n: int = 5) -> Explanation:
        """What a user's score for an item is made of: the n rated items that matter most, and the rest.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the model has not seen the user or the item.
        """
        return self.person(user).explain(item, n=n)

    def fold_in(self, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Person:
        """A person the model has never seen, from their ratings; nothing is retrained.

        Parameters
        ----------
        ratings : mapping of item id to rating

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            For a rating that is not a finite number.
        """
        self.check_fitted()
        return Person(self.item_index_, self.people_by(rated_rows(self.item_index_, ratings)))

    # ---- files --------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the model to a file, atomically; `matinee.load` reads it."""
        self.check_fitted()
        write_model_file(path, self.header(), self.arrays())

    def header(self) -> dict[str, Any]:
        """What a model's file holds besides arrays, in plain values."""
        return {
            "model": type(self).__name__,
            "parameters": {name: _plain(value) for name, value in self._as_fitted.get_params().items()},
            "rating_range": list(self.rating_range_),
            "history": [record.to_dict() for record in self.history_],
        }

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model's file, by name."""
        return {
            "user_ids": self.user_index_.ids,
            "item_ids": self.item_index_.ids,
            **arrays_of_rows(self.rated_, "rated"),
        }

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Take over from a file what `header` gave."""
        low, high = header["rating_range"]
        if not -LARGEST_SINGLE <= low <= high <= LARGEST_SINGLE:
            raise ModelFileError(f"the ratings range from {low} to {high}")
        self.rating_range_ = (float(low), float(high))
        self.history_ = [_iteration(record) for record in header["history"]]

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Take over from a file what `arrays` gave."""
        self.user_index_ = IdIndex(saved_ids(arrays["user_ids"]))
        self.item_index_ = IdIndex(saved_ids(arrays["item_ids"]))
        self.rated_ = saved_rows(arrays, "rated")
        check_rows(self.rated_, len(self.user_index_), len(self.item_index_))


def _plain(value: Any) -> Any:
    if isinstance(value, np.random.Generator):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _iteration(record: dict[str, Any]) -> Iteration:
    for name, value in record.items():
        if value is not None and not isinstance(value, int | float):
            raise ModelFileError(f"{name} of an iteration is {value!r}")
    return Iteration(**record)
