"""The one cookie: signed, HttpOnly, SameSite=Lax. It says who the browser is, and which language it wants."""

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

# Browsers accept a cookie with the prefix __Host- only by https, from this host, and for all its paths.
PLAIN_NAME, SECURE_NAME = "matinee", "__Host-matinee"
# Below a path, where other sites of the same host must not get the cookie.
SECURE_NAME_BELOW = "__Secure-matinee"
MAX_AGE = 365 * 24 * 3600
# An older cookie is signed again, so that visitors who return now and then keep theirs.
OLD_AGE = 30 * 24 * 3600


@dataclass(frozen=True)
class Cookie:
    """What a browser keeps in its cookie.

    Attributes
    ----------
    nonce : str
        The CSRF tokens of forms derive from it; new at every login and logout.
    visitor : str or None
        The key of a visitor who is not logged in.
    session : str or None
        The secret of the session of a visitor who is logged in.
    language : str or None
        The language of pages that the visitor has chosen; by default what the browser prefers.
    """

    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    visitor: str | None = None
    session: str | None = None
    language: str | None = None


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
        parts = {"n": cookie.nonce, "v": cookie.visitor, "s": cookie.session, "l": cookie.language}
        return str(self._serializer.dumps({name: part for name, part in parts.items() if part is not None}))

    def loads(self, text: str) -> tuple[Cookie | None, bool]:
        """The cookie in a text, and whether it should be signed again.

        The cookie is None if this server did not sign the text, or signed it too long ago.
        """
        try:
            parts, signed_at = self._serializer.loads(text, max_age=MAX_AGE, return_timestamp=True)
        except BadSignature:
            return None, False
        return Cookie(
            parts["n"], parts.get("v"), parts.get("s"), parts.get("l")
        ), time.time() - signed_at.timestamp() > OLD_AGE


class Cookies:
    """Reads each request's cookie into ``request.state.cookie``, and sends it back if that was changed."""

    def __init__(self, app: ASGIApp, *, jar: CookieJar, always_secure: bool = False, root: str = "") -> None:
        self._app, self._jar, self._always_secure = app, jar, always_secure
        self._path = root or "/"
        self._secure_name = SECURE_NAME_BELOW if root else SECURE_NAME

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        is_secure = self._always_secure or scope["scheme"] == "https"
        text = connection.cookies.get(self._secure_name if is_secure else PLAIN_NAME)
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
            self._secure_name if is_secure else PLAIN_NAME,
            self._jar.dumps(cookie),
            max_age=MAX_AGE,
            path=self._path,
            httponly=True,
            samesite="lax",
            secure=is_secure,
        )
        headers.append("Set-Cookie", response.headers["Set-Cookie"])


def cookie_of(connection: HTTPConnection) -> Cookie:
    """The request's cookie. If it has none, a new one, which goes out with the response."""
    if connection.state.cookie is None:
        connection.state.cookie = Cookie()
    cookie: Cookie = connection.state.cookie
    return cookie


def change_cookie(connection: HTTPConnection, *, visitor: str | None, session: str | None) -> None:
    """Make the browser somebody else. Forms of pages loaded before are refused from now on."""
    language = cookie_of(connection).language
    connection.state.cookie = Cookie(visitor=visitor, session=session, language=language)


def keep_visitor(connection: HTTPConnection, key: str) -> None:
    """Make the browser this visitor. Forms of pages loaded before stay valid."""
    connection.state.cookie = replace(cookie_of(connection), visitor=key)


def keep_language(connection: HTTPConnection, language: str) -> None:
    """Remember the language of pages that the visitor has chosen."""
    connection.state.cookie = replace(cookie_of(connection), language=language)
