"""Which users and items a picture shows, and what they are called in it."""

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
# One, or how many, or all.
Wanted = int | Iterable[Any] | None
LONGEST_LABEL = 30


def most_rated(index: IdIndex, counts: NDArray[Any], wanted: Wanted, kind: Kind) -> Positions:
    """Positions of the ids given, or of so many that have the most ratings, most first."""
    if wanted is None or isinstance(wanted, int | np.integer):
        return by_count(counts)[: _number(wanted, len(index), kind)]
    return positions_of(index, wanted, kind, "raise")[0]


def spread_out(index: IdIndex, counts: NDArray[Any], wanted: Wanted, kind: Kind) -> Positions:
    """Positions of the ids given, or of so many from the most to the least rated, in equal steps."""
    if wanted is None or isinstance(wanted, int | np.integer):
        ranked = by_count(counts)[: max(np.count_nonzero(counts), 1)]
        n = min(_number(wanted, len(index), kind), len(ranked))
        return ranked[np.linspace(0, len(ranked) - 1, n).round().astype(np.int64)]
    return positions_of(index, wanted, kind, "raise")[0]


def by_count(counts: NDArray[Any]) -> Positions:
    """All positions, the largest count first, equal ones in their order."""
    return np.argsort(-counts.astype(np.int64), kind="stable")


def titles_of(index: IdIndex, positions: Positions, movies: Movies | None) -> list[str]:
    """Short titles, or the ids themselves where there are none."""
    return [short(str(id) if movies is None else movies.title(id)) for id in index.take(positions)]


def short(text: str, longest: int = LONGEST_LABEL) -> str:
    """The text, cut off with an ellipsis where it is longer; a dollar sign stays one."""
    cut = text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
    return cut.replace("$", r"\$")


def _number(wanted: int | np.integer[Any] | None, n: int, kind: Kind) -> int:
    return n if wanted is None else whole_number(f"{kind}s", wanted, least=1)
