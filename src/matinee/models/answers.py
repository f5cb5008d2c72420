"""The answers of a model: plain tuples of ids and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple, Self, TypeVar

from matinee.html import html_table
from matinee.ratings.ids import Id


class _ScoredItem(NamedTuple):
    item: Id
    score: float


class Recommendation(_ScoredItem):
    """An item of a list, and the score that it is ranked by: a pair with more to it.

    Attributes
    ----------
    item : id
    score : float
        Not clipped, so that the order is kept among the best.
    rating : float or None
        The rating expected of the person, within the range of ratings; None of a model that expects none.
    interval : tuple of float, or None
        The ends of the interval that holds the rating in 9 of 10 cases; None of a model that knows none.
    """

    rating: float | None
    interval: tuple[float, float] | None

    def __new__(
        cls,
        item: Id,
        score: float,
        rating: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Self:
        found = super().__new__(cls, item, score)
        found.rating, found.interval = rating, interval
        return found

    def __repr__(self) -> str:
        parts = [f"item={self.item!r}", f"score={self.score!r}"]
        for name in ("rating", "interval"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)!r}")
        return f"Recommendation({', '.join(parts)})"


Answer = TypeVar("Answer", bound=tuple[Any, ...])


class Listing(list[Answer]):
    """A list of answers, which a notebook shows as a table; a list in all else."""

    def _repr_html_(self) -> str:
        rows = [[str(rank), *_cells(one)] for rank, one in enumerate(self, start=1)]
        if not rows:
            return "<p>an empty list</p>"
        first = self[0]
        heading = ["rank", *getattr(first, "_fields", ()), *(name for name, _ in _beside(first))]
        width = max(map(len, rows))
        return html_table(heading[:width], [row + [""] * (width - len(row)) for row in rows])


def _cells(answer: tuple[Any, ...]) -> list[str]:
    return [str(answer[0]), f"{answer[1]:.3f}", *(text for _, text in _beside(answer))]


def _beside(answer: tuple[Any, ...]) -> list[tuple[str, str]]:
    """What stands beside the score of a recommendation: the name and the text of each."""
    if not isinstance(answer, Recommendation) or answer.rating is None:
        return []
    found = [("rating", f"{answer.rating:.2f}")]
    if answer.interval is not None:
        found.append(("9 of 10 within", " to ".join(f"{end:.1f}" for end in answer.interval)))
    return found


class SimilarItem(NamedTuple):
    """An item and the cosine of the angle between its factors and those of the given item, −1 to 1."""

    item: Id
    score: float


class SimilarUser(NamedTuple):
    """A user and the cosine of the angle between their factors and those of the given user, −1 to 1."""

    user: Id
    score: float


class RecommendedUser(NamedTuple):
    """A user to whom an item may be recommended, and the score that the item has in their list."""

    user: Id
    score: float


class Contribution(NamedTuple):
    """What one rated item adds to a score, in the units of the ratings."""

    item: Id
    rating: float
    contribution: float


class Explanation(NamedTuple):
    """A score and its parts: ``baseline + Σ contributions + rest == score``.

    Attributes
    ----------
    score : float
        The score that `recommend` gives.
    baseline : float
        The part of the score that does not depend on the person's ratings: the mean and the item's bias. In a
        `BayesianALS` it also depends on the person's features and on which items they rated.
    contributions : list of Contribution
        The contributions of the rated items that matter most, the largest absolute value first.
    rest : float
        The sum of the contributions of all other rated items.
    """

    score: float
    baseline: float
    contributions: list[Contribution]
    rest: float
