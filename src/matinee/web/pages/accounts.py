"""The pages to register, to log in and to recover, and the account's own page with its tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from matinee.errors import DataError
from matinee.web.pages.addresses import back_to
from matinee.web.rendering.templating import page
from matinee.web.store import tokens
from matinee.web.visits import logins
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.logins import LoginFailedError, require_account
from matinee.web.visits.visit import Visit

router = APIRouter()

# Longer than any accepted text, so that our own message reports the length.
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/register")
def show_register(visit: CurrentVisit) -> HTMLResponse:
    """The form to register."""
    return page(visit, "register.html", {"name": "", "error": None})


@router.post("/register")
def register(visit: CurrentVisit, name: Text, password: Text) -> Response:
    """Make an account and log in. Only this page shows the recovery code."""
    try:
        code = logins.register(visit, name, password)
    except DataError as error:
        return page(visit, "register.html", {"name": name, "error": str(error)}, status_code=422)
    return _code_page(visit, code, "registered")


@router.get("/recover")
def show_recover(visit: CurrentVisit) -> HTMLResponse:
    """The form to set another password by the recovery code."""
    return page(visit, "recover.html", {"name": "", "error": None})


@router.post("/recover")
def recover(visit: CurrentVisit, name: Text, code: Text, password: Text) -> Response:
    """Set another password by the recovery code, and log in. Only this page shows the next code."""
    try:
        next_code = logins.recover(visit, name, code, password)
    except LoginFailedError as error:
        return page(visit, "recover.html", {"name": name, "error": str(error)}, status_code=401)
    except DataError as error:
        return page(visit, "recover.html", {"name": name, "error": str(error)}, status_code=422)
    return _code_page(visit, next_code, "recovered")


@router.get("/login")
def show_login(visit: CurrentVisit, next: str = "/") -> HTMLResponse:
    """The form to log in."""
    return page(visit, "login.html", {"name": "", "error": None, "next": next})


@router.post("/login")
def log_in(
    visit: CurrentVisit,
    name: Text,
    password: Text,
    next_page: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Log in. Ratings made without an account now belong to the account."""
    try:
        logins.log_in(visit, name, password)
    except LoginFailedError as error:
        context = {"name": name, "error": str(error), "next": next_page}
        return page(visit, "login.html", context, status_code=401)
    return back_to(next_page)


@router.post("/logout")
def log_out(visit: CurrentVisit) -> RedirectResponse:
    """Log out."""
    logins.log_out(visit)
    return RedirectResponse("/", status_code=303)


@router.get("/account")
def show_account(visit: CurrentVisit) -> Response:
    """The account's page, for its owner."""
    if visit.account is None:
        return RedirectResponse("/login?next=/account", status_code=303)
    return _account_page(visit)


@router.post("/account/password")
def change_password(visit: CurrentVisit, old_password: Text, new_password: Text) -> Response:
    """Change the password. All other browsers are logged out."""
    try:
        logins.change_password(visit, old_password, new_password)
    except DataError as error:
        return _account_page(visit, error=str(error), status_code=422)
    return RedirectResponse("/account?password=changed", status_code=303)


@router.post("/account/recovery")
def make_recovery_code(visit: CurrentVisit, password: Text) -> Response:
    """Make another recovery code. Only this page shows it."""
    try:
        code = logins.new_recovery_code(visit, password)
    except DataError as error:
        return _account_page(visit, error=str(error), status_code=422)
    return _code_page(visit, code, "made")


@router.post("/account/delete")
def delete_account(visit: CurrentVisit, password: Text) -> Response:
    """Erase the account and all its ratings."""
    try:
        logins.delete_account(visit, password)
    except DataError as error:
        return _account_page(visit, error=str(error), status_code=422)
    return RedirectResponse("/", status_code=303)


@router.post("/account/tokens")
def make_token(visit: CurrentVisit, name: Text) -> Response:
    """Make an API token. Only this page shows it."""
    account = require_account(visit)
    try:
        with visit.services.store.writing() as session:
            _, secret = tokens.make_token(session, account, name)
    except DataError as error:
        return _account_page(visit, error=str(error), status_code=422)
    return _account_page(visit, new_token=secret)


@router.post("/account/tokens/{token_id}/delete")
def revoke_token(visit: CurrentVisit, token_id: int) -> Response:
    """Revoke an API token."""
    account = require_account(visit)
    with visit.services.store.writing() as session:
        if not tokens.revoke_token(session, account, token_id):
            raise HTTPException(404, "There is no such token.")
    return RedirectResponse("/account", status_code=303)


def _code_page(visit: Visit, code: str, occasion: str) -> HTMLResponse:
    context = {"account": require_account(visit), "code": code, "occasion": occasion}
    return page(visit, "recovery_code.html", context)


def _account_page(
    visit: Visit, *, error: str | None = None, new_token: str | None = None, status_code: int = 200
) -> HTMLResponse:
    account = require_account(visit)
    with visit.services.store.reading() as session:
        held = tokens.tokens_of(session, account)
    context = {"account": account, "tokens": held, "error": error, "new_token": new_token}
    return page(visit, "account.html", context, status_code=status_code)
