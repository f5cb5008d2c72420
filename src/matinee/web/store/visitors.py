"""Visitors: a row for everybody who has rated something. The key in their cookie finds it again."""

from __future__ import annotations

import secrets

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from matinee.web.store import events
from matinee.web.store.events import Kind
from matinee.web.store.tables import VisitorRow, now

# 192 bits, which nobody can guess.
KEY_BYTES = 24
_LOCKED = select(VisitorRow.merged_into).where(VisitorRow.id == bindparam("visitor")).with_for_update()


def add_visitor(session: Session) -> VisitorRow:
    """Make a new visitor without ratings."""
    row = VisitorRow(key=secrets.token_urlsafe(KEY_BYTES), created_at=now())
    session.add(row)
    session.flush()
    return row


def visitor_id_of(session: Session, key: str) -> int | None:
    """The number of the visitor with a key; None if there is none, or they now belong to an account."""
    own = VisitorRow.merged_into.is_(None)
    return session.scalar(select(VisitorRow.id).where(VisitorRow.key == key, own))


def lock_visitor(session: Session, visitor_id: int) -> bool:
    """Keep others from writing this visitor's ratings until the session ends. False if nobody may write them.

    Thus the log has the events of one visitor in the order in which they took effect.
    """
    found = session.execute(_LOCKED, {"visitor": visitor_id}).first()
    return found is not None and found[0] is None


def erase_visitor(session: Session, visitor_id: int) -> None:
    """Erase a visitor with all ratings, lists and lines of the log, which keeps that they are deleted."""
    itself = VisitorRow.id == visitor_id
    # Those whose ratings came along into an account are erased with it.
    came_along = VisitorRow.merged_into == visitor_id
    for number in session.scalars(select(VisitorRow.id).where(itself | came_along)).all():
        events.note(session, Kind.DELETED, number)
    session.execute(delete(VisitorRow).where(itself))
