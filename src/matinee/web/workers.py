"""Runs the server in this process or in worker processes that share a socket, until it is told to stop.

Told to stop, it takes no new connections, answers those that it has, and ends. A socket that is closed while
connections wait on it resets them. So this process closes its own before it tells the workers to stop, and a
worker takes what waits before it closes its own.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

import uvicorn

from matinee.errors import DataError
from matinee.web.connections import TimedConnection

logger = logging.getLogger(__name__)

# For the next request on a connection that is open when the server is told to stop. Its answer says that the
# connection ends; if none comes, the connection is closed without an answer.
DRAIN_SECONDS = 1.0
POLL_SECONDS = 0.2
# What uvicorn exits with if the application cannot be loaded, which another try would not change.
STARTUP_FAILURE = 3


class DrainingServer(uvicorn.Server):
    """A server that says when it is up, and resets no connection when it stops.

    Parameters
    ----------
    config : uvicorn.Config
    announcement : str
        Printed once requests are answered.
    is_said : semaphore, optional
        Lets only the first of several workers print it.
    """

    def __init__(self, config: uvicorn.Config, announcement: str, is_said: Any = None) -> None:
        super().__init__(config)
        self._announcement, self._is_said = announcement, is_said

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the application, and listen."""
        await super().startup(sockets)
        if self.started and (self._is_said is None or self._is_said.acquire(block=False)):
            print(self._announcement, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the connections that wait, and end when all are answered."""
        for listener in sockets or []:
            while waiting := list(_waiting_on(listener)):
                for connection in waiting:
                    loop = asyncio.get_running_loop()
                    await loop.connect_accepted_socket(self._new_connection, connection)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        TimedConnection.is_draining = True
        end = time.monotonic() + DRAIN_SECONDS
        while self.server_state.connections and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await super().shutdown([])

    def _new_connection(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def run(config: uvicorn.Config, listener: socket.socket, announcement: str) -> None:
    """Serve on a bound socket until the process is told to stop.

    Raises
    ------
    DataError
        If a worker cannot start.
    """
    if config.workers == 1:
        DrainingServer(config, announcement).run([listener])
    else:
        _Supervisor(config, listener, announcement).run()


class _Supervisor:
    """Starts the workers, starts those again that die, and tells them to stop."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, announcement: str) -> None:
        # Not forked: the threads of this process would not be.
        self._context = multiprocessing.get_context("spawn")
        self._arguments = (config, listener, announcement, self._context.Semaphore(1))
        self._config, self._listener = config, listener
        self._is_told_to_stop = False

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        workers = [self._start() for _ in range(self._config.workers)]
        try:
            while not self._is_told_to_stop:
                wait([worker.sentinel for worker in workers], POLL_SECONDS)
                workers = [self._replaced(worker) for worker in workers]
        finally:
            self._listener.close()
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()

    def _start(self) -> Any:
        worker = self._context.Process(target=_work, args=self._arguments)
        worker.start()
        return worker

    def _replaced(self, worker: Any) -> Any:
        """The worker, or another in its place if it has died by itself."""
        if worker.is_alive() or self._is_told_to_stop:
            return worker
        if worker.exitcode == STARTUP_FAILURE:
            raise DataError("a worker could not start; the reason is in the log")
        logger.error("worker %s ended with status %s; another is started", worker.pid, worker.exitcode)
        return self._start()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told_to_stop = True


def _work(config: uvicorn.Config, listener: socket.socket, announcement: str, is_said: Any) -> None:
    """What a worker process does."""
    config.configure_logging()
    with suppress(KeyboardInterrupt):
        DrainingServer(config, announcement, is_said).run([listener])


def _waiting_on(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that the system has accepted, and this process has not yet."""
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            yield connection
