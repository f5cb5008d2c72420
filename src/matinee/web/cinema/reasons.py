"""Finds the reasons for a recommendation: the person's own ratings that raise a film's score most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matinee.models.answers import Explanation
from matinee.models.person import Person
from matinee.ratings.ids import Id
from matinee.web.cinema.films import Film
from matinee.web.cinema.showing import Showing

EVERY = 1_000_000


@dataclass(frozen=True)
class Reason:
    """One of the person's own ratings, and how much it adds to the score of the recommended film."""

    film: Film
    stars: float
    contribution: float


def reasons_for(showing: Showing, person: Person, items: Sequence[Id], n: int) -> list[list[Reason]]:
    """For each item, the n ratings that raise its score most; fewer where fewer raise it."""
    if n == 0 or not items:
        return [[] for _ in items]
    return [_largest(showing, found, n) for found in person.explain_all(items, n=EVERY)]


def _largest(showing: Showing, found: Explanation, n: int) -> list[Reason]:
    raising = sorted(
        (part for part in found.contributions if part.contribution > 0), key=lambda part: -part.contribution
    )
    return [Reason(showing.film_of(part.item), part.rating, part.contribution) for part in raising[:n]]
