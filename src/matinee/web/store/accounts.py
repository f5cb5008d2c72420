"""Accounts: a name and a password, with nothing given away of who has one."""

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
# To write takes longer than to find that a name is taken; with the rest of this time it does not show.
REGISTERING_SECONDS = 0.3
# Each hash takes 64 MiB for as long as it is computed; so many at once in one process, and others wait.
_hashing = threading.BoundedSemaphore(2)
PASSWORD_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Account:
    """An account, and the visitor whose ratings are its own."""

    id: int
    visitor_id: int
    name: str


class WrongPasswordError(DataError):
    """A password that is not the account's."""


def register(store: Store, name: str, password: str) -> None:
    """Make an account with a visitor of its own, if the name is free.

    Whether it was is not told, neither by what is returned nor by how long it takes, so that nobody learns
    who has an account: whoever registers finds out by logging in.

    Raises
    ------
    DataError
        For a name or a password that none may have.
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
    """The account with a name and a password; None for any other, after the same time."""
    with store.reading() as session:
        row = session.scalar(select(AccountRow).where(AccountRow.folded_name == folded_name(name)))
        found = None if row is None else _account(row)
        hashed = _nobodys_hash() if row is None else row.password_hash
    is_right = _verify(hashed, password)
    return found if is_right else None


def new_hash(store: Store, account: Account, old: str, new: str) -> str:
    """What is to be kept of another password of an account, for `set_hash`.

    Raises
    ------
    WrongPasswordError
        If the old password is not the account's.
    DataError
        For a new password that none may have.
    """
    checked_password(new, account.name)
    require_password(store, account, old)
    return _hash(new)


def set_hash(session: Session, account: Account, hashed: str) -> None:
    """Give an account another password. Its sessions are to be ended in the same transaction."""
    session.execute(update(AccountRow).where(AccountRow.id == account.id).values(password_hash=hashed))


def require_password(store: Store, account: Account, password: str) -> None:
    """Nothing, if the password is the account's; a WrongPasswordError otherwise."""
    with store.reading() as session:
        hashed = session.scalar(select(AccountRow.password_hash).where(AccountRow.id == account.id))
    if not _verify(hashed or _nobodys_hash(), password):
        raise WrongPasswordError("this is not the password of the account")


def delete_account(session: Session, account: Account) -> None:
    """Erase an account with its sessions, tokens, ratings and all of its log."""
    session.execute(delete(VisitorRow).where(VisitorRow.id == account.visitor_id))


def checked_name(name: str) -> str:
    """The name as it is shown; a DataError for one that none may have."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not SHORTEST_NAME <= len(shown) <= LONGEST_NAME or not shown.isprintable():
        raise DataError(f"expected a name of {SHORTEST_NAME} to {LONGEST_NAME} letters")
    return shown


def folded_name(name: str) -> str:
    """The name as it is looked up: two that look alike but for case are one."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()[:LONGEST_FOLDED].replace("\0", "")


# Casefolding and compatibility forms make some letters several.
LONGEST_FOLDED = 256


def checked_password(password: str, name: str) -> str:
    """The password; a DataError for one that none may have."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise DataError(f"expected a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} letters")
    if len(set(password)) < 4 or folded_name(password) == folded_name(name):
        raise DataError("this password is the first that others would try; expected another")
    return password


def _account(row: AccountRow) -> Account:
    return Account(row.id, row.visitor_id, row.name)


def _hash(password: str) -> str:
    with _hashing:
        return PASSWORD_HASHER.hash(password.encode("utf-8", "surrogatepass"))


def _verify(hashed: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        password = ""  # nobody's, and not to be worth the work
    with _hashing:
        try:
            return PASSWORD_HASHER.verify(hashed, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys_hash() -> str:
    """What is verified in place of the hash of an account that is not there, to take as long."""
    return _hash("nobody has this password")
