"""Makes redirects to this server relative, so that no header of a request decides where a browser goes."""

from __future__ import annotations

from starlette.datastructures import URL, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Locations:
    """Takes the scheme and the host from the address of a redirect if they are those of the request.

    Starlette redirects ``/report/`` to ``/report`` at the host that the request names, which may be any.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                location = headers.get("location")
                if location is not None:
                    headers["location"] = _relative(location, scope)
            await send(message)

        await self._app(scope, receive, send_relative)


def _relative(location: str, scope: Scope) -> str:
    own = URL(scope=scope)
    origin = f"{own.scheme}://{own.netloc}/"
    if not own.netloc or not location.startswith(origin):
        return location
    # With exactly one slash in front: with two, it would be the address of another server.
    return "/" + location.removeprefix(origin).lstrip("/\\")
