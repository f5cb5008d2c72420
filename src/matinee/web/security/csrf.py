"""Refuses changes that do not come from our own pages, by a token in form or header and by the Origin."""

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
    """The token in the forms of the browser with this cookie. No other browser can use it."""
    return hmac.new(secret.encode(), b"csrf " + cookie.nonce.encode(), hashlib.sha256).hexdigest()


async def require_form_token(request: Request) -> None:
    """Refuse a form that does not come from one of our pages. All pages depend on this.

    Raises
    ------
    HTTPException
        403, if the method may change something and the token is missing or the origin is another site.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(HEADER)
    if given is None:
        given = str((await request.form()).get(FIELD, ""))
    _require(request, given)


def require_header_token(request: Request) -> None:
    """Refuse an API request that a cookie authenticates and that does not come from one of our pages.

    Raises
    ------
    HTTPException
        403, if the method may change something and the token is missing or the origin is another site.
    """
    if request.method not in SAFE_METHODS:
        _require(request, request.headers.get(HEADER, ""))


def _require(request: Request, given: str) -> None:
    if not is_same_origin(request):
        raise HTTPException(
            403, "The request comes from another site; this action works only from this site's own pages."
        )
    # A browser without our cookie cannot have received a token.
    is_ours = request.state.cookie is not None and hmac.compare_digest(
        given.encode(), token_for(cookie_of(request), request.app.state.services.secret).encode()
    )
    if not is_ours:
        raise HTTPException(
            403,
            f"The form is out of date, or cookies are turned off: the field {FIELD} or the header {HEADER} "
            "must hold this browser's token. Load the page again, and send the form from there.",
        )


def is_same_origin(request: Request) -> bool:
    """False if the browser says that a page of another host sent the request; true if it does not say."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
