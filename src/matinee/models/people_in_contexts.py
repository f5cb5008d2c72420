"""People in a context each, whichever way a model answers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from matinee.models.people import ProductItems, ProductPeople
from matinee.ratings import Contexts, Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.row_problem import Floats, Side

# Numbers of the people in their contexts that are computed at a time: 64 MiB.
NUMBERS_AT_ONCE = 1 << 24


class ItemsInContexts(ProductItems, Protocol):
    """Items of a model that may have learned contexts, and what contexts make of people."""

    @property
    def contexts(self) -> Contexts | None: ...

    @property
    def stranger_alone(self) -> Any: ...

    def in_context(self, people: Any, codes: ContextCodes) -> Any: ...


# To make one takes longer than to pick a person.
@lru_cache(maxsize=16)
def no_contexts(n_people: int) -> ContextCodes:
    """The context of which nothing is known, for so many people, who share its memory."""
    return np.broadcast_to(np.int64(0), n_people)


@dataclass(frozen=True, eq=False)
class PeopleInContexts(ProductPeople):
    """People of a model that may have learned contexts; each is in one of them.

    Attributes
    ----------
    side : Side
        The factors and biases of the people in their contexts.
    own : Side
        The same apart from any context.
    codes : ndarray of int64, shape (n_people,)
        The context that each person is in, of which nothing is known unless it is asked for.
    known : Rows or None
        The features of the people; None if nothing is known of them.
    items : ItemsInContexts
        The items of the model.
    """

    side: Any
    rated: Rows
    known: Rows | None
    items: Any
    n_threads: int
    own: Any
    codes: ContextCodes

    @classmethod
    def of(
        cls, own: Side, rated: Rows, known: Rows | None, items: ItemsInContexts, n_threads: int, **more: Any
    ) -> Self:
        """People in a context of which nothing is known."""
        codes = no_contexts(rated.n_rows)
        return cls(items.in_context(own, codes), rated, known, items, n_threads, own, codes, **more)

    def pick(self, rows: NDArray[Any]) -> Self:
        side, own = self.side.pick(rows), self.own
        return replace(
            self,
            side=side,
            own=side if own is self.side else own.pick(rows),
            codes=self.codes[rows],
            rated=self.rated.pick(rows),
            known=None if self.known is None else self.known.pick(rows),
        )

    def in_context(self, context: Mapping[str, Any]) -> Self:
        if self.items.contexts is None:
            return super().in_context(context)
        codes = np.full(len(self.codes), self.items.contexts.code(context))
        return replace(self, side=self.items.in_context(self.own, codes), codes=codes)

    def in_contexts(
        self, rows: NDArray[Any], context: Mapping[str, Any]
    ) -> Iterator[tuple[slice, Self, NDArray[np.int64]]]:
        if self.items.contexts is None:
            yield from super().in_contexts(rows, context)
            return
        codes = self.items.contexts.codes(context, len(rows))
        step = max(1, NUMBERS_AT_ONCE // self.own.factors.shape[1])
        for first in range(0, len(rows), step):
            part = slice(first, first + step)
            pairs, places = np.unique(np.stack([rows[part], codes[part]]), axis=1, return_inverse=True)
            yield part, self._in_codes(*pairs), places.reshape(-1)

    def _in_codes(self, rows: NDArray[np.int64], codes: ContextCodes) -> Self:
        """The people at these positions in a context each; −1 is a person about whom nothing is known."""
        own = self.own.pick(np.maximum(rows, 0))
        strangers = np.flatnonzero(rows < 0)
        if len(strangers):
            own.put(strangers, self.items.stranger_alone.pick(np.zeros_like(strangers)))
        return replace(
            self,
            side=self.items.in_context(own, codes),
            own=own,
            codes=codes,
            rated=self.rated.pick(rows),
            known=None if self.known is None else self.known.pick(rows),
        )


def predict_with_strangers(
    predict: Callable[[Any, Any, Side], Floats],
    rows: NDArray[Any],
    columns: NDArray[Any],
    users: Side,
    stranger: Callable[[], Side],
) -> Floats:
    """Predictions for pairs of positions; an unknown user (−1) counts as a person without ratings.

    The item's bias alone would not predict the rating; the mean user's factors and bias are needed too.
    """
    predicted = predict(rows, columns, users)
    strangers = (rows < 0) & (columns >= 0)
    if strangers.any():
        of_them = columns[strangers]
        predicted[strangers] = predict(np.zeros_like(of_them), of_them, stranger())
    return predicted
