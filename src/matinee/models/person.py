"""One person in the eyes of a model: a user it was fitted on, or a visitor folded in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, whole_number
from matinee.errors import DataError
from matinee.models.answers import Explanation, Recommendation
from matinee.models.explanation import explain, explain_all, score_parts
from matinee.ratings import Rows
from matinee.ratings.ids import Id
from matinee.solving.row_problem import Floats, Side

if TYPE_CHECKING:
    from matinee.models.model import Model


# Beyond this a sum of squares overflows single precision, and there would be nothing to recommend.
LARGEST_RATING = 1e15


class Person:
    """Factors, a bias and the ratings they came from. `Model.fold_in` makes one; nothing is retrained.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,)
    bias : float
        In the units of the ratings.
    """

    def __init__(self, model: Model, side: Side, rated: Rows) -> None:
        self._model = model
        self._side = side
        self._rated = rated

    @property
    def factors(self) -> Floats:
        """The person's factors; float32, shape (n_factors,)."""
        factors: Floats = self._side.factors[0]
        return factors

    @property
    def bias(self) -> float:
        """How much higher than others this person rates."""
        return 0.0 if self._side.biases is None else float(self._side.biases[0])

    @property
    def rated(self) -> dict[Id, float]:
        """The ratings that the person is known by."""
        ids = self._model.item_index_.ids[self._rated.columns].tolist()
        return dict(zip(ids, self._rated.values.tolist(), strict=True))

    def __repr__(self) -> str:
        return f"Person(by {len(self._rated.columns)} ratings, {len(self.factors)} factors)"

    def recommend(
        self, n: int = 10, *, exclude_seen: bool = True, items: Iterable[Any] | None = None
    ) -> list[Recommendation]:
        """The n items of the highest score, best first; fewer only where there are fewer.

        Parameters
        ----------
        n : int
        exclude_seen : bool
            Leave out what the person has rated.
        items : ids, optional
            Choose among these only.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``n`` is not a whole number of at least 1.
        """
        model = self._model
        positions, scores = model._item_ranker.best(
            self._side,
            whole_number("n", n, least=1),
            offset=model.mean_,
            excluded=self._rated if exclude_seen else None,
            candidates=None if items is None else model._item_positions(items),
        )
        n_found = int(np.count_nonzero(positions[0] >= 0))
        ids = model.item_index_.ids[positions[0, :n_found]].tolist()
        return list(map(Recommendation, ids, scores[0, :n_found].tolist()))

    def predict(self, items: Any, *, unknown: str = "fallback") -> Any:
        """The ratings expected of this person; as `Model.predict`, for one user.

        Parameters
        ----------
        items : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}

        Returns
        -------
        float or ndarray of float32, shape (n,)
        """
        columns, is_scalar = self._model._positions(items, "item", unknown)
        predicted = self._model._predict_positions(np.zeros_like(columns), columns, self._side, unknown)
        return float(predicted[0]) if is_scalar else predicted

    def explain(self, item: Any, *, n: int = 5) -> Explanation:
        """What this person's score for an item is made of; the n rated items that matter most.

        Raises
        ------
        UnknownItemError
            If the model has not seen the item.
        """
        column = int(self._model._item_positions([item])[0])
        return explain(self, column, whole_number("n", n, least=0))

    def explain_all(self, items: Iterable[Any], *, n: int = 5) -> list[Explanation]:
        """As `explain`, for several items at hardly more than the price of one.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        """
        columns = self._model._item_positions(list(items))
        return explain_all(self, columns, whole_number("n", n, least=0))

    def _score_parts(self, columns: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return score_parts(self._model, self._rated, columns)


def rated_rows(model: Model, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Rows:
    """One row of ratings from a mapping of item to rating, checked.

    Raises
    ------
    UnknownItemError
        For the first item that the model has not seen.
    DataError
        For a rating that is not a finite number.
    """
    try:
        by_item = dict(ratings)
    except (TypeError, ValueError):
        given = type(ratings).__name__
        raise DataError(f"expected ratings as {{item: rating, …}}, got {given}") from None
    columns = model._item_positions(list(by_item)).astype(np.int32)
    for item, value in by_item.items():
        number(f"rating of item {item!r}", value, least=-LARGEST_RATING, most=LARGEST_RATING)
    order = np.argsort(columns)
    values = np.fromiter(map(float, by_item.values()), dtype=np.float32, count=len(by_item))
    return Rows(np.array([0, len(columns)], dtype=np.int64), columns[order], values[order])
