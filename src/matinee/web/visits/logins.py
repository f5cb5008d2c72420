"""Registering, logging in and out, recovering, changing the password and deleting the account."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from matinee.errors import DataError
from matinee.web.security.addresses import counted_as
from matinee.web.security.cookies import change_cookie
from matinee.web.store import accounts, film_lists, login_throttle, ratings_log, sessions
from matinee.web.store.accounts import Account
from matinee.web.store.login_throttle import TooManyAttemptsError
from matinee.web.store.names import checked_name
from matinee.web.visits.visit import Visit, Visitor


class LoginFailedError(DataError):
    """No account has this name and this password. The error does not say which of them is wrong."""


def register(visit: Visit, name: str, password: str) -> str:
    """Make an account, log in, and return the account's recovery code.

    Raises
    ------
    DataError
        For a name or a password that is not allowed, or a name that is taken.
    HTTPException
        429, after too many registrations from this address. They also bound how many names somebody can try
        out to learn which are taken.
    """
    accounts.checked_password(password, checked_name(name))
    store = visit.services.store
    try:
        with store.writing() as session:
            login_throttle.note_registration(session, address_of(visit))
    except TooManyAttemptsError as error:
        raise _too_many(error) from None
    account, code = accounts.register(store, name, password)
    with store.writing() as session:
        _enter(visit, session, account)
    return code


def log_in(visit: Visit, name: str, password: str) -> Account:
    """Log the browser in. What it rated without an account now counts for the account.

    Raises
    ------
    LoginFailedError
    HTTPException
        429, after too many attempts.
    """
    _guard(visit, name)
    account = accounts.authenticate(visit.services.store, name, password)
    if account is None:
        raise LoginFailedError("No account has this name and this password.")
    with visit.services.store.writing() as session:
        login_throttle.forget_login(session, name, address_of(visit))
        _enter(visit, session, account)
    return account


def recover(visit: Visit, name: str, code: str, password: str) -> str:
    """Set another password by the recovery code, log in, and return the next code.

    All other browsers are logged out.

    Raises
    ------
    LoginFailedError, DataError
    HTTPException
        429, after too many attempts.
    """
    accounts.checked_password(password, name)
    _guard(visit, name)
    found = accounts.recover(visit.services.store, name, code, password)
    if found is None:
        raise LoginFailedError("No account has this name and this recovery code.")
    account, next_code = found
    with visit.services.store.writing() as session:
        login_throttle.forget_login(session, name, address_of(visit))
        sessions.close_all_sessions(session, account)
        _enter(visit, session, account)
    return next_code


def new_recovery_code(visit: Visit, password: str) -> str:
    """Another recovery code for the account, in place of the one before.

    Raises
    ------
    WrongPasswordError
    HTTPException
        429, after too many attempts.
    """
    account = require_account(visit)
    _guard(visit, account.name)
    accounts.require_password(visit.services.store, account, password)
    with visit.services.store.writing() as session:
        login_throttle.forget_login(session, account.name, address_of(visit))
        return accounts.set_recovery_code(session, account)


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
    _guard(visit, account.name)
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
    _guard(visit, account.name)
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


def _guard(visit: Visit, name: str) -> None:
    """Count an attempt at the password or the recovery code of an account."""
    try:
        with visit.services.store.writing() as session:
            login_throttle.note_login(session, name, address_of(visit))
    except TooManyAttemptsError as error:
        raise _too_many(error) from None


def _enter(visit: Visit, session: Session, account: Account) -> None:
    """Log the browser in. The account gains what was rated without it."""
    before = visit.visitor
    if before.id is not None and before.account is None:
        ratings_log.merge(session, before.id, account.visitor_id)
        film_lists.merge(session, before.id, account.visitor_id)
    _close_own_session(visit, session)
    secret = sessions.open_session(session, account)
    change_cookie(visit.request, visitor=None, session=secret)
    visit.become(Visitor(account.visitor_id, account))


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
