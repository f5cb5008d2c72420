"""Chooses the users and items that a picture shows, and their names in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.datasets import Movies
from matinee.models.id_lookup import Kind, positions_of
from matinee.ratings.ids import IdIndex

Positions = NDArray[np.int64]
# How many to show, or which ids; None for all.
Wanted = int | Iterable[Any] | None
LONGEST_LABEL = 30


def most_rated(index: IdIndex, counts: NDArray[Any], wanted: Wanted, kind: Kind) -> Positions:
    """The positions of the ids given, or of the most rated ones if a number is given, most rated first."""
    if wanted is None or isinstance(wanted, int | np.integer):
        return by_count(counts)[: _number(wanted, len(index), kind)]
    return positions_of(index, wanted, kind, "raise")[0]


def spread_out(index: IdIndex, counts: NDArray[Any], wanted: Wanted, kind: Kind) -> Positions:
    """The positions of the ids given, or of a number of them, evenly from the most to the least rated."""
    if wanted is None or isinstance(wanted, int | np.integer):
        ranked = by_count(counts)[: max(np.count_nonzero(counts), 1)]
        n = min(_number(wanted, len(index), kind), len(ranked))
        return ranked[np.linspace(0, len(ranked) - 1, n).round().astype(np.int64)]
    return positions_of(index, wanted, kind, "raise")[0]


def by_count(counts: NDArray[Any]) -> Positions:
    """All positions, the largest count first; equal counts stay in their order."""
    return np.argsort(-counts.astype(np.int64), kind="stable")


def titles_of(index: IdIndex, positions: Positions, movies: Movies | None) -> list[str]:
    """Short titles, or the ids where there are no movies."""
    return [short(str(id) if movies is None else movies.title(id)) for id in index.take(positions)]


def short(text: str, longest: int = LONGEST_LABEL) -> str:
    """The text, cut with an ellipsis if it is too long; a dollar sign does not start a formula."""
    cut = text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
    return cut.replace("$", r"\$")


def _number(wanted: int | np.integer[Any] | None, n: int, kind: Kind) -> int:
    return n if wanted is None else whole_number(f"{kind}s", wanted, least=1)
