"""Limits attempts to log in and to register. The database counts them, for all workers together."""

from __future__ import annotations

import hashlib

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from matinee.web.store.names import folded_name
from matinee.web.store.tables import LoginAttemptRow, now

WINDOW_MILLISECONDS = 15 * 60 * 1000
# One person who mistypes; many accounts tried from one address; one account tried from many addresses. The
# last limit is high, because reaching it keeps the owner out for a while.
MOST_BY_BOTH, MOST_BY_ADDRESS, MOST_BY_NAME = 5, 30, 100
MOST_REGISTRATIONS_BY_ADDRESS = 10


class TooManyAttemptsError(Exception):
    """There were too many attempts. The next is allowed in ``retry_seconds``."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"too many attempts; the next is allowed in {retry_seconds} seconds")
        self.retry_seconds = retry_seconds


def note_login(session: Session, name: str, address: str) -> None:
    """Count an attempt before its password is checked. If the password is right, `forget_login` uncounts it.

    Raises
    ------
    TooManyAttemptsError
        If there were too many with this name, from this address, or both. Then do not check the password.
    """
    both, by_address, by_name = _login_subjects(name, address)
    _note(session, {both: MOST_BY_BOTH, by_address: MOST_BY_ADDRESS, by_name: MOST_BY_NAME})


def forget_login(session: Session, name: str, address: str) -> None:
    """Uncount the last attempt from this address, and all with this name from it: the owner has logged in."""
    both, by_address, by_name = _login_subjects(name, address)
    session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.subject == both))
    for subject in (by_address, by_name):
        last = select(func.max(LoginAttemptRow.id)).where(LoginAttemptRow.subject == subject)
        session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.id == last.scalar_subquery()))


def note_registration(session: Session, address: str) -> None:
    """Count a registration. Raises a TooManyAttemptsError if this address has registered too often."""
    _note(session, {_subject("register", address): MOST_REGISTRATIONS_BY_ADDRESS})


def _login_subjects(name: str, address: str) -> tuple[str, str, str]:
    folded = folded_name(name)
    return _subject("both", folded, address), _subject("address", address), _subject("name", folded)


def _subject(*parts: str) -> str:
    """The digest under which attempts are counted, so that neither names nor addresses are stored."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _note(session: Session, most: dict[str, int]) -> None:
    at = now()
    _take_turns(session, sorted(most))
    session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.at < at - WINDOW_MILLISECONDS))
    for subject, limit in most.items():
        times = list(
            session.scalars(
                select(LoginAttemptRow.at)
                .where(LoginAttemptRow.subject == subject)
                .order_by(LoginAttemptRow.at.desc())
                .limit(limit)
            )
        )
        if len(times) == limit:
            # The next attempt is allowed when the oldest of these leaves the window.
            left = times[-1] + WINDOW_MILLISECONDS - at
            raise TooManyAttemptsError(max(1, -(-left // 1000)))
    session.add_all(LoginAttemptRow(subject=subject, at=at) for subject in most)


def _take_turns(session: Session, subjects: list[str]) -> None:
    """Make transactions count attempts under one subject one after the other, as SQLite always does."""
    if session.get_bind().dialect.name == "postgresql":
        for subject in subjects:
            number = int(subject[:16], 16) - 2**63
            session.execute(select(func.pg_advisory_xact_lock(number)))
