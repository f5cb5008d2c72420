"""Sessions of browsers that are logged in. Each has a secret, of which only a digest is stored."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from matinee.web.store.accounts import Account
from matinee.web.store.tables import AccountRow, SessionRow, now

SECRET_BYTES = 32
LASTS_MILLISECONDS = 90 * 24 * 3600 * 1000


def digest(secret: str) -> str:
    """The digest of a secret. A secret of many random bits needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(session: Session, account: Account) -> str:
    """Open a session of an account and return its secret. Also deletes sessions that have expired."""
    began = now()
    session.execute(delete(SessionRow).where(SessionRow.expires_at < began))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session.add(
        SessionRow(
            digest=digest(secret),
            account_id=account.id,
            created_at=began,
            expires_at=began + LASTS_MILLISECONDS,
        )
    )
    return secret


def account_of(session: Session, secret: str) -> Account | None:
    """The account whose session has a secret; None if the session has ended."""
    row = session.execute(
        select(AccountRow.id, AccountRow.visitor_id, AccountRow.name)
        .join(SessionRow, SessionRow.account_id == AccountRow.id)
        .where(SessionRow.digest == digest(secret), SessionRow.expires_at >= now())
    ).first()
    return None if row is None else Account(*row)


def close_session(session: Session, secret: str) -> None:
    """End one session."""
    session.execute(delete(SessionRow).where(SessionRow.digest == digest(secret)))


def close_all_sessions(session: Session, account: Account) -> None:
    """End all sessions of an account, in all browsers."""
    session.execute(delete(SessionRow).where(SessionRow.account_id == account.id))
