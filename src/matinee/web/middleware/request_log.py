"""Gives every request an id, and logs one line about it."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matinee.web.logs import FIELDS, request_id

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
# What a proxy may name a request: no text that could pass for something else in a log.
GIVEN_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)


class RequestLog:
    """Logs each request when its answer is complete. The answer has the id of the request in its header.

    The id is the one that the proxy has given, if it has. The query is not logged, as it is what somebody
    has typed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        given = Headers(scope=scope).get(HEADER, "")
        own = given if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        # Never taken back: the server runs each request in a context of its own, and may log an error of it.
        request_id.set(own)
        scope.setdefault("state", {})["request_id"] = own

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = own
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log(scope, status, (time.perf_counter() - began) * 1000)


def _log(scope: Scope, status: int, milliseconds: float) -> None:
    client = scope.get("client")
    fields = {
        "method": scope["method"],
        # As it was sent, in percent escapes, so that no path can end the line.
        "path": scope.get("raw_path", b"").decode("ascii", "backslashreplace"),
        "status": status,
        "milliseconds": round(milliseconds, 1),
        "client": client[0] if client else None,
    }
    logger.info("%s %s %d %.1f ms %s", *fields.values(), extra={FIELDS: fields})
