"""Accounts: a name and a password. Nobody can find out who has an account."""

from __future__ import annotations

import threading
import time
import unicodedata
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from matinee.errors import DataError
from matinee.web.store.engine import Store
from matinee.web.store.tables import AccountRow, VisitorRow, now
from matinee.web.store.visitors import add_visitor

SHORTEST_NAME, LONGEST_NAME = 2, 64
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256
# Writing an account takes longer than finding its name taken. Both take this long, so the time tells nothing.
REGISTERING_SECONDS = 0.3
# Computing a hash takes 64 MiB, so one process computes two at a time and the others wait.
_hashing = threading.BoundedSemaphore(2)
PASSWORD_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Account:
    """An account, and the visitor whose ratings are its own."""

    id: int
    visitor_id: int
    name: str


class WrongPasswordError(DataError):
    """The password is not the account's."""


def register(store: Store, name: str, password: str) -> None:
    """Make an account with a visitor of its own, if the name is free.

    Neither the result nor the time it takes tells whether the name was free, so that nobody learns who has an
    account. Whoever registers finds out by logging in.

    Raises
    ------
    DataError
        If the name or the password is not allowed.
    """
    shown, folded = checked_name(name), folded_name(name)
    checked_password(password, shown)
    began = time.monotonic()
    hashed = _hash(password)
    try:
        with store.writing() as session:
            visitor = add_visitor(session)
            session.add(
                AccountRow(
                    visitor_id=visitor.id,
                    name=shown,
                    folded_name=folded,
                    password_hash=hashed,
                    created_at=now(),
                )
            )
    except IntegrityError:
        pass  # taken
    time.sleep(max(0.0, began + REGISTERING_SECONDS - time.monotonic()))


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
    """Erase an account with its sessions, tokens, ratings and log."""
    session.execute(delete(VisitorRow).where(VisitorRow.id == account.visitor_id))


def checked_name(name: str) -> str:
    """The name as it is shown. Raises a DataError if the name is not allowed."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not SHORTEST_NAME <= len(shown) <= LONGEST_NAME or not shown.isprintable():
        raise DataError(f"a name needs {SHORTEST_NAME} to {LONGEST_NAME} letters")
    return shown


def folded_name(name: str) -> str:
    """The name as it is looked up. Names that differ only in case or in the form of letters are the same."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()[:LONGEST_FOLDED].replace("\0", "")


# Longer than a name may be, as casefolding and normalisation turn some letters into several.
LONGEST_FOLDED = 256


def checked_password(password: str, name: str) -> str:
    """The password. Raises a DataError if it is not allowed."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise DataError(f"a password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} letters")
    if len(set(password)) < 4 or folded_name(password) == folded_name(name):
        raise DataError("this password is too easy to guess; choose another")
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
