"""People and items of a model with one row of factors for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.people import ScoreParts
from matinee.models.people_in_contexts import PeopleInContexts, predict_with_strangers
from matinee.ratings import Contexts, Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import ContextValues, in_context
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import Floats, Side, predict_pairs


@dataclass(frozen=True, eq=False)
class FactorItems:
    """The items of a factor model, ready to be ranked and rated.

    Attributes
    ----------
    side : Side
        The factors and biases of the items.
    ranker : Ranker
        A ranker of the same factors and biases.
    mean : float
        The number that biases and products of factors are added to.
    limits : tuple of float
        The range that predictions are clipped to.
    contexts : Contexts or None
        The contexts of the fitted ratings; None if they had none.
    values : ContextValues or None
        The rows of their values.
    """

    side: Side
    ranker: Ranker
    mean: float
    limits: tuple[float, float]
    contexts: Contexts | None = None
    values: ContextValues | None = None

    def in_context(self, people: Side, codes: ContextCodes) -> Side:
        """The factors and biases of people in a context each; their own if the model has no contexts."""
        return people if self.values is None else in_context(people, self.values.of(codes))

    @cached_property
    def stranger_alone(self) -> Side:
        """A person about whom nothing is known, apart from any context: nothing but zeros."""
        return Side.empty(1, self.side.factors.shape[1], biases=self.side.biases is not None)

    @cached_property
    def stranger(self) -> Side:
        """The same in a context of which nothing is known."""
        return self.in_context(self.stranger_alone, np.zeros(1, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class FactorPeople(PeopleInContexts):
    """People who have factors, and perhaps biases.

    Attributes
    ----------
    parts_of : callable, optional
        Takes the ratings and the features of one person, the positions of items and the code of a context;
        returns the parts of the scores of the items, as in `People.score_parts`. Without it ratings add
        nothing to scores.
    """

    side: Side
    items: FactorItems
    own: Side
    parts_of: Callable[[Rows, Rows | None, NDArray[Any], int], ScoreParts] | None = None

    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        if self.items.values is None:
            predicted = self._scored(rows, columns, self.side)
        else:
            predicted = predict_with_strangers(
                self._scored, rows, columns, self.side, lambda: self.items.stranger
            )
        return np.clip(predicted, *self.items.limits, out=predicted)

    def _scored(self, rows: NDArray[Any], columns: NDArray[Any], people: Side) -> Floats:
        items = self.items
        return predict_pairs(rows, columns, people, items.side, offset=items.mean, n_threads=self.n_threads)

    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        if self.parts_of is not None:
            return self.parts_of(self.rated, self.known, columns, int(self.codes[0]))
        baselines = np.full(len(columns), self.items.mean)
        if self.items.side.biases is not None:
            baselines += self.items.side.biases[columns]
        return baselines, np.zeros((len(columns), len(self.rated.columns)))
