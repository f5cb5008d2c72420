"""What every model can do once its factors are known: predict, recommend, explain, fold in."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.errors import DataError, NotFittedError
from matinee.models.answers import Explanation, Recommendation, SimilarItem, SimilarUser
from matinee.models.computed_once import Derived
from matinee.models.id_lookup import Kind, Unknown, positions_of, unknown_id
from matinee.models.parameters import Parameters, thread_count
from matinee.models.person import Person, rated_rows
from matinee.models.saving import save_model
from matinee.ratings import Ratings, Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration
from matinee.solving.ranking import Ranker, nearest
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    Side,
    Terms,
    predict_pairs,
    solve_rows,
    with_ones,
)


class Model(Parameters):
    """A factorisation of a ratings matrix, and its answers in the user's own ids.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32, shape (n_users, n_factors), (n_items, n_factors)
        Rows as in ``train.users`` and ``train.items``.
    user_biases_, item_biases_ : ndarray of float32, shape (n_users,), (n_items,)
        In the units of the ratings; zeros in a model without biases.
    mean_ : float
        What biases and factors are added to.
    rating_range_ : tuple of float
        The least and the greatest rating seen; predictions are clipped to it.
    history_ : list of Iteration
    user_index_, item_index_ : IdIndex
    rated_ : Rows
        The ratings fitted, by user.
    interrupted_ : bool
        Whether Ctrl-C ended the fit early; only of a model that makes the best of what it has by then.
    """

    predicts_ratings: ClassVar[bool] = True
    interrupted_: bool = False

    n_threads: int | None
    user_factors_: Floats
    item_factors_: Floats
    user_biases_: Floats
    item_biases_: Floats
    mean_: float
    rating_range_: tuple[float, float]
    history_: list[Iteration]
    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    _derived: Derived
    _as_fitted: Any

    @abstractmethod
    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Learn the factors."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise a DataError for a parameter out of its range."""

    @property
    @abstractmethod
    def _with_biases(self) -> bool:
        """Whether biases are part of the row problem."""

    @abstractmethod
    def _user_ridge(self, observed: Rows) -> Floats:
        """The regularisation of people with such ratings."""

    def _observed(self, rated: Rows) -> Rows:
        """The ratings as the row problem takes them."""
        return rated

    @property
    @abstractmethod
    def _terms(self) -> Terms:
        """What a value stands for in the fitted model's row problem."""

    def _keep(self, train: Ratings, users: Side, items: Side, mean: float, history: list[Iteration]) -> None:
        """Take over what a fit has found, all at once."""
        self.user_factors_, self.item_factors_ = users.factors, items.factors
        self.user_biases_ = np.zeros(train.n_users, np.float32) if users.biases is None else users.biases
        self.item_biases_ = np.zeros(train.n_items, np.float32) if items.biases is None else items.biases
        self.mean_ = mean
        self.history_ = history
        self.rating_range_ = (float(train.values.min()), float(train.values.max()))
        self.user_index_, self.item_index_ = train.user_index, train.item_index
        self.rated_ = train.by_user
        self._settle()

    def _settle(self, derived: Derived | None = None) -> None:
        """Answer from now on by the parameters of this moment, whatever they are set to later.

        Parameters
        ----------
        derived : Derived, optional
            What a model of other users has made of the same items.
        """
        self.__dict__.pop("_as_fitted", None)
        self._derived = Derived() if derived is None else derived
        self._as_fitted = copy.copy(self)

    # ---- sides, positions ---------------------------------------------------------------------

    @property
    def _users(self) -> Side:
        return Side(self.user_factors_, self.user_biases_ if self._fitted._with_biases else None)

    @property
    def _items(self) -> Side:
        return Side(self.item_factors_, self.item_biases_ if self._fitted._with_biases else None)

    @property
    def _stranger(self) -> Side:
        """A person of whom nothing is known."""
        return Side.empty(1, self.item_factors_.shape[1], biases=self._fitted._with_biases)

    @property
    def _fitted(self) -> Self:
        """The model with the parameters that it was fitted with."""
        self._check_fitted()
        fitted: Self = self._as_fitted
        return fitted

    def _check_fitted(self) -> None:
        if not hasattr(self, "item_factors_"):
            name = type(self).__name__
            raise NotFittedError(f"this {name} has not been fitted; call fit(train), or matinee.load(path)")

    @property
    def _item_ranker(self) -> Ranker:
        ranker: Ranker = self._derived.get("items", lambda: Ranker(self._items))
        return ranker

    @property
    def _item_prior(self) -> NDArray[np.float64] | None:
        """What all items add to every person's row problem."""
        threads = thread_count(self.n_threads)
        prior: NDArray[np.float64] | None = self._derived.get(
            "prior", lambda: self._fitted._terms.prior(self._items, threads)
        )
        return prior

    def _bordered_factors(self, columns: NDArray[Any]) -> NDArray[np.float64]:
        """Item factors as the row problem has them: with a 1 at the end where there are biases."""
        factors = self._items.factors[columns]
        return with_ones(factors) if self._fitted._with_biases else factors.astype(np.float64)

    def _item_positions(self, items: Iterable[Any]) -> NDArray[np.int64]:
        """Positions of items that must all be known."""
        self._check_fitted()
        return self._positions(items, "item", "raise")[0]

    def _user_position(self, user: Any) -> int:
        self._check_fitted()
        position = self.user_index_.position(user)
        if position < 0:
            raise unknown_id(self.user_index_, user, "user")
        return position

    def _positions(self, ids: Any, kind: Kind, unknown: str) -> tuple[NDArray[np.int64], bool]:
        """Positions of ids, −1 where unknown, and whether a single id was given."""
        return positions_of(self.user_index_ if kind == "user" else self.item_index_, ids, kind, unknown)

    def _person(self, user: Any) -> Person:
        row = self._user_position(user)
        begin, end = self.rated_.indptr[row], self.rated_.indptr[row + 1]
        rated = Rows(
            np.array([0, end - begin]), self.rated_.columns[begin:end], self.rated_.values[begin:end]
        )
        users = self._users
        biases = None if users.biases is None else users.biases[row : row + 1]
        return Person(self, Side(users.factors[row : row + 1], biases), rated)

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
        self._check_fitted()
        for ids in (users, items):
            if isinstance(ids, AbstractSet | Mapping) or np.ndim(ids) > 1:
                given = type(ids).__name__
                raise DataError(f"expected an id or a column of ids to predict in pairs, got {given}")
        rows, single_user = self._positions(users, "user", unknown)
        columns, single_item = self._positions(items, "item", unknown)
        try:
            rows, columns = np.broadcast_arrays(rows, columns)
        except ValueError:
            raise DataError(
                f"{rows.size} users and {columns.size} items; expected pairs, or a single id on one side"
            ) from None
        predicted = self._predict_positions(rows, columns, self._users, unknown)
        return float(predicted[0]) if single_user and single_item else predicted

    def _predict_positions(
        self, rows: NDArray[Any], columns: NDArray[Any], users: Side, unknown: str
    ) -> Floats:
        predicted = self._clipped_predictions(rows, columns, users)
        if unknown == "nan":
            predicted[(rows < 0) | (columns < 0)] = np.nan
        return predicted

    def _clipped_predictions(self, rows: NDArray[Any], columns: NDArray[Any], users: Side) -> Floats:
        predicted = self._raw_predictions(rows, columns, users)
        if self.predicts_ratings:
            np.clip(predicted, *self.rating_range_, out=predicted)
        return predicted

    def _raw_predictions(self, rows: NDArray[Any], columns: NDArray[Any], users: Side) -> Floats:
        threads = thread_count(self.n_threads)
        return predict_pairs(rows, columns, users, self._items, offset=self.mean_, n_threads=threads)

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
        return self._person(user).recommend(n, exclude_seen=exclude_seen, items=items)

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
        self._check_fitted()
        every = (
            np.arange(len(self.user_index_)) if users is None else self._positions(users, "user", "raise")[0]
        )
        positions, scores = self._item_ranker.best(
            self._users,
            whole_number("n", n, least=1),
            offset=self.mean_,
            rows=every.astype(np.int32),
            excluded=self.rated_ if exclude_seen else None,
            n_threads=thread_count(self.n_threads),
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
        """The n items whose factors point most nearly in the direction of this one's, nearest first.

        Raises
        ------
        UnknownItemError
            If the model has not seen the item.
        """
        column = int(self._item_positions([item])[0])
        found = self._neighbours("similar items", self._items.factors, column, n)
        return [SimilarItem(self.item_index_.id_at(place), score) for place, score in found]

    def similar_users(self, user: Any, n: int = 10) -> list[SimilarUser]:
        """The n users whose factors point most nearly in the direction of this one's, nearest first.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user.
        """
        row = self._user_position(user)
        found = self._neighbours("similar users", self._users.factors, row, n)
        return [SimilarUser(self.user_index_.id_at(place), score) for place, score in found]

    def _neighbours(self, name: str, factors: Floats, row: int, n: int) -> list[tuple[int, float]]:
        ranker = self._derived.get(name, lambda: Ranker(Side(factors, None), cosine=True))
        return nearest(ranker, factors[row : row + 1], row, whole_number("n", n, least=1))

    def explain(self, user: Any, item: Any, *, n: int = 5) -> Explanation:
        """What a user's score for an item is made of: the n rated items that matter most, and the rest.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the model has not seen the user or the item.
        """
        return self._person(user).explain(item, n=n)

    def fold_in(self, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Person:
        """A person the model has never seen, from their ratings; the same row problem as in the fit.

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
        self._check_fitted()
        rated = rated_rows(self, ratings)
        return Person(self, self._fold_rows(rated), rated)

    def _fold_rows(self, rated: Rows) -> Side:
        """People the model has never seen, a row each, in one call of the kernel."""
        fitted = self._fitted
        observed = fitted._observed(rated)
        side = Side.empty(len(rated.indptr) - 1, self.item_factors_.shape[1], biases=fitted._with_biases)
        solve_rows(
            observed,
            self._items,
            side,
            ridge=fitted._user_ridge(observed),
            terms=fitted._terms,
            n_threads=min(thread_count(self.n_threads), len(rated.indptr) - 1),
            solver=TO_THE_LAST_DIGIT,
            prior=self._item_prior,
        )
        return side

    def _more_to_save(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a model's file holds besides what every model's does: plain values, and arrays."""
        return {}, {}

    def _take_saved(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Take over from a file what `_more_to_save` gave."""

    def save(self, path: str | Path) -> None:
        """Write the model to a file, atomically; `matinee.load` reads it."""
        self._check_fitted()
        save_model(self, path)
