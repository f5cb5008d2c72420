"""Many people at once as a model sees them; each kind of model answers for them in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.ratings import Rows
from matinee.solving.ranking import Positions, Ranker
from matinee.solving.row_problem import Floats, Side

ScoreParts = tuple[NDArray[np.float64], NDArray[np.float64]]


class People(ABC):
    """Some people, one row for each: users that a model was fitted on, or people who were folded in.

    Attributes
    ----------
    rated : Rows
        The ratings of each person; the columns are positions of the model's items.
    n_threads : int
        The number of threads to compute answers with.
    """

    rated: Rows
    n_threads: int

    @abstractmethod
    def pick(self, rows: NDArray[Any]) -> Self:
        """Some of these people, in the order of ``rows``."""

    def in_context(self, context: Mapping[str, Any]) -> Self:
        """The same people in a context, such as ``{"weekday": "Saturday"}``.

        Raises
        ------
        DataError
            If the model was fitted without contexts, or not with such a one.
        """
        raise DataError(
            f"context={context!r}, but the model was fitted without contexts; fit ALS or BayesianALS to "
            "ratings that have some, or leave context out"
        )

    def in_contexts(
        self, rows: NDArray[Any], context: Mapping[str, Any]
    ) -> Iterator[tuple[slice, Self, NDArray[np.int64]]]:
        """The people at these positions, each in a context of their own, a part of them after the other.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            −1 stands for a person about whom nothing is known.
        context : mapping of str to a value, or to a column of n values

        Yields
        ------
        slice, People, ndarray of int64
            The part of ``rows``, people, and the position of each row of the part among them.

        Raises
        ------
        DataError
            As `in_context`, or if a column is of another length.
        """
        self.in_context(context)
        yield from ()

    @abstractmethod
    def rank(
        self,
        n: int,
        *,
        rows: NDArray[Any] | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
    ) -> tuple[Positions, Floats]:
        """The positions and scores of the best n items for each person, in the form of `Ranker.best`."""

    @abstractmethod
    def scores(self, rows: NDArray[Any]) -> Floats:
        """Scores of all items for some of the people; float32, shape (n_rows, n_items)."""

    @abstractmethod
    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """Predicted ratings for pairs of positions of people and items; −1 stands for an unknown one."""

    @abstractmethod
    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        """The parts of the scores of items, if these people are a single person.

        Parameters
        ----------
        columns : ndarray of int, shape (n_items,)
            The positions of the items.

        Returns
        -------
        ndarray of float64, shape (n_items,) and (n_items, n_rated)
            The baseline of each score, and what each rating of the person adds to it. Their sum is the score
            that `rank` gives.
        """


class ProductItems(Protocol):
    """Items whose factors and biases make scores of people's factors."""

    @property
    def side(self) -> Side: ...

    @property
    def ranker(self) -> Ranker: ...

    @property
    def mean(self) -> float: ...


class ProductPeople(People):
    """People whose scores are products of two rows of numbers, and a number of each person's own.

    Attributes
    ----------
    side : Side
        The factors and biases of the people.
    items : ProductItems
    """

    side: Side
    items: ProductItems

    @property
    def item_columns(self) -> Floats:
        """The rows of the items, a bias as another column; float32, shape (n_items, k)."""
        factors, biases = self.items.side.factors, self.items.side.biases
        columns: Floats = factors if biases is None else np.column_stack([factors, biases])
        return columns

    def query_columns(self, rows: NDArray[Any]) -> Floats:
        """The rows of some of the people, a 1 for the items' biases; float32, shape (n_rows, k)."""
        factors: Floats = self.side.factors[rows]
        if self.items.side.biases is None:
            return factors
        return np.hstack([factors, np.ones((len(factors), 1), dtype=np.float32)])

    def own_numbers(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """What is the same in all scores of a person: mean and bias; float64, shape (n_rows,)."""
        numbers = np.full(len(rows), self.items.mean)
        return numbers if self.side.biases is None else numbers + self.side.biases[rows]

    def scores(self, rows: NDArray[Any]) -> Floats:
        """Scores of all items for some of the people; float32, shape (n_rows, n_items)."""
        scores: Floats = self.query_columns(rows) @ self.item_columns.T
        scores += self.own_numbers(rows).astype(np.float32)[:, None]
        return scores

    def rank(
        self,
        n: int,
        *,
        rows: NDArray[Any] | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
    ) -> tuple[Positions, Floats]:
        return self.items.ranker.best(
            self.side,
            n,
            offset=self.items.mean,
            rows=None if rows is None else rows.astype(np.int32),
            excluded=excluded,
            candidates=candidates,
            n_threads=self.n_threads,
        )
