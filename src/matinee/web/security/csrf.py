"""Refuses changes that do not come from our own pages, by a token in form or header and by the Origin."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from matinee.web.security.cookies import Cookie, cookie_of

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
N_BYTES = 32  # of the hash
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def token_for(cookie: Cookie, secret: str) -> str:
    """A token for the forms of the browser with this cookie. No other browser can use it.

    It is masked by random bytes, which stand in front of it, so that it looks different in every answer.
    Answers are compressed, and whoever saw the lengths of many with the same token could guess it (BREACH).
    """
    mask = secrets.token_bytes(N_BYTES)
    return (mask + _mixed(mask, _unmasked_token(cookie, secret))).hex()


def _unmasked_token(cookie: Cookie, secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"csrf " + cookie.nonce.encode(), hashlib.sha256)


def _mixed(mask: bytes, token: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, token, strict=True))


def _is_token_for(given: str, cookie: Cookie, secret: str) -> bool:
    try:
        both = bytes.fromhex(given)
    except ValueError:
        return False
    if len(both) != 2 * N_BYTES:
        return False
    return hmac.compare_digest(_mixed(both[:N_BYTES], both[N_BYTES:]), _unmasked_token(cookie, secret))


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
    is_ours = request.state.cookie is not None and _is_token_for(
        given, cookie_of(request), request.app.state.services.secret
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
