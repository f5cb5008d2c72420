"""Rows in the kept samples of a chain: all samples side by side, or people in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.solving.draws import Doubles
from matinee.solving.row_problem import Floats, Side, bias_of


@dataclass(frozen=True)
class SampledRows(Side):
    """The rows of one side in all S samples, side by side; ``biases`` are the means over the samples.

    Attributes
    ----------
    bias_samples : ndarray of float32, shape (n, S)
        The biases in each sample.
    """

    bias_samples: Floats

    @classmethod
    def of(cls, factors: Floats, bias_samples: Floats) -> SampledRows:
        """The rows made from factors of shape (n, S, n_factors) and biases of shape (n, S)."""
        biases = bias_samples.mean(axis=1, dtype=np.float64).astype(np.float32)
        return cls(factors.reshape(len(factors), -1), biases, bias_samples)

    def pick(self, rows: NDArray[Any]) -> SampledRows:
        """Some of the rows, in the order given."""
        return SampledRows(self.factors[rows], bias_of(self)[rows], self.bias_samples[rows])

    def put(self, rows: NDArray[Any], part: Side) -> None:
        """Overwrite the chosen rows, in the order given."""
        assert isinstance(part, SampledRows)
        super().put(rows, part)
        self.bias_samples[rows] = part.bias_samples

    def in_context(self, contexts: SampledRows) -> SampledRows:
        """People in a context each, in every sample; see `in_context`."""
        n, n_samples = self.bias_samples.shape
        own, theirs = (side.factors.reshape(n, n_samples, -1) for side in (self, contexts))
        products = np.einsum("ijk,ijk->ij", own, theirs, dtype=np.float64)
        biases = (self.bias_samples + contexts.bias_samples + products).astype(np.float32)
        return SampledRows.of(own + theirs, biases)

    @property
    def samples(self) -> Side:
        """The factors and biases of each sample, in the form that `predict_pairs` takes."""
        return Side(self.factors, self.bias_samples)


@dataclass(frozen=True)
class SampledPersons:
    """People in one sample.

    Attributes
    ----------
    side : Side
        Their factors and biases.
    noise : tuple of ndarray of float64, shape (n_people,), or None
        How precisely each of them rates, as a multiple of α, and the variance of their ratings; None if
        everybody rates alike.
    """

    side: Side
    noise: tuple[Doubles, Doubles] | None
