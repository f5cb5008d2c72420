"""Visitors: a row for whoever has written something, found again by the key in their cookie."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from matinee.web.store.tables import VisitorRow, now

# 192 bits: nobody guesses another's.
KEY_BYTES = 24


def add_visitor(session: Session) -> VisitorRow:
    """A new visitor, of whom nothing is known."""
    row = VisitorRow(key=secrets.token_urlsafe(KEY_BYTES), created_at=now())
    session.add(row)
    session.flush()
    return row


def visitor_id_of(session: Session, key: str) -> int | None:
    """The number of the visitor with a key; None if there is none, or none any more."""
    return session.scalar(select(VisitorRow.id).where(VisitorRow.key == key))


def lock_visitor(session: Session, visitor_id: int) -> bool:
    """Let nobody else write this visitor's ratings until the session ends; False if they are gone.

    So the log has the events of one visitor in the order in which they came to count.
    """
    locked = select(VisitorRow.id).where(VisitorRow.id == visitor_id).with_for_update()
    return session.scalar(locked) is not None
