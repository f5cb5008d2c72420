"""Accounts: a name, a password, and a code for who forgets the password."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from zxcvbn import zxcvbn

from matinee.errors import DataError
from matinee.web.store import events
from matinee.web.store.engine import Store
from matinee.web.store.events import Kind
from matinee.web.store.names import checked_name, folded_name, lookalike
from matinee.web.store.recovery_codes import code_digest, new_code
from matinee.web.store.tables import AccountRow, now
from matinee.web.store.visitors import add_visitor, erase_visitor

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256
# Of zxcvbn's scores from 0 to 4, 2 needs more than a million guesses: more than the login throttle allows in
# years. It looks at no more than 72 letters.
LEAST_SCORE, LONGEST_GUESSED = 2, 72
# Computing a hash takes 64 MiB, so one process computes two at a time and the others wait.
_hashing = threading.BoundedSemaphore(2)
PASSWORD_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Account:
    """An account, and the visitor whose ratings are its own."""

    id: int
    visitor_id: int
    name: str


class NameTakenError(DataError):
    """Another account has the name, or one that looks like it."""


class WrongPasswordError(DataError):
    """The password is not the account's."""


def register(store: Store, name: str, password: str) -> tuple[Account, str]:
    """Make an account with a visitor of its own. Returns the account and its recovery code.

    Raises
    ------
    NameTakenError
        If another account has the name, or one that looks like it.
    DataError
        If the name or the password is not allowed.
    """
    shown = checked_name(name)
    checked_password(password, shown)
    hashed, code = _hash(password), new_code()
    try:
        with store.writing() as session:
            row = AccountRow(
                visitor_id=add_visitor(session).id,
                name=shown,
                folded_name=folded_name(name),
                lookalike=lookalike(name),
                password_hash=hashed,
                recovery_digest=code_digest(code),
                created_at=now(),
            )
            session.add(row)
            session.flush()
            events.note(session, Kind.REGISTERED, row.visitor_id)
            return _account(row), code
    except IntegrityError:
        raise NameTakenError("this name is taken, or looks like one that is; choose another") from None


def authenticate(store: Store, name: str, password: str) -> Account | None:
    """The account with a name and a password. If there is none, None, after the same time."""
    with store.reading() as session:
        row = session.scalar(select(AccountRow).where(AccountRow.folded_name == folded_name(name)))
        found = None if row is None else _account(row)
        hashed = _nobodys_hash() if row is None else row.password_hash
    is_right = _verify(hashed, password)
    return found if is_right else None


def new_hash(store: Store, account: Account, old: str, new: str) -> str:
    """The hash of another password for an account, to pass to `set_hash`.

    Raises
    ------
    WrongPasswordError
        If the old password is not the account's.
    DataError
        If the new password is not allowed.
    """
    checked_password(new, account.name)
    require_password(store, account, old)
    return _hash(new)


def recover(store: Store, name: str, code: str, password: str) -> tuple[Account, str] | None:
    """Give the account with a name and a recovery code another password. Returns it and its next code.

    None if there is no such account, after the same time.

    Raises
    ------
    DataError
        If the password is not allowed.
    """
    checked_password(password, name)
    hashed, next_code = _hash(password), new_code()
    with store.writing() as session:
        changed = (
            update(AccountRow)
            .where(
                AccountRow.folded_name == folded_name(name), AccountRow.recovery_digest == code_digest(code)
            )
            .values(password_hash=hashed, recovery_digest=code_digest(next_code))
            .returning(AccountRow.id, AccountRow.visitor_id, AccountRow.name)
        )
        row = session.execute(changed).first()
    return None if row is None else (Account(*row), next_code)


def set_recovery_code(session: Session, account: Account) -> str:
    """Give an account another recovery code, and return it. The one before is worth nothing from now on."""
    code = new_code()
    changed = update(AccountRow).where(AccountRow.id == account.id)
    session.execute(changed.values(recovery_digest=code_digest(code)))
    return code


def set_hash(session: Session, account: Account, hashed: str) -> None:
    """Give an account another password. The caller must end its sessions in the same transaction."""
    session.execute(update(AccountRow).where(AccountRow.id == account.id).values(password_hash=hashed))


def require_password(store: Store, account: Account, password: str) -> None:
    """Raise a WrongPasswordError unless the password is the account's."""
    with store.reading() as session:
        hashed = session.scalar(select(AccountRow.password_hash).where(AccountRow.id == account.id))
    if not _verify(hashed or _nobodys_hash(), password):
        raise WrongPasswordError("this is not the password of the account")


def delete_account(session: Session, account: Account) -> None:
    """Erase an account with its sessions, tokens, ratings and log. The log keeps that it is deleted."""
    erase_visitor(session, account.visitor_id)


def checked_password(password: str, name: str) -> str:
    """The password. Raises a DataError if it is not allowed."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise DataError(f"a password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} letters")
    # Its list of common passwords knows the turns that people give them too, such as a 1 for an i.
    found = zxcvbn(password[:LONGEST_GUESSED], user_inputs=[name, folded_name(name), "matinee"])
    if found["score"] < LEAST_SCORE:
        raise DataError("this password is too easy to guess; choose another, such as several words")
    return password


def _account(row: AccountRow) -> Account:
    return Account(row.id, row.visitor_id, row.name)


def _hash(password: str) -> str:
    with _hashing:
        return PASSWORD_HASHER.hash(password.encode("utf-8", "surrogatepass"))


def _verify(hashed: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        password = ""  # nobody's, and too long to be worth hashing
    with _hashing:
        try:
            return PASSWORD_HASHER.verify(hashed, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys_hash() -> str:
    """A hash to verify when there is no account, so that the answer takes as long."""
    return _hash("nobody has this password")
