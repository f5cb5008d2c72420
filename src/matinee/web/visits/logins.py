"""Registering, logging in and out, changing the password and deleting the account."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from matinee.errors import DataError
from matinee.web.security.addresses import counted_as
from matinee.web.security.cookies import change_cookie
from matinee.web.store import accounts, film_lists, login_throttle, ratings_log, sessions
from matinee.web.store.accounts import Account
from matinee.web.store.login_throttle import TooManyAttemptsError
from matinee.web.visits.visit import Visit, Visitor


class LoginFailedError(DataError):
    """No account has this name and this password. The error does not say which of them is wrong."""


def register(visit: Visit, name: str, password: str) -> None:
    """Make an account if the name is free. Only logging in shows whether it was.

    Raises
    ------
    DataError
        For a name or a password that is not allowed.
    HTTPException
        429, after too many registrations from this address.
    """
    accounts.checked_password(password, accounts.checked_name(name))
    store = visit.services.store
    try:
        with store.writing() as session:
            login_throttle.note_registration(session, address_of(visit))
    except TooManyAttemptsError as error:
        raise _too_many(error) from None
    accounts.register(store, name, password)


def log_in(visit: Visit, name: str, password: str) -> Account:
    """Log the browser in. What it rated without an account now counts for the account.

    Raises
    ------
    LoginFailedError
    HTTPException
        429, after too many attempts.
    """
    store, address = visit.services.store, address_of(visit)
    try:
        with store.writing() as session:
            login_throttle.note_login(session, name, address)
    except TooManyAttemptsError as error:
        raise _too_many(error) from None
    account = accounts.authenticate(store, name, password)
    if account is None:
        raise LoginFailedError("No account has this name and this password.")
    before = visit.visitor
    with store.writing() as session:
        login_throttle.forget_login(session, name, address)
        if before.id is not None and before.account is None:
            ratings_log.merge(session, before.id, account.visitor_id)
            film_lists.merge(session, before.id, account.visitor_id)
        _close_own_session(visit, session)
        secret = sessions.open_session(session, account)
    change_cookie(visit.request, visitor=None, session=secret)
    visit.become(Visitor(account.visitor_id, account))
    return account


def log_out(visit: Visit) -> None:
    """End the session in the browser and on the server. The browser then belongs to nobody."""
    with visit.services.store.writing() as session:
        _close_own_session(visit, session)
    change_cookie(visit.request, visitor=None, session=None)
    visit.become(Visitor())


def change_password(visit: Visit, old: str, new: str) -> None:
    """Give the account another password, and log out all its other browsers. Tokens still work.

    Raises
    ------
    WrongPasswordError, DataError
    HTTPException
        429, after too many attempts.
    """
    account = require_account(visit)
    _guard(visit, account)
    hashed = accounts.new_hash(visit.services.store, account, old, new)
    with visit.services.store.writing() as session:
        accounts.set_hash(session, account, hashed)
        login_throttle.forget_login(session, account.name, address_of(visit))
        sessions.close_all_sessions(session, account)
        secret = sessions.open_session(session, account)
    change_cookie(visit.request, visitor=None, session=secret)


def delete_account(visit: Visit, password: str) -> None:
    """Erase the account and all its ratings.

    Raises
    ------
    WrongPasswordError
    HTTPException
        429, after too many attempts.
    """
    account = require_account(visit)
    _guard(visit, account)
    accounts.require_password(visit.services.store, account, password)
    with visit.services.store.writing() as session:
        accounts.delete_account(session, account)
    change_cookie(visit.request, visitor=None, session=None)
    visit.become(Visitor())


def require_account(visit: Visit) -> Account:
    """The account of a visitor who is logged in; 401 otherwise."""
    if visit.account is None:
        raise HTTPException(401, "Log in first.")
    return visit.account


def address_of(visit: Visit) -> str:
    """The address of the client, as a proxy reports it if the server trusts that proxy."""
    return counted_as(visit.request.client.host) if visit.request.client else ""


def _guard(visit: Visit, account: Account) -> None:
    """Count an attempt at the account's password as an attempt to log in."""
    try:
        with visit.services.store.writing() as session:
            login_throttle.note_login(session, account.name, address_of(visit))
    except TooManyAttemptsError as error:
        raise _too_many(error) from None


def _close_own_session(visit: Visit, session: Session) -> None:
    cookie = visit.request.state.cookie
    if cookie is not None and cookie.session is not None:
        sessions.close_session(session, cookie.session)


def _too_many(error: TooManyAttemptsError) -> HTTPException:
    minutes = -(-error.retry_seconds // 60)
    return HTTPException(
        429,
        f"Too many attempts; try again in {minutes} minute{'s' * (minutes != 1)}.",
        headers={"Retry-After": str(error.retry_seconds)},
    )
