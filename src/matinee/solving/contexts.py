"""Contexts as a third side: the rows of their values, their place in a fit, and people in a context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Contexts, Rows
from matinee.ratings.contexts import ContextCodes, digits_of
from matinee.solving.row_problem import (
    Floats,
    Losses,
    SecondRows,
    Side,
    Terms,
    bias_or_zeros,
    predict_pairs,
    solve_rows,
)

# Different contexts, and which of them each rating has.
NumberedContexts: TypeAlias = tuple[ContextCodes, NDArray[np.int32]]


def numbered(codes: ContextCodes | None, n_ratings: int) -> NumberedContexts:
    """The different contexts of ratings; those without have that of which nothing is known."""
    if codes is None:
        return np.zeros(1, dtype=np.int64), np.zeros(n_ratings, dtype=np.int32)
    different, places = np.unique(codes, return_inverse=True)
    return different, places.astype(np.int32)


def rows_of_codes(rows: NDArray[Any], codes: ContextCodes, sizes: Sequence[int]) -> NDArray[Any]:
    """The row of each context: the sum of those of its values, one of each column.

    Parameters
    ----------
    rows : ndarray, shape (Σ sizes, …)
        The rows of the values of all columns, one column below the other; the first row of each is for a
        value that is not known.
    codes : ndarray of int64, shape (n,)
        As `Contexts` makes them.
    sizes : sequence of int
        The number of digits of each column.
    """
    found = np.zeros((len(codes), *rows.shape[1:]), dtype=rows.dtype)
    first = 0
    for size, digits in zip(sizes, digits_of(codes, sizes), strict=True):
        found += rows[first + digits]
        first += size
    return found


@dataclass(frozen=True, eq=False)
class ContextValues:
    """The rows of the values of contexts, which add up to the rows of contexts.

    Attributes
    ----------
    side : Side
        The values of all columns, in the order of `rows_of_codes`.
    sizes : sequence of int
        The number of these rows of each column.
    """

    side: Side
    sizes: Sequence[int]

    def of(self, codes: ContextCodes) -> Side:
        """The factors and biases of contexts, known or not."""
        factors: Floats = rows_of_codes(self.side.factors, codes, self.sizes)
        biases = self.side.biases
        return Side(factors, None if biases is None else rows_of_codes(biases, codes, self.sizes))

    def beside(self, rated: Rows) -> SecondRows:
        """The contexts of ratings, as the second rows of their row problem."""
        codes, places = numbered(rated.contexts, len(rated.columns))
        return SecondRows(places, self.of(codes))


def in_context(people: Side, contexts: Side) -> Side:
    """People in a context each: ``x + z``, with the bias ``b + b_c + xᵀz``.

    ``x·y + x·z + y·z = (x + z)·y + x·z``: in a context, somebody is like another person with these numbers,
    who has a bias even if the model has none.
    """
    own, theirs = people.factors, contexts.factors
    products = np.einsum("ij,ij->i", own, theirs, dtype=np.float64)
    biases = (bias_or_zeros(people) + bias_or_zeros(contexts) + products).astype(np.float32)
    return Side(own + theirs, biases)


def said_by_contexts(
    rows: NDArray[Any],
    columns: NDArray[Any],
    users: Side,
    items: Side,
    contexts: Side,
    places: NDArray[np.int32],
    n_threads: int,
) -> Floats:
    """What contexts add to the scores of pairs of positions: ``b_c + xᵀz + yᵀz``; float32, shape (n,).

    Parameters
    ----------
    rows, columns : ndarray of int, shape (n,)
        The users and the items; −1 stands for an unknown one.
    places : ndarray of int32, shape (n,)
        The row of each pair's context.
    """
    said = np.zeros(len(places), dtype=np.float32)
    for positions, side, beside in (
        (rows, users, contexts),
        (columns, items, Side(contexts.factors, None)),
    ):
        alone = Side(side.factors, None)
        said += predict_pairs(positions, places, alone, beside, offset=0.0, n_threads=n_threads)
    return said


class ContextColumn:
    """The values of one column of contexts, and the ratings of each.

    Parameters
    ----------
    by_user : Rows
    values : ndarray of int64, shape (n_ratings,)
        The value of each rating.
    contexts : ndarray of int32, shape (n_ratings,)
        The context of each rating.
    side : Side
        The rows of the values.

    Attributes
    ----------
    rows : Rows
        The ratings by value; the columns are users.
    items, contexts : ndarray of int32, shape (n_ratings,)
        The item and the context of each of these.
    shares : ndarray of float64, shape (n_values,)
        The share of the ratings that have each value.
    """

    def __init__(
        self, by_user: Rows, values: NDArray[np.int64], contexts: NDArray[np.int32], side: Side
    ) -> None:
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=len(side.factors))
        users = np.repeat(np.arange(by_user.n_rows, dtype=np.int32), by_user.counts)
        self.side = side
        self.rows = Rows(
            np.concatenate([[0], np.cumsum(counts)]),
            users[order],
            by_user.values[order],
            None if by_user.weights is None else by_user.weights[order],
        )
        self.items, self.contexts = by_user.columns[order], contexts[order]
        self.shares = self.rows.totals / self.rows.total

    @property
    def with_mean(self) -> Side:
        """The rows of the values, after their mean over the ratings."""
        factors, biases = self.side.factors, self.side.biases
        of_mean = (self.shares @ factors).astype(np.float32)
        return Side(
            np.vstack([of_mean, factors]),
            None if biases is None else np.append(np.float32(self.shares @ biases), biases),
        )


class ThirdSide:
    """The contexts of a fit: their values, and what they add up to.

    They start at zero: the first users and items are found as if there were none.

    Parameters
    ----------
    by_user, by_item : Rows
        The ratings, each with a code of ``contexts`` in which every value is known.
    contexts : Contexts
    n_factors : int
    biases : bool
        Whether values have biases.
    """

    def __init__(
        self,
        by_user: Rows,
        by_item: Rows,
        contexts: Contexts,
        n_factors: int,
        n_threads: int,
        *,
        biases: bool = True,
    ) -> None:
        assert by_user.contexts is not None and by_item.contexts is not None
        self.contexts, self.sizes, self.n_threads = contexts, contexts.sizes, n_threads
        self._codes, places = np.unique(by_user.contexts, return_inverse=True)
        self._values = [digits - 1 for digits in digits_of(self._codes, self.sizes)]
        self._of_users = places.astype(np.int32)
        self._of_items = np.searchsorted(self._codes, by_item.contexts).astype(np.int32)
        self.columns = [
            ContextColumn(
                by_user, of_codes[places], self._of_users, Side.empty(size - 1, n_factors, biases=biases)
            )
            for size, of_codes in zip(self.sizes, self._values, strict=True)
        ]
        self.add_up()

    @property
    def beside_items(self) -> SecondRows:
        """The contexts of the ratings by user, whose first rows are items."""
        return SecondRows(self._of_users, self._sums)

    @property
    def beside_users(self) -> SecondRows:
        """The contexts of the ratings by item, whose first rows are users."""
        return SecondRows(self._of_items, self._sums)

    @property
    def values(self) -> ContextValues:
        """The rows of the values of all columns."""
        parts = [column.with_mean for column in self.columns]
        biases = [part.biases for part in parts if part.biases is not None]
        factors = np.vstack([part.factors for part in parts])
        return ContextValues(Side(factors, np.concatenate(biases) if biases else None), self.sizes)

    def take(self, theirs: Contexts, known: ContextValues) -> None:
        """Start from the rows of those values that other contexts have too."""
        for name, values, column in zip(self.contexts.names, self.contexts.values, self.columns, strict=True):
            if name not in theirs.names:
                continue
            place = theirs.names.index(name)
            first = sum(theirs.sizes[:place]) + 1
            position = {value: first + row for row, value in enumerate(theirs.values[place])}
            rows = [row for row, value in enumerate(values) if value in position]
            part = known.side.pick(np.array([position[values[row]] for row in rows], dtype=np.int64))
            column.side.put(np.array(rows, dtype=np.int64), Side(part.factors, bias_or_zeros(part)))
        self.add_up()

    def left_for(self, place: int, users: Side, items: Side) -> Rows:
        """The ratings of a column, by value, less what the other columns say of them."""
        column = self.columns[place]
        if len(self.columns) == 1:
            return column.rows
        own = column.side.pick(self._values[place])
        others = Side(
            self._sums.factors - own.factors,
            None if own.biases is None else bias_or_zeros(self._sums) - own.biases,
        )
        said = said_by_contexts(
            column.rows.columns, column.items, users, items, others, column.contexts, self.n_threads
        )
        return column.rows._replace(values=column.rows.values - said)

    def add_up(self) -> None:
        """Follow the values of the columns, which have changed."""
        first = self.columns[0].side
        sums = Side.empty(len(self._codes), first.factors.shape[1], biases=first.biases is not None)
        for column, values in zip(self.columns, self._values, strict=True):
            part = column.side.pick(values)
            sums.factors[:] += part.factors
            if sums.biases is not None:
                sums.biases[:] += bias_or_zeros(part)
        self._sums = sums


class SolvedContexts(ThirdSide):
    """The contexts of an alternation, whose values are solved after the users and the items.

    Parameters
    ----------
    ridge : callable
        Computes the regularisation of the values of a column from their ratings.
    more
        The parameters of `ThirdSide`.
    """

    def __init__(self, *given: Any, ridge: Callable[[Rows], Floats], **more: Any) -> None:
        super().__init__(*given, **more)
        self.ridges = [ridge(column.rows) for column in self.columns]

    def solve(self, users: Side, items: Side, terms: Terms) -> Losses:
        """Solve the values of one column after the other, each less what the others say.

        Returns
        -------
        Losses
            The squared error after the last column, and the penalty of all.
        """
        losses = Losses(0.0, 0.0)
        for place, (column, ridge) in enumerate(zip(self.columns, self.ridges, strict=True)):
            solved = solve_rows(
                self.left_for(place, users, items),
                users,
                column.side,
                ridge=ridge,
                terms=terms,
                n_threads=self.n_threads,
                second=SecondRows(column.items, items),
            )
            losses = Losses(solved.squared_error, losses.penalty + solved.penalty)
            self.add_up()
        return losses
