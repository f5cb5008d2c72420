"""A model that answers with products of factors, whichever way it finds the factors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, whole_number
from matinee.errors import DataError, ModelFileError
from matinee.models.factor_people import FactorItems
from matinee.models.half_life import aged, newest_of
from matinee.models.id_lookup import Kind
from matinee.models.model import Model
from matinee.models.new_item import ItemAnswers
from matinee.models.rated import in_contexts_of
from matinee.models.saved_arrays import saved_array
from matinee.ratings import Ratings
from matinee.solving.contexts import ContextValues
from matinee.solving.history import Iteration
from matinee.solving.ranking import Ranker, nearest, nearest_to
from matinee.solving.row_problem import Floats, Side, bias_or_zeros, predict_pairs

NO_LIMITS = (-np.inf, np.inf)


def require_factors(model: Model) -> FactorModel:
    """The model, if it has factors.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        If the model has no factors.
    """
    model.check_fitted()
    part = model.factor_part
    if not isinstance(part, FactorModel):
        raise DataError(f"expected a model with factors, such as ALS, got {type(model).__name__}")
    return part


class FactorModel(Model):
    """A factorisation of a ratings matrix.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32, shape (n_users, n_factors), (n_items, n_factors)
        The factors, with rows in the order of ``train.users`` and ``train.items``.
    user_biases_, item_biases_ : ndarray of float32, shape (n_users,), (n_items,)
        The biases, in the units of the ratings; zeros in a model without biases.
    mean_ : float
        The number that biases and products of factors are added to.
    newest_ : int or None
        With a half-life, the time of the latest rating of the fit, from which ratings age; Unix seconds.
    """

    half_life: str | None = None
    newest_: int | None = None
    user_factors_: Floats
    item_factors_: Floats
    user_biases_: Floats
    item_biases_: Floats
    mean_: float

    @property
    @abstractmethod
    def has_biases(self) -> bool:
        """Whether users and items have biases."""

    def least_memory(self, train: Ratings) -> int:
        """The bytes of the factors, and of a row's equations."""
        n_factors = int(getattr(self, "n_factors", 1))
        return 4 * n_factors * (train.n_users + train.n_items + n_factors)

    def by_age(self, train: Ratings) -> tuple[Ratings, int | None]:
        """The ratings of a fit with the weights of their age, and the time of the latest of them.

        Without a half-life the ratings stay as they are, and the time is None.

        Raises
        ------
        DataError
            With a half-life, if a rating has no timestamp.
        """
        if self.half_life is None:
            return train, None
        newest = newest_of(train)
        return aged(train, self.half_life, newest), newest

    def weighed_as_fitted(self, ratings: Ratings) -> Ratings:
        """New ratings with the weights and contexts that they have beside those of the fit."""
        ratings, half_life = in_contexts_of(ratings, self.contexts_), self.as_fitted.half_life
        if half_life is None or self.newest_ is None:
            return ratings
        return aged(ratings, half_life, self.newest_)

    def keep_fit(
        self, train: Ratings, users: Side, items: Side, mean: float, history: list[Iteration]
    ) -> None:
        """Store all results of a fit at once."""
        self.mean_ = mean
        self.keep_sides(users, items)
        self.keep_ratings(train, history)

    def keep_sides(self, users: Side, items: Side) -> None:
        """Store the factors and biases, zeros for the biases of a model without."""
        self.user_factors_, self.item_factors_ = users.factors, items.factors
        self.user_biases_, self.item_biases_ = (bias_or_zeros(side) for side in (users, items))

    @property
    def user_side(self) -> Side:
        """The factors and biases of the fitted users."""
        return Side(self.user_factors_, self.user_biases_ if self.as_fitted.has_biases else None)

    @property
    def answering_users(self) -> Side:
        """The fitted users as lists are made for them where no context is asked for."""
        return self.user_side

    @property
    def item_side(self) -> Side:
        """The factors and biases of the items."""
        return Side(self.item_factors_, self.item_biases_ if self.as_fitted.has_biases else None)

    @property
    def context_values(self) -> ContextValues | None:
        """The rows of the values of contexts; None of a model that has none, or keeps them elsewhere."""
        return None

    @property
    def sides_to_start_from(self) -> tuple[Side, Side]:
        """The users and the items that another fit may start from."""
        return self.user_side, self.item_side

    def nearest_rows(
        self, kind: Kind, row: int, n: int, candidates: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Positions and cosines of the n rows whose factors have the smallest angle to those of ``row``."""
        factors = (self.user_side if kind == "user" else self.item_side).factors
        return nearest(self.directions(kind), factors[row : row + 1], row, n, candidates)

    def directions(self, kind: Kind) -> Ranker:
        """A ranker of the users or items by the angle between factors."""
        factors = (self.user_side if kind == "user" else self.item_side).factors
        ranker: Ranker = self._computed.get(
            f"directions of every {kind}", lambda: Ranker(Side(factors, None), cosine=True)
        )
        return ranker

    @property
    def n_products(self) -> int:
        """The number of products of factors that are averaged in a prediction."""
        return 1

    @property
    def items_for_people(self) -> FactorItems:
        """The items, ready to be ranked and rated for people."""
        limits = self.rating_range_ if self.predicts_ratings else NO_LIMITS
        items: FactorItems = self._computed.get(
            "items for people",
            lambda: FactorItems(
                self.item_side,
                Ranker(self.item_side),
                self.mean_,
                limits,
                self.contexts_,
                self.context_values,
            ),
        )
        return items

    def item_answers(self, item: Side) -> ItemAnswers:
        """The answers for an item that is not among those of the fit; of its factors and bias, one row."""
        users, mean, limits = self.answering_users, self.mean_, self.items_for_people.limits

        def scores(rows: NDArray[Any]) -> Floats:
            return predict_pairs(rows, np.zeros_like(rows), users, item, offset=mean, n_threads=1)

        def predict(rows: NDArray[Any]) -> Floats:
            return np.clip(scores(rows), *limits)

        def neighbours(n: int) -> list[tuple[int, float]]:
            return nearest_to(self.directions("item"), item.factors, n)

        bias = item.biases
        columns = item.factors[0] if bias is None else np.append(item.factors[0], bias)
        return ItemAnswers(
            item.factors[0], 0.0 if bias is None else float(bias[0]), columns, predict, scores, neighbours
        )

    # ---- files --------------------------------------------------------------------------------------

    def header(self) -> dict[str, Any]:
        """The plain values of a model file; `arrays` has the rest."""
        newest = {} if self.newest_ is None else {"newest": self.newest_}
        return {**super().header(), "mean": self.mean_, **newest}

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model file, by name."""
        return {
            **super().arrays(),
            "user_factors": self.user_factors_,
            "item_factors": self.item_factors_,
            "user_biases": self.user_biases_,
            "item_biases": self.item_biases_,
        }

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Set the attributes that `header` wrote to a file."""
        super().take_header(header)
        low, high = self.rating_range_
        self.mean_ = number("mean", header["mean"], least=min(low, 0.0), most=max(high, 0.0))
        self.newest_ = None
        if self.half_life is not None:
            self.newest_ = whole_number("newest", header["newest"], least=-(2**62), most=2**62)

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Set the attributes that `arrays` wrote to a file."""
        super().take_arrays(arrays)
        self.user_factors_ = saved_array(arrays, "user_factors", np.float32, 2)
        self.item_factors_ = saved_array(arrays, "item_factors", np.float32, 2)
        self.user_biases_ = saved_array(arrays, "user_biases", np.float32, 1)
        self.item_biases_ = saved_array(arrays, "item_biases", np.float32, 1)
        self.check_shapes()

    def check_shapes(self) -> None:
        """Raise a ModelFileError if the shapes of factors and biases do not match the number of ids."""
        n_users, n_items = len(self.user_index_), len(self.item_index_)
        rank = self.item_factors_.shape[1]
        fits = (
            rank >= 1
            and self.user_factors_.shape == (n_users, rank)
            and self.item_factors_.shape == (n_items, rank)
            and self.user_biases_.shape == (n_users,)
            and self.item_biases_.shape == (n_items,)
        )
        if not fits:
            raise ModelFileError("its arrays do not fit together")
