"""The best n of all items for a person, or of all neighbours for a row: one pass of the native kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import Floats, Side

Positions = NDArray[np.int32]


class Ranker:
    """Scores rows of one side for queries, and keeps the best.

    Parameters
    ----------
    side : Side
        What is ranked.
    cosine : bool
        Rank by the angle between the factors rather than by their product and the biases.

    Notes
    -----
    Holds a copy of the factors in the order that the kernel reads them.
    """

    def __init__(self, side: Side, *, cosine: bool = False) -> None:
        self.n_rows = len(side.factors)
        self._offsets = side.biases
        scales = None
        if cosine:
            norms = np.linalg.norm(side.factors, axis=1)
            # Factors of zero have no direction: they are near to nothing, and not shown.
            scales = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
            self._offsets = np.where(norms > 0, 0, -np.inf).astype(np.float32)
        self._packed = _kernels.PackedFactors(np.ascontiguousarray(side.factors), scales)

    def best(
        self,
        queries: Side,
        n: int,
        *,
        offset: float = 0.0,
        rows: Positions | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
        n_threads: int = 1,
    ) -> tuple[Positions, Floats]:
        """The best n for each query, best first; position −1 from where there are no more.

        Parameters
        ----------
        queries : Side, of n_queries
        rows : ndarray of int32, shape (n_asked,), optional
            Only these rows of the queries.
        excluded : Rows, of n_queries, optional
            What is not shown to each query.
        candidates : positions, optional
            Nothing else is shown.

        Returns
        -------
        ndarray of int32 and of float32, shape (n_asked, min(n, n_rows))
        """
        n_asked = len(queries.factors) if rows is None else len(rows)
        shape = (n_asked, min(n, self.n_rows))
        positions, scores = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
        indptr, columns = (None, None) if excluded is None else (excluded.indptr, excluded.columns)
        self._packed.rank(
            queries.factors,
            queries.biases,
            offset,
            rows,
            self._offsets if candidates is None else self._offsets_of(candidates),
            indptr,
            columns,
            positions,
            scores,
            n_threads,
        )
        return positions, scores

    def _offsets_of(self, candidates: Any) -> Floats:
        offsets = np.full(self.n_rows, -np.inf, dtype=np.float32)
        offsets[candidates] = 0 if self._offsets is None else self._offsets[candidates]
        return offsets


def nearest(ranker: Ranker, query: Floats, row: int, n: int) -> list[tuple[int, float]]:
    """Positions and cosines of the n rows of a cosine ranker nearest to one, itself left out.

    Parameters
    ----------
    query : ndarray of float32, shape (1, n_factors)
        The factors of ``row``. Factors of zero have no direction, and nothing is near them.
    """
    norm = np.linalg.norm(query)
    if norm == 0:
        return []
    itself = Rows(np.array([0, 1]), np.array([row], dtype=np.int32), np.zeros(1, dtype=np.float32))
    direction = Side((query / norm).astype(np.float32), None)
    positions, scores = ranker.best(direction, n, excluded=itself)
    found = zip(positions[0].tolist(), scores[0].tolist(), strict=True)
    return [(place, score) for place, score in found if place >= 0]
