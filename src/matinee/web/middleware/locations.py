"""Puts the site below a path of its host, and makes its redirects relative to the host."""

from __future__ import annotations

from starlette.datastructures import URL, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matinee.web.rendering.templating import root_path


class Locations:
    """Hides the root path from the application, and puts it in front of the addresses that go out.

    Starlette redirects ``/report/`` to ``/report`` at the host that the request names, which may be any. So
    scheme and host of the request are taken from the address of a redirect.

    Parameters
    ----------
    root : str
        Such as ``/cinema``; empty for a site of its own host.
    """

    def __init__(self, app: ASGIApp, *, root: str = "") -> None:
        self._app, self._root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._root:
            root_path.set(self._root)
            _strip(scope, self._root)

        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                location = headers.get("location")
                if location is not None:
                    headers["location"] = self._outside(_relative(location, scope))
            await send(message)

        await self._app(scope, receive, send_relative)

    def _outside(self, location: str) -> str:
        return self._root + location if location.startswith("/") else location


def _strip(scope: Scope, root: str) -> None:
    """Take the root path from the front of a request's path. Requests past the proxy do not have it."""
    if scope["path"].startswith(f"{root}/"):
        scope["path"] = scope["path"].removeprefix(root)
        scope["raw_path"] = scope.get("raw_path", b"").removeprefix(root.encode())
    elif scope["path"] == root:
        scope["path"], scope["raw_path"] = "/", b"/"


def _relative(location: str, scope: Scope) -> str:
    own = URL(scope=scope)
    origin = f"{own.scheme}://{own.netloc}/"
    if not own.netloc or not location.startswith(origin):
        return location
    # With exactly one slash in front: with two, it would be the address of another server.
    return "/" + location.removeprefix(origin).lstrip("/\\")
