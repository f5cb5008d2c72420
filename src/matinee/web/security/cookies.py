"""The one cookie: signed, HttpOnly, SameSite=Lax; it holds who the browser is, and no more."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A browser holds a cookie with this prefix to have come by https, from this host, for all of it.
PLAIN_NAME, SECURE_NAME = "matinee", "__Host-matinee"
MAX_AGE = 365 * 24 * 3600
# One that is older is signed anew, so that nobody who comes back now and then loses theirs.
OLD_AGE = 30 * 24 * 3600


@dataclass(frozen=True)
class Cookie:
    """What a browser holds.

    Attributes
    ----------
    nonce : str
        What forms' CSRF tokens are derived from; new at every login and logout.
    visitor : str or None
        The key of a visitor who is not logged in.
    session : str or None
        The secret of the session of one who is.
    """

    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    visitor: str | None = None
    session: str | None = None


class CookieJar:
    """Signs cookies and reads them back.

    Parameters
    ----------
    secret : str
    """

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="matinee cookie")

    def dumps(self, cookie: Cookie) -> str:
        """The cookie as signed text."""
        parts = {"n": cookie.nonce, "v": cookie.visitor, "s": cookie.session}
        return str(self._serializer.dumps({name: part for name, part in parts.items() if part is not None}))

    def loads(self, text: str) -> tuple[Cookie | None, bool]:
        """The cookie in a text, and whether it is to be signed anew.

        None if this server has not signed it, or too long ago.
        """
        try:
            parts, signed_at = self._serializer.loads(text, max_age=MAX_AGE, return_timestamp=True)
        except BadSignature:
            return None, False
        return Cookie(
            parts["n"], parts.get("v"), parts.get("s")
        ), time.time() - signed_at.timestamp() > OLD_AGE


class Cookies:
    """Reads the cookie of each request into ``request.state.cookie``, and sends it when that was changed."""

    def __init__(self, app: ASGIApp, *, jar: CookieJar, always_secure: bool = False) -> None:
        self._app, self._jar, self._always_secure = app, jar, always_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        is_secure = self._always_secure or scope["scheme"] == "https"
        text = connection.cookies.get(SECURE_NAME if is_secure else PLAIN_NAME)
        read, is_old = (None, False) if text is None else self._jar.loads(text)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["cookie"] = read

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and (is_old or state["cookie"] != read):
                self._set(MutableHeaders(scope=message), state["cookie"], is_secure)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _set(self, headers: MutableHeaders, cookie: Cookie, is_secure: bool) -> None:
        response = Response()
        response.set_cookie(
            SECURE_NAME if is_secure else PLAIN_NAME,
            self._jar.dumps(cookie),
            max_age=MAX_AGE,
            httponly=True,
            samesite="lax",
            secure=is_secure,
        )
        headers.append("Set-Cookie", response.headers["Set-Cookie"])


def cookie_of(connection: HTTPConnection) -> Cookie:
    """The request's cookie, a new one if it brought none; a new one is sent along with the response."""
    if connection.state.cookie is None:
        connection.state.cookie = Cookie()
    cookie: Cookie = connection.state.cookie
    return cookie


def change_cookie(connection: HTTPConnection, *, visitor: str | None, session: str | None) -> None:
    """Let the browser be somebody else from now on, with forms of its own."""
    connection.state.cookie = Cookie(visitor=visitor, session=session)


def keep_visitor(connection: HTTPConnection, key: str) -> None:
    """Let the browser be this visitor, its forms staying good."""
    connection.state.cookie = replace(cookie_of(connection), visitor=key)
