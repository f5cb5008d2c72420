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
    own = VisitorRow.merged_into.is_(None)
    return session.scalar(select(VisitorRow.id).where(VisitorRow.key == key, own))


def lock_visitor(session: Session, visitor_id: int) -> bool:
    """Let nobody else write this visitor's ratings until the session ends; False if they write no more.

    So the log has the events of one visitor in the order in which they came to count.
    """
    row = select(VisitorRow.merged_into).where(VisitorRow.id == visitor_id).with_for_update()
    found = session.execute(row).first()
    return found is not None and found[0] is None
