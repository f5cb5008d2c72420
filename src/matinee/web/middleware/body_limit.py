"""Refuses request bodies that are too long, whether or not the request announces their length."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matinee.web.rendering.problems import refusal


class BodyLimit:
    """Answers 413 to a body above the limit, without reading it if the request announces its length.

    Parameters
    ----------
    limit : int
        In bytes.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._is_announced_too_long(scope):
            await refusal(scope["path"], 413, self._detail)(scope, receive, send)
            return
        n_read = 0

        async def receive_counted() -> Message:
            nonlocal n_read
            message = await receive()
            n_read += len(message.get("body", b""))
            if n_read > self._limit:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, receive_counted, send)

    @property
    def _detail(self) -> str:
        return f"The request is too long: this server reads at most {self._limit:,} bytes."

    def _is_announced_too_long(self, scope: Scope) -> bool:
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        return any(value.isdigit() and int(value[:20]) > self._limit for value in lengths)
