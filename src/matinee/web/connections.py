"""Closes connections of clients that are too slow: each one costs memory and a file descriptor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the first byte to the end of the header. A new connection that sends nothing has the same time.
HEADER_SECONDS = 20.0
# For the body: the longest that is allowed takes this long at 35 kbit/s.
BODY_SECONDS = 60.0
# How long a client may leave what was sent to it unread.
READING_SECONDS = 60.0


class TimedConnection(HttpToolsProtocol):
    """A connection on which each request has to arrive, and each answer has to be read, in good time.

    Between requests, uvicorn's own time for idle connections counts.

    Attributes
    ----------
    is_draining : bool
        Of the class: the server is about to stop, so each connection ends with its next answer.
    """

    is_draining = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arriving: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._arriving)
        _stop(self._leaving)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Uvicorn took this for the beginning of a request, and no longer counts the time.
        if self._arriving is None and (self.cycle is None or self.cycle.response_complete):
            self._expect(HEADER_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        self._expect(BODY_SECONDS)
        super().on_headers_complete()
        if TimedConnection.is_draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        _stop(self._arriving)
        self._arriving = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._leaving = self._later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        _stop(self._leaving)
        super().resume_writing()

    def _expect(self, seconds: float) -> None:
        """Close the connection unless the next step comes in time."""
        _stop(self._arriving)
        self._arriving = self._later(seconds, self._give_up)

    def _give_up(self) -> None:
        # What has not arrived because this server stopped reading is not the client's fault.
        if self.flow.read_paused:
            self._expect(BODY_SECONDS)
        else:
            self._arriving = None
            self.transport.close()

    def _later(self, seconds: float, action: Callable[[], Any]) -> asyncio.TimerHandle | None:
        return None if self.transport.is_closing() else self.loop.call_later(seconds, action)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
