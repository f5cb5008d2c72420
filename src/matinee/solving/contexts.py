"""Contexts as a third side: the rows of their values, and rows of people in a context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings.contexts import ContextCodes, digits_of
from matinee.solving.row_problem import Floats, Side, bias_of


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


def side_of_codes(values: Side, codes: ContextCodes, sizes: Sequence[int]) -> Side:
    """The factors and biases of contexts, from those of their values."""
    factors: Floats = rows_of_codes(values.factors, codes, sizes)
    return Side(factors, rows_of_codes(bias_of(values), codes, sizes))


def in_context(people: Side, contexts: Side) -> Side:
    """People in a context each: ``x + z``, with the bias ``b + b_c + xᵀz``.

    ``x·y + x·z + y·z = (x + z)·y + x·z``: in a context, somebody is like another person with these numbers.
    """
    own, theirs = people.factors, contexts.factors
    products = np.einsum("ij,ij->i", own, theirs, dtype=np.float64)
    biases = (bias_of(people) + bias_of(contexts) + products).astype(np.float32)
    return Side(own + theirs, biases)
