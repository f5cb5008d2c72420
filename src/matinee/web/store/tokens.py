"""API tokens, with which an account's programs authenticate. Only a digest of each is stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from matinee.errors import DataError
from matinee.web.store.accounts import Account
from matinee.web.store.names import checked_name
from matinee.web.store.sessions import digest
from matinee.web.store.tables import AccountRow, TokenRow, now

# Shows people and secret scanners what a leaked token is.
PREFIX = "matinee_"
SECRET_BYTES = 32
MOST_TOKENS = 20


@dataclass(frozen=True)
class Token:
    """A token without its secret, which is shown only when the token is made."""

    id: int
    name: str
    created_at: int


def make_token(session: Session, account: Account, name: str) -> tuple[Token, str]:
    """Make a token of an account. Returns it and its secret.

    Raises
    ------
    DataError
        If the name is not allowed, or there are too many tokens.
    """
    shown = checked_name(name)
    held = select(func.count()).select_from(TokenRow).where(TokenRow.account_id == account.id)
    if (session.scalar(held) or 0) >= MOST_TOKENS:
        raise DataError(f"you already have {MOST_TOKENS} tokens; revoke one first")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = TokenRow(account_id=account.id, name=shown, digest=digest(secret), created_at=now())
    session.add(row)
    session.flush()
    return Token(row.id, row.name, row.created_at), secret


def tokens_of(session: Session, account: Account) -> list[Token]:
    """An account's tokens, the oldest first."""
    rows = session.execute(
        select(TokenRow.id, TokenRow.name, TokenRow.created_at)
        .where(TokenRow.account_id == account.id)
        .order_by(TokenRow.id)
    )
    return [Token(*row) for row in rows]


def revoke_token(session: Session, account: Account, token_id: int) -> bool:
    """Revoke a token of an account; False if it has no such token."""
    # No row has a number beyond 64 bits, and the database would raise an error.
    if not 0 < token_id < 2**63:
        return False
    gone = delete(TokenRow).where(TokenRow.id == token_id, TokenRow.account_id == account.id)
    return session.execute(gone.returning(TokenRow.id)).first() is not None


def account_by_token(session: Session, secret: str) -> Account | None:
    """The account whose token has a secret; None if there is no such token."""
    row = session.execute(
        select(AccountRow.id, AccountRow.visitor_id, AccountRow.name)
        .join(TokenRow, TokenRow.account_id == AccountRow.id)
        .where(TokenRow.digest == digest(secret))
    ).first()
    return None if row is None else Account(*row)
