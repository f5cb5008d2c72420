"""Limits how many requests one address may send per minute. Each worker counts for itself."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from matinee.errors import DataError
from matinee.web.rendering.problems import refusal
from matinee.web.rendering.wording import counted
from matinee.web.security.addresses import counted_as

# Health checks, Prometheus and browsers request these by themselves.
EXEMPT = ("/health", "/ready", "/metrics", "/static/")


class RateLimit:
    """Answers 429 to an address that sends too many requests.

    Parameters
    ----------
    limit : str
        Such as ``"1200/minute"``.
    """

    def __init__(self, app: ASGIApp, *, limit: str) -> None:
        self._app, self._limit = app, parsed_limit(limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        address = counted_as(client[0]) if client else ""
        if self._limiter.hit(self._limit, address):
            await self._app(scope, receive, send)
            return
        resets = self._limiter.get_window_stats(self._limit, address).reset_time
        seconds = max(1, math.ceil(resets - time.time()))
        detail = f"Too many requests (limit: {self._limit}); try again in {counted(seconds, 'second')}."
        headers = {"Retry-After": str(seconds)}
        await refusal(scope["path"], 429, detail, headers=headers)(scope, receive, send)


def parsed_limit(text: str) -> RateLimitItem:
    """The limit in a text such as ``"1200/minute"``; raises a DataError for any other text."""
    try:
        return parse(text)
    except ValueError:
        raise DataError(f"{text!r} is no rate limit; expected a text such as '1200/minute'") from None
