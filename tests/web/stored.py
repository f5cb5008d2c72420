"""Visitors and their ratings, put straight into a database."""

from __future__ import annotations

from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.visitors import add_visitor


def new_visitor(store: Store) -> int:
    """The number of a visitor without ratings."""
    with store.writing() as session:
        return add_visitor(session).id


def add_ratings(store: Store, ratings: list[dict[str, float]]) -> list[int]:
    """The numbers of new visitors, one for each of these ratings by item."""
    numbers = []
    for rated in ratings:
        numbers.append(new_visitor(store))
        with store.writing() as session:
            for item, stars in rated.items():
                ratings_log.rate(session, numbers[-1], item, stars)
    return numbers
