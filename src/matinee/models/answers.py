"""The answers of a model: plain tuples of ids and numbers."""

from __future__ import annotations

from typing import NamedTuple

from matinee.ratings.ids import Id


class Recommendation(NamedTuple):
    """An item and its expected rating, which is not clipped, so that the best items don't tie."""

    item: Id
    score: float


class SimilarItem(NamedTuple):
    """An item and the cosine of the angle between its factors and those of the given item, −1 to 1."""

    item: Id
    score: float


class SimilarUser(NamedTuple):
    """A user and the cosine of the angle between their factors and those of the given user, −1 to 1."""

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
