"""Requests that change something come from our own pages: a token in the form or a header, and the Origin."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from matinee.web.security.cookies import Cookie, cookie_of

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def token_for(cookie: Cookie, secret: str) -> str:
    """The token that forms of the browser with this cookie hold; of no use to any other."""
    return hmac.new(secret.encode(), b"csrf " + cookie.nonce.encode(), hashlib.sha256).hexdigest()


async def require_form_token(request: Request) -> None:
    """A dependency of all pages: refuses a form that does not come from one of ours.

    Raises
    ------
    HTTPException
        403, for a method that may change something, without the token or from another origin.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(HEADER)
    if given is None:
        given = str((await request.form()).get(FIELD, ""))
    _require(request, given)


def require_header_token(request: Request) -> None:
    """For the API: refuses a request that is authenticated by a cookie and does not come from our own pages.

    Raises
    ------
    HTTPException
        403, for a method that may change something, without the token or from another origin.
    """
    if request.method not in SAFE_METHODS:
        _require(request, request.headers.get(HEADER, ""))


def _require(request: Request, given: str) -> None:
    if not is_same_origin(request):
        raise HTTPException(403, "The request comes from another site; expected one of this site's pages.")
    # Without a cookie of its own a browser cannot have been given a token.
    is_ours = request.state.cookie is not None and hmac.compare_digest(
        given.encode(), token_for(cookie_of(request), request.app.state.services.secret).encode()
    )
    if not is_ours:
        raise HTTPException(
            403,
            f"The form is out of date, or cookies are turned off: expected the token of this browser in the "
            f"field {FIELD} or the header {HEADER}. Load the page again, and send it from there.",
        )


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this host sent the request, or does not say."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
