"""How often somebody may try to log in or register, counted in the database, so for all workers together."""

from __future__ import annotations

import hashlib

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from matinee.web.store.accounts import folded_name
from matinee.web.store.tables import LoginAttemptRow, now

WINDOW_MILLISECONDS = 15 * 60 * 1000
# One person mistyping from one place; many accounts tried from one place; one account from many places. The
# last is high, since whoever reaches it keeps the owner out for a while.
MOST_BY_BOTH, MOST_BY_ADDRESS, MOST_BY_NAME = 5, 30, 100
MOST_REGISTRATIONS_BY_ADDRESS = 10


class TooManyAttemptsError(Exception):
    """More attempts than are allowed; ``retry_seconds`` says when the next is."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"too many attempts; the next is allowed in {retry_seconds} seconds")
        self.retry_seconds = retry_seconds


def note_login(session: Session, name: str, address: str) -> None:
    """Note an attempt before its password is looked at; `forget_login` takes it back if it was right.

    Raises
    ------
    TooManyAttemptsError
        If there were too many of this name, of this address, or of both; this one is then not to be made.
    """
    both, by_address, by_name = _login_subjects(name, address)
    _note(session, {both: MOST_BY_BOTH, by_address: MOST_BY_ADDRESS, by_name: MOST_BY_NAME})


def forget_login(session: Session, name: str, address: str) -> None:
    """Take back the last attempt of this address, and all of this name from it: it was its owner."""
    both, by_address, by_name = _login_subjects(name, address)
    session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.subject == both))
    for subject in (by_address, by_name):
        last = select(func.max(LoginAttemptRow.id)).where(LoginAttemptRow.subject == subject)
        session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.id == last.scalar_subquery()))


def note_registration(session: Session, address: str) -> None:
    """Note that somebody registers; a TooManyAttemptsError if this address has done so too often."""
    _note(session, {_subject("register", address): MOST_REGISTRATIONS_BY_ADDRESS})


def _login_subjects(name: str, address: str) -> tuple[str, str, str]:
    folded = folded_name(name)
    return _subject("both", folded, address), _subject("address", address), _subject("name", folded)


def _subject(*parts: str) -> str:
    """What an attempt is counted under: neither names nor addresses are kept."""
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
            # Once the oldest of these is out of the window, there is room for one.
            left = times[-1] + WINDOW_MILLISECONDS - at
            raise TooManyAttemptsError(max(1, -(-left // 1000)))
    session.add_all(LoginAttemptRow(subject=subject, at=at) for subject in most)


def _take_turns(session: Session, subjects: list[str]) -> None:
    """Let attempts under one subject be counted one after the other; in SQLite all writers are."""
    if session.get_bind().dialect.name == "postgresql":
        for subject in subjects:
            number = int(subject[:16], 16) - 2**63
            session.execute(select(func.pg_advisory_xact_lock(number)))
