"""Finds the n best items for a person, or the n nearest rows of a row, in one pass of the native kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.ratings import Rows
from matinee.solving.row_problem import Floats, Side

Positions = NDArray[np.int32]

# From so many rows on they are looked at in bytes first. Of fewer, a large part is among the best so far when
# its turn comes, and little is gained.
ROUNDED_FROM = 20_000


class Ranker:
    """Scores the rows of one side for queries, and keeps the best.

    Parameters
    ----------
    side : Side
        The rows to rank.
    cosine : bool
        Rank by the angle between the factors instead of by their product and the biases.
    rounds : bool
        Hold many rows in bytes too: the answers are the same, several times as quick.

    Notes
    -----
    A ranker holds a copy of the factors in the order in which the kernel reads them. With the bytes, it takes
    a quarter more.
    """

    def __init__(self, side: Side, *, cosine: bool = False, rounds: bool = True) -> None:
        self.n_rows = len(side.factors)
        self._offsets = side.biases
        scales = None
        if cosine:
            norms = np.linalg.norm(side.factors, axis=1)
            # Factors of zero have no direction, so they are near nothing and are not shown.
            scales = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
            self._offsets = np.where(norms > 0, 0, -np.inf).astype(np.float32)
        self._packed = _kernels.PackedFactors(
            np.ascontiguousarray(side.factors), scales, rounds=rounds and self.n_rows >= ROUNDED_FROM
        )

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
        """The best n rows for each query, best first; the position is −1 where there are no more.

        Parameters
        ----------
        queries : Side, of n_queries
        rows : ndarray of int32, shape (n_asked,), optional
            Rank only for these rows of the queries.
        excluded : Rows, of n_queries, optional
            The positions that are left out for each query.
        candidates : positions, optional
            Rank only these positions.

        Returns
        -------
        ndarray of int32 and of float32, shape (n_asked, min(n, n_rows))
            The positions and their scores.
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


def nearest(
    ranker: Ranker, query: Floats, row: int, n: int, candidates: Any = None
) -> list[tuple[int, float]]:
    """Positions and cosines of the n rows of a cosine ranker nearest to ``row``, without that row.

    Parameters
    ----------
    query : ndarray of float32, shape (1, n_factors)
        The factors of ``row``. Factors of zero have no direction, so nothing is near them.
    candidates : positions, optional
        Only these rows.
    """
    itself = Rows(np.array([0, 1]), np.array([row], dtype=np.int32), np.zeros(1, dtype=np.float32))
    return nearest_to(ranker, query, n, excluded=itself, candidates=candidates)


def nearest_to(
    ranker: Ranker, query: Floats, n: int, *, excluded: Rows | None = None, candidates: Any = None
) -> list[tuple[int, float]]:
    """Positions and cosines of the n rows of a cosine ranker nearest to factors of shape (1, n_factors)."""
    norm = np.linalg.norm(query)
    if norm == 0:
        return []
    direction = Side((query / norm).astype(np.float32), None)
    positions, scores = ranker.best(direction, n, excluded=excluded, candidates=candidates)
    found = zip(positions[0].tolist(), scores[0].tolist(), strict=True)
    return [(place, score) for place, score in found if place >= 0]


# As many scores as are made at a time: tens of megabytes.
SCORES_AT_ONCE = 1 << 24


def best_of_scores(
    scores_of: Callable[[NDArray[Any]], Floats],
    rows: NDArray[Any],
    n_items: int,
    n: int,
    *,
    excluded: Rows | None,
    candidates: Any,
) -> tuple[Positions, Floats]:
    """As `Ranker.best`, of scores that are no products of factors; they are made for some people at a time.

    Parameters
    ----------
    scores_of : callable
        From some of ``rows`` to their scores, shape (n_some, n_items).
    excluded : Rows or None
        What is not shown to each row.
    candidates : positions or None
        Nothing else is shown.
    """
    n = min(n, n_items)
    positions, best = np.empty((len(rows), n), np.int32), np.empty((len(rows), n), np.float32)
    hidden = None if candidates is None else np.setdiff1d(np.arange(n_items), candidates)
    step = max(1, SCORES_AT_ONCE // max(n_items, 1))
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        scores = scores_of(some)
        if hidden is not None:
            scores[:, hidden] = -np.inf
        if excluded is not None:
            out = excluded.pick(some)
            scores[np.repeat(np.arange(len(some)), out.counts), out.columns] = -np.inf
        found = _best_columns(scores, n)
        of_found = np.take_along_axis(scores, found, axis=1)
        positions[first : first + step] = np.where(np.isfinite(of_found), found, -1)
        best[first : first + step] = of_found
    return positions, best


def _best_columns(scores: Floats, n: int) -> NDArray[np.int64]:
    """The columns of the n largest numbers of each row, largest first; of equal ones the first column."""
    if n < scores.shape[1]:
        # Whatever equals the n-th largest may belong to the best, so the order decides among these.
        least = np.partition(scores, -n, axis=1)[:, [-n]]
        width = int((scores >= least).sum(axis=1).max())
        chosen = np.sort(np.argpartition(-scores, width - 1, axis=1)[:, :width], axis=1)
        order = np.argsort(-np.take_along_axis(scores, chosen, axis=1), axis=1, kind="stable")[:, :n]
        return np.take_along_axis(chosen, order, axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :n]
