"""Finds the reasons for a recommendation: the person's own ratings that raise a film's score most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matinee.models.answers import Contribution, Explanation
from matinee.models.person import Person
from matinee.ratings.ids import Id
from matinee.web.cinema.films import Film
from matinee.web.cinema.kinds import factors_of
from matinee.web.cinema.showing import Showing

EVERY = 1_000_000
# Shares of the greatest rating: 2 of 5 stars or fewer are a dislike, 3 of 5 or more are none.
DISLIKED, LIKED = 0.4, 0.6


@dataclass(frozen=True)
class Reason:
    """One of the person's own ratings, and how much it adds to the score of the recommended film.

    Attributes
    ----------
    film : Film
    stars : float
    contribution : float
        Always above 0.
    is_liked : bool
        False for a film that the person disliked, and that the recommended film is unlike.
    """

    film: Film
    stars: float
    contribution: float
    is_liked: bool


@dataclass(frozen=True)
class Taste:
    """What somebody's ratings say of what they like.

    Attributes
    ----------
    liked_from : float
        The least rating of a film that they liked: their own mean, or three fifths of the scale if that is
        less. Never so little that it is a dislike.
    disliked_to : float
        The greatest rating of a film that they disliked.
    """

    liked_from: float
    disliked_to: float

    @classmethod
    def of(cls, ratings: Sequence[float], greatest: float) -> Taste:
        """The taste of somebody with these ratings, where ``greatest`` is the end of the scale."""
        mean = sum(ratings) / len(ratings)
        return cls(min(mean, LIKED * greatest), DISLIKED * greatest)

    def likes(self, rating: float) -> bool:
        """Whether a rating says that the film was liked."""
        return rating >= self.liked_from and rating > self.disliked_to

    def dislikes(self, rating: float) -> bool:
        """Whether a rating says that the film was disliked."""
        return rating <= self.disliked_to


def reasons_for(
    showing: Showing, person: Person, items: Sequence[Id], n: int, *, blend: float | None = None
) -> list[list[Reason]]:
    """For each item, the n liked films that raise its score most; fewer where fewer raise it.

    Where no liked film does, the one disliked film that raises it most, if the item is unlike that film.

    Parameters
    ----------
    blend : float, optional
        The blend of the score, if it is not the model's own.
    """
    rated = person.rated
    if n == 0 or not items or not rated:
        return [[] for _ in items]
    ratings = list(rated.values())
    taste = Taste.of(ratings, max(showing.model.rating_range_[1], *ratings))
    asked: Any = person
    chosen = {} if blend is None else {"blend": blend}
    explained: list[Explanation] = asked.explain_all(items, n=EVERY, **chosen)
    return [_chosen(showing, item, found, taste, n) for item, found in zip(items, explained, strict=True)]


def _chosen(showing: Showing, item: Id, found: Explanation, taste: Taste, n: int) -> list[Reason]:
    liked = _largest(found, n, lambda part: taste.likes(part.rating))
    if liked:
        return [_reason(showing, part, is_liked=True) for part in liked]
    # Having seen a film speaks for films like it, even if it was disliked. Only of a film that is unlike it
    # can be said that it is recommended because of the dislike.
    unlike = _largest(
        found, 1, lambda part: taste.dislikes(part.rating) and _are_unlike(showing, item, part.item)
    )
    return [_reason(showing, part, is_liked=False) for part in unlike]


def _largest(found: Explanation, n: int, wanted: Callable[[Contribution], bool]) -> list[Contribution]:
    raising = [part for part in found.contributions if part.contribution > 0 and wanted(part)]
    return sorted(raising, key=lambda part: -part.contribution)[:n]


def _reason(showing: Showing, part: Contribution, *, is_liked: bool) -> Reason:
    return Reason(showing.film_of(part.item), part.rating, part.contribution, is_liked)


def _are_unlike(showing: Showing, one: Id, other: Id) -> bool:
    """Whether the factors of two items point away from each other; False if the model has no factors."""
    model = factors_of(showing.model)
    if model is None:
        return False
    first, second = model.item_factors_[model.item_positions([one, other])]
    return bool(first @ second < 0)
