"""Visitors' ratings: an append-only log, and the present state. One transaction changes both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from matinee.errors import DataError
from matinee.web.store import events
from matinee.web.store.events import Kind
from matinee.web.store.tables import (
    ITEM_LENGTH,
    DismissalRow,
    RatingRow,
    VisitorRow,
    now,
)
from matinee.web.store.visitors import lock_visitor

FEWEST_STARS, MOST_STARS = 0.5, 5.0
# Enough for anybody who rates by hand. It bounds the cost of answering one visitor.
MOST_RATINGS = 20_000
_LAST_ALLOWED = (
    select(RatingRow.item)
    .where(RatingRow.visitor_id == bindparam("visitor"))
    .offset(bindparam("n_before"))
    .limit(1)
)


class UnknownVisitorError(DataError):
    """The visitor is no longer in the database."""


class TooManyRatingsError(DataError):
    """The visitor already has as many ratings as allowed."""


@dataclass(frozen=True)
class GivenRating:
    """A visitor's rating of a film, and its time in Unix milliseconds."""

    item: str
    rating: float
    rated_at: int


def ratings_of(session: Session, visitor_id: int) -> list[GivenRating]:
    """All present ratings of a visitor, the latest first."""
    rows = session.execute(
        select(RatingRow.item, RatingRow.rating, RatingRow.rated_at)
        .where(RatingRow.visitor_id == visitor_id)
        .order_by(RatingRow.rated_at.desc(), RatingRow.item)
    )
    return [GivenRating(*row) for row in rows]


def rating_of(session: Session, visitor_id: int, item: str) -> GivenRating | None:
    """A visitor's present rating of a film; None if there is none."""
    row = session.get(RatingRow, (visitor_id, item))
    return None if row is None else GivenRating(row.item, row.rating, row.rated_at)


def rate(
    session: Session, visitor_id: int, item: str, rating: float, *, at: int | None = None
) -> GivenRating:
    """Set a visitor's rating of a film, and add it to the log.

    Parameters
    ----------
    at : int, optional
        When it was given, in Unix milliseconds; by default now.

    Raises
    ------
    DataError
        If the rating is not a half or whole number of stars from 0.5 to 5.
    UnknownVisitorError
    TooManyRatingsError
    """
    given = GivenRating(_item(item), checked_stars(rating), now() if at is None else at)
    _lock(session, visitor_id)
    _require_room(session, visitor_id, item)
    _set(session, visitor_id, given)
    return given


def take_back(session: Session, visitor_id: int, item: str) -> bool:
    """Remove a visitor's rating of a film, and add that to the log. Returns whether there was a rating."""
    _lock(session, visitor_id)
    gone = delete(RatingRow).where(RatingRow.visitor_id == visitor_id, RatingRow.item == _item(item))
    if session.execute(gone.returning(RatingRow.item)).first() is None:
        return False
    _note(session, visitor_id, item, None, now())
    return True


def merge(session: Session, source: int, target: int) -> int:
    """Move one visitor's ratings and dismissals to another. Returns how many ratings the target gained.

    If both have rated a film, the later rating stays. For each rating that the target gains, the log gets a
    line with the time of the rating; for each that the source loses, another. The source can write no more: a
    rating that arrives later is refused, so no acknowledged rating is lost.
    """
    if source == target:
        return 0
    for visitor_id in sorted((source, target)):
        if visitor_id == target:
            _lock(session, target)
        elif not lock_visitor(session, source):
            return 0  # already merged: the form was sent twice
    own = {given.item: given for given in ratings_of(session, target)}
    n_moved, room = 0, MOST_RATINGS - len(own)
    for given in ratings_of(session, source):
        is_new = given.item not in own
        if (is_new and room > 0) or (not is_new and own[given.item].rated_at < given.rated_at):
            _set(session, target, given)
            n_moved += 1
            room -= is_new
        _note(session, source, given.item, None, now())
    session.execute(delete(RatingRow).where(RatingRow.visitor_id == source))
    for item in dismissed_by(session, source):
        dismiss(session, target, item)
        undismiss(session, source, item)
    session.execute(update(VisitorRow).where(VisitorRow.id == source).values(merged_into=target))
    return n_moved


def dismissed_by(session: Session, visitor_id: int) -> list[str]:
    """The films that a visitor is not interested in, the latest first."""
    rows = session.scalars(
        select(DismissalRow.item)
        .where(DismissalRow.visitor_id == visitor_id)
        .order_by(DismissalRow.at.desc(), DismissalRow.item)
    )
    return list(rows)


def dismiss(session: Session, visitor_id: int, item: str) -> None:
    """Note that a visitor is not interested in a film. A second time changes nothing.

    Raises
    ------
    UnknownVisitorError
    """
    _lock(session, visitor_id)
    row = {"visitor_id": visitor_id, "item": _item(item), "at": now()}
    made = _insert(session, DismissalRow).values(row).on_conflict_do_nothing().returning(DismissalRow.item)
    if session.execute(made).first() is not None:
        events.note(session, Kind.DISMISSED, visitor_id, item)


def undismiss(session: Session, visitor_id: int, item: str) -> bool:
    """Forget that a visitor is not interested in a film. Returns whether this was noted before."""
    gone = delete(DismissalRow).where(DismissalRow.visitor_id == visitor_id, DismissalRow.item == item)
    if session.execute(gone.returning(DismissalRow.item)).first() is None:
        return False
    events.note(session, Kind.UNDISMISSED, visitor_id, item)
    return True


def checked_stars(rating: Any) -> float:
    """The rating as a number. Raises a DataError unless it is half or whole stars from 0.5 to 5."""
    try:
        stars = float(rating)
    except (TypeError, ValueError):
        stars = math.nan
    if not (FEWEST_STARS <= stars <= MOST_STARS and (stars * 2).is_integer()):
        raise DataError(
            f"rating {rating!r}: expected half or whole stars from {FEWEST_STARS:g} to {MOST_STARS:g}"
        )
    return stars


def _set(session: Session, visitor_id: int, given: GivenRating) -> None:
    state = {"rating": given.rating, "rated_at": given.rated_at}
    row = {"visitor_id": visitor_id, "item": given.item, **state}
    upsert = _insert(session, RatingRow).values(row)
    session.execute(upsert.on_conflict_do_update(index_elements=["visitor_id", "item"], set_=state))
    _note(session, visitor_id, given.item, given.rating, given.rated_at)


def _note(session: Session, visitor_id: int, item: str, rating: float | None, at: int) -> None:
    """Add a line to the log."""
    events.note(session, Kind.UNRATED if rating is None else Kind.RATED, visitor_id, item, rating, at)


def _insert(session: Session, table: Any) -> Any:
    """An insert in the dialect of the database, which offers ``ON CONFLICT``."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


def _require_room(session: Session, visitor_id: int, item: str) -> None:
    if session.scalar(_LAST_ALLOWED, {"visitor": visitor_id, "n_before": MOST_RATINGS - 1}) is None:
        return
    if rating_of(session, visitor_id, item) is None:
        raise TooManyRatingsError(f"you already have {MOST_RATINGS:,} ratings; remove some first")


def _lock(session: Session, visitor_id: int) -> None:
    if not lock_visitor(session, visitor_id):
        raise UnknownVisitorError("this visitor no longer exists; load the page again")


def _item(item: str) -> str:
    # PostgreSQL cannot store a text with a zero character.
    if not 0 < len(item) <= ITEM_LENGTH or "\0" in item:
        raise DataError(f"this item has {len(item)} characters; expected the id of a film")
    return item
