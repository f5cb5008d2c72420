"""What a model answers: plain tuples of ids and numbers."""

from __future__ import annotations

from typing import NamedTuple

from matinee.ratings.ids import Id


class Recommendation(NamedTuple):
    """An item and the rating expected for it, not clipped, so that the order is kept among the best."""

    item: Id
    score: float


class SimilarItem(NamedTuple):
    """An item and the cosine of the angle between its factors and those asked about, −1 to 1."""

    item: Id
    score: float


class SimilarUser(NamedTuple):
    """A user and the cosine of the angle between their factors and those asked about, −1 to 1."""

    user: Id
    score: float


class Contribution(NamedTuple):
    """What one rated item adds to a score, in the units of the ratings."""

    item: Id
    rating: float
    contribution: float


class Explanation(NamedTuple):
    """A score and what it is made of: ``baseline + Σ contributions + rest == score``.

    Attributes
    ----------
    score : float
        As `recommend` shows it.
    baseline : float
        What anybody would be told: the mean and the item's bias; of a `BayesianALS`, what the person would be
        told for their features and for what they rated, whatever the ratings.
    contributions : list of Contribution
        Of the rated items that matter most, the largest first by absolute value.
    rest : float
        What the other rated items add together.
    """

    score: float
    baseline: float
    contributions: list[Contribution]
    rest: float
