"""An item as a model sees it that was not part of its fit: what people would think of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.models.answers import Listing, RecommendedUser, SimilarItem
from matinee.models.id_lookup import Unknown, positions_of
from matinee.ratings import Rows
from matinee.ratings.ids import Id, IdIndex
from matinee.solving.row_problem import Floats

# So many users are scored at a time.
USERS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class ItemAnswers:
    """How a model answers for an item that it was not fitted on.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,)
    bias : float
    columns : ndarray of float32, shape (k,)
        What the products with people's numbers make scores of, as in `ProductPeople.item_columns`.
    predict : callable
        Predicted ratings by users, from their positions; −1 stands for an unknown user.
    scores : callable
        The scores by which users' lists are ordered, from the positions of known users.
    neighbours : callable
        The positions and cosines of the n items most like this one.
    """

    factors: Floats
    bias: float
    columns: Floats
    predict: Callable[[NDArray[Any]], Floats]
    scores: Callable[[NDArray[Any]], Floats]
    neighbours: Callable[[int], list[tuple[int, float]]]


class NewItem:
    """An item that `Model.fold_in_item` made from a few ratings, without retraining.

    It is to an item what a `Person` is to a user.

    Attributes
    ----------
    rated : dict
        The ratings of the item, by user.
    factors : ndarray of float32, shape (n_factors,)
        The item's factors; in a `BayesianALS` the mean over the samples, in a `Recommender` those of its star
        model.
    bias : float
        How much higher than others the item is rated; 0 in a model without biases.
    """

    def __init__(self, user_index: IdIndex, item_index: IdIndex, rated: Rows, answers: ItemAnswers) -> None:
        self._user_index, self._item_index = user_index, item_index
        self._rated, self.answers = rated, answers
        self.factors, self.bias = answers.factors, answers.bias

    @property
    def rated(self) -> dict[Id, float]:
        """The ratings of the item, by user."""
        ids = self._user_index.ids[self._rated.columns].tolist()
        return dict(zip(ids, self._rated.values.tolist(), strict=True))

    def __repr__(self) -> str:
        return f"NewItem(by {len(self._rated.columns)} ratings, {len(self.factors)} factors)"

    def predict(self, users: Any, *, unknown: Unknown = "fallback") -> Any:
        """The predicted ratings of this item, as `Model.predict` gives them for an item of the fit.

        Parameters
        ----------
        users : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}
            What to do about a user that the model has not seen; as in `Model.predict`.

        Returns
        -------
        float or ndarray of float32, shape (n,)
        """
        users = list(users) if isinstance(users, Iterator) else users
        rows, is_scalar = positions_of(self._user_index, users, "user", unknown)
        predicted = self.answers.predict(rows)
        if unknown == "nan":
            predicted[rows < 0] = np.nan
        return float(predicted[0]) if is_scalar else predicted

    def recommend_users(self, n: int = 10, *, exclude_seen: bool = True) -> list[RecommendedUser]:
        """The n users with the highest scores for this item, best first: whom to tell about it.

        Parameters
        ----------
        n : int
            The number of users.
        exclude_seen : bool
            Leave out the users who have rated the item.

        Raises
        ------
        DataError
            If ``n`` is not a whole number of at least 1.
        """
        n, n_users = whole_number("n", n, least=1), len(self._user_index)
        scores = np.empty(n_users, dtype=np.float32)
        for first in range(0, n_users, USERS_AT_ONCE):
            rows = np.arange(first, min(first + USERS_AT_ONCE, n_users))
            scores[rows] = self.answers.scores(rows)
        users = np.arange(n_users)
        if exclude_seen:
            users = np.setdiff1d(users, self._rated.columns)
        best = users[np.argsort(-scores[users], kind="stable")[:n]]
        return Listing(RecommendedUser(self._user_index.id_at(row), float(scores[row])) for row in best)

    def similar_items(self, n: int = 10) -> list[SimilarItem]:
        """The n items of the fit most like this one, most similar first; factors are compared by their angle.

        Raises
        ------
        DataError
            If ``n`` is not a whole number of at least 1.
        """
        found = self.answers.neighbours(whole_number("n", n, least=1))
        return Listing(SimilarItem(self._item_index.id_at(place), score) for place, score in found)
