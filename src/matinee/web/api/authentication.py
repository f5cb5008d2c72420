"""Identifies the caller of the API: a program by its token, a page's script by the browser's cookie.

Browsers send the cookie with every request, even one that another site caused. A request with a cookie that
may change something therefore also needs the header ``X-CSRF-Token``, with the token in our pages. Only its
owner can send a bearer token, so a request with one needs no more, and its cookies are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request

from matinee.web.security.cookies import PLAIN_NAME
from matinee.web.security.csrf import require_header_token
from matinee.web.store.accounts import Account
from matinee.web.store.operator_tokens import Right, rights_of
from matinee.web.store.tokens import account_by_token
from matinee.web.visits.dependencies import ServicesNow
from matinee.web.visits.visit import Visit, Visitor

_bearer = HTTPBearer(auto_error=False, description="A token that the account's page has made.")
_cookie = APIKeyCookie(
    name=PLAIN_NAME,
    auto_error=False,
    description="The browser's cookie; changes need the header X-CSRF-Token too.",
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Matinee"'}


def _api_visit(
    request: Request,
    services: ServicesNow,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    _sent: Annotated[str | None, Depends(_cookie)],
) -> Visit:
    if "authorization" in request.headers:
        return _by_token(request, services, credentials)
    if request.state.cookie is None:
        raise HTTPException(
            401,
            "Send a token in the header 'Authorization: Bearer …', or the cookie of a browser.",
            headers=CHALLENGE,
        )
    require_header_token(request)
    return Visit(request, services)


def _by_token(
    request: Request, services: ServicesNow, credentials: HTTPAuthorizationCredentials | None
) -> Visit:
    account = None
    if credentials is not None:
        with services.store.reading() as session:
            account = account_by_token(session, credentials.credentials)
    if account is None:
        raise HTTPException(
            401, "This token is unknown or was revoked; send a token of an account.", headers=CHALLENGE
        )
    return Visit(request, services, Visitor(account.visitor_id, account))


ApiVisit = Annotated[Visit, Depends(_api_visit)]


def _logged_in(request: Request, visit: ApiVisit) -> Visit:
    """Somebody who is logged in with a browser. A token must not make tokens that would outlive it."""
    if "authorization" in request.headers or visit.account is None:
        raise HTTPException(
            403, "Only a browser that is logged in can make and revoke tokens; a token cannot."
        )
    return visit


OwnerVisit = Annotated[Visit, Depends(_logged_in)]


def owner(visit: Visit) -> Account:
    """The account of an `OwnerVisit`."""
    assert visit.account is not None
    return visit.account


def needs(right: Right) -> Any:
    """A dependency of a route: refuses whoever does not send an operator's token with this right."""

    def require(
        services: ServicesNow, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        rights = None
        if credentials is not None:
            with services.store.reading() as session:
                rights = rights_of(session, credentials.credentials)
        if rights is None:
            raise HTTPException(
                401, "Send a token of the operator, which 'matinee token' makes.", headers=CHALLENGE
            )
        if right not in rights:
            raise HTTPException(403, f"This token does not have the right {right.value!r}.")

    return Depends(require)
