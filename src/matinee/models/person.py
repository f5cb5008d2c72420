"""One person as a model sees them: a user it was fitted on, or a visitor folded in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.html import html_table
from matinee.models.answers import Explanation, Listing, Recommendation
from matinee.models.diversity import diverse
from matinee.models.explanation import explanation_of
from matinee.models.factor_people import FactorPeople
from matinee.models.filters import Candidates
from matinee.models.id_lookup import positions_of
from matinee.models.people import People
from matinee.ratings.ids import Id
from matinee.solving.row_problem import Floats


class Person:
    """A fitted user, or a person whom `Model.fold_in` made from a few ratings without retraining.

    Attributes
    ----------
    rated : dict
        The ratings of the person, by item.
    """

    def __init__(self, candidates: Candidates, people: People) -> None:
        self.candidates = candidates
        self._item_index = candidates.index
        self._people = people

    @property
    def people(self) -> People:
        """The person as one row of the model's people."""
        return self._people

    @property
    def rated(self) -> dict[Id, float]:
        """The ratings of the person, by item."""
        ids = self._item_index.ids[self._people.rated.columns].tolist()
        return dict(zip(ids, self._people.rated.values.tolist(), strict=True))

    @property
    def factors(self) -> Floats:
        """The person's factors; float32, shape (n_factors,). Only models with factors have them."""
        factors: Floats = self._factor_people("factors").own.factors[0]
        return factors

    @property
    def bias(self) -> float:
        """How much higher than others this person rates. Only models with factors have it."""
        biases = self._factor_people("bias").own.biases
        return 0.0 if biases is None else float(biases[0])

    def _factor_people(self, name: str) -> FactorPeople:
        if not isinstance(self._people, FactorPeople):
            raise AttributeError(f"this person has no {name}: the model is not a factor model")
        return self._people

    def __repr__(self) -> str:
        factors = f", {len(self.factors)} factors" if hasattr(self, "factors") else ""
        return f"{type(self).__name__}(by {len(self._people.rated.columns)} ratings{factors})"

    def _repr_html_(self) -> str:
        """A table for a notebook: what the person has rated, the best first."""
        ratings = sorted(self.rated.items(), key=lambda pair: -pair[1])
        return html_table(
            [type(self).__name__, "rating"], [(str(item), f"{stars:g}") for item, stars in ratings]
        )

    def in_context(self, context: Mapping[str, Any]) -> Self:
        """The same person in a context, such as ``{"weekday": "Saturday"}``, for all answers that follow.

        Raises
        ------
        DataError
            If the model was fitted without contexts, or not with such a one.
        """
        return type(self)(self.candidates, self._people.in_context(context))

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items with the highest scores, best first; fewer if there are fewer items.

        Parameters
        ----------
        n : int
            The number of items.
        exclude_seen : bool
            Leave out the items that the person has rated.
        items : ids, optional
            Choose only from these. With none of them the list is empty.
        exclude : ids, optional
            Leave out these. Ids that the model does not know make no difference.
        min_ratings : int, optional
            Choose only from items that at least so many users rated, in the fitted ratings.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, as in `Model.recommend`.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``n`` or ``diversity`` is out of its range, or a filter is refused as in `Model.recommend`.
        """
        chosen = self.candidates.positions(items, exclude, min_ratings)
        people = diverse(self._people, self.candidates, diversity)
        columns, scores = self._best(people, n, exclude_seen, chosen)
        return Listing(map(Recommendation, self._item_index.ids[columns].tolist(), scores.tolist()))

    def _best(
        self, people: People, n: int, exclude_seen: bool, chosen: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], Floats]:
        """The positions and scores of the best n items for the first of the people."""
        positions, scores = people.rank(
            whole_number("n", n, least=1),
            excluded=people.rated if exclude_seen else None,
            candidates=chosen,
        )
        shown = positions[0] >= 0
        return positions[0, shown].astype(np.int64), scores[0, shown]

    def predict(self, items: Any, *, unknown: str = "fallback") -> Any:
        """The predicted ratings of this person, as `Model.predict` gives them for one user.

        Parameters
        ----------
        items : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}
            What to do about an item that the model has not seen; as in `Model.predict`.

        Returns
        -------
        float or ndarray of float32, shape (n,)
        """
        columns, is_scalar = positions_of(self._item_index, items, "item", unknown)
        predicted = self._people.predict(np.zeros_like(columns), columns)
        if unknown == "nan":
            predicted[columns < 0] = np.nan
        return float(predicted[0]) if is_scalar else predicted

    def explain(self, item: Any, *, n: int = 5) -> Explanation:
        """The parts of this person's score for an item: the n rated items that matter most, and the rest.

        Raises
        ------
        UnknownItemError
            If the model has not seen the item.
        """
        return self.explain_all([item], n=n)[0]

    def explain_all(self, items: Iterable[Any], *, n: int = 5) -> list[Explanation]:
        """The same as `explain` for several items, in hardly more time than for one.

        Raises
        ------
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        """
        columns = self._positions_of(list(items))
        n = whole_number("n", n, least=0)
        rated = self._people.rated
        ids = self._item_index.ids[rated.columns]
        parts = zip(*self._people.score_parts(columns), strict=True)
        return [explanation_of(ids, rated.values, float(baseline), each, n) for baseline, each in parts]

    def _positions_of(self, items: Any) -> Any:
        """The positions of items; all must be known."""
        return positions_of(self._item_index, items, "item", "raise")[0]
