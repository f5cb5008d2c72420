"""Tokens of the operator's programs. Each has rights that no account has, and only a digest is stored."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from matinee.errors import DataError
from matinee.web.store.names import checked_name
from matinee.web.store.sessions import digest
from matinee.web.store.tables import OperatorTokenRow, now
from matinee.web.store.tokens import SECRET_BYTES

# Another prefix than that of an account's token, so that a leaked one shows what it opens.
PREFIX = "matinee_operator_"


class Right(StrEnum):
    """What an operator's token allows."""

    USERS = "users"  # recommendations for users of the base ratings, which tell what these have rated
    EVENTS = "events"  # what visitors do


@dataclass(frozen=True)
class OperatorToken:
    """A token without its secret, which is shown only when the token is made."""

    name: str
    rights: frozenset[Right]
    created_at: int


def make_token(session: Session, name: str, rights: Collection[Right]) -> str:
    """Make a token with these rights, and return its secret.

    Raises
    ------
    DataError
        If the name is not allowed or taken.
    """
    shown = checked_name(name)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = {"name": shown, "digest": digest(secret), "rights": " ".join(sorted(rights)), "created_at": now()}
    try:
        session.execute(insert(OperatorTokenRow).values(row))
    except IntegrityError:
        raise DataError(f"there is already a token {shown!r}; choose another name, or revoke it") from None
    return secret


def all_tokens(session: Session) -> list[OperatorToken]:
    """All tokens, the oldest first."""
    rows = session.scalars(select(OperatorTokenRow).order_by(OperatorTokenRow.id))
    return [OperatorToken(row.name, _rights(row.rights), row.created_at) for row in rows]


def revoke_token(session: Session, name: str) -> None:
    """Revoke a token. It stops working at once.

    Raises
    ------
    DataError
        If there is none of this name.
    """
    gone = delete(OperatorTokenRow).where(OperatorTokenRow.name == checked_name(name))
    if session.execute(gone.returning(OperatorTokenRow.id)).first() is None:
        raise DataError(f"there is no token {name!r}")


def rights_of(session: Session, secret: str) -> frozenset[Right] | None:
    """The rights of the token with a secret; None if there is no such token."""
    found = session.scalar(select(OperatorTokenRow.rights).where(OperatorTokenRow.digest == digest(secret)))
    return None if found is None else _rights(found)


def _rights(text: str) -> frozenset[Right]:
    return frozenset(map(Right, text.split()))
