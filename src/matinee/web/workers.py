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
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

import uvicorn

from matinee.errors import DataError
from matinee.web.accepting import NOT_UP, FairAccepting, accepted
from matinee.web.connections import TimedConnection

logger = logging.getLogger(__name__)

# For the next request on a connection that is open when the server is told to stop. Its answer says that the
# connection ends; if none comes, the connection is closed without an answer.
DRAIN_SECONDS = 1.0
POLL_SECONDS = 0.2
# What uvicorn exits with if the application cannot be loaded, which another try would not change.
STARTUP_FAILURE = 3


@dataclass(frozen=True)
class _Shared:
    """What the workers share.

    Attributes
    ----------
    is_said : semaphore
        Lets only the first of them say where the server is.
    n_open : list of int
        The connections of each, for `FairAccepting`.
    """

    is_said: Any
    n_open: Any


class DrainingServer(uvicorn.Server):
    """A server that says when it is up, and resets no connection when it stops.

    Parameters
    ----------
    config : uvicorn.Config
    announcement : str
        Printed once requests are answered.
    shared : _Shared, optional
        What this worker has in common with others; None if it is the only one.
    place : int
        Of this worker among the others.
    """

    def __init__(
        self, config: uvicorn.Config, announcement: str, shared: _Shared | None = None, place: int = 0
    ) -> None:
        super().__init__(config)
        self._announcement, self._shared, self._place = announcement, shared, place
        self._accepting: list[FairAccepting] = []
        self._beginning: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the application, and listen."""
        if self._shared is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            self._accepting = [self._accept(listener, self._shared) for listener in sockets or []]
        if self.started and (self._shared is None or self._shared.is_said.acquire(block=False)):
            print(self._announcement, flush=True)

    async def on_tick(self, counter: int) -> bool:
        """What the server does every tenth of a second; whether it has to stop."""
        for accepting in self._accepting:
            accepting.tell()
        return await super().on_tick(counter) or _is_orphan()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the connections that wait, and end when all are answered."""
        for accepting in self._accepting:
            accepting.stop()
        for listener in sockets or []:
            while (connection := accepted(listener)) is not None:
                self._begin(connection)
                await asyncio.gather(*self._beginning)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        TimedConnection.is_draining = True
        end = time.monotonic() + DRAIN_SECONDS
        while self.server_state.connections and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await super().shutdown([])

    def _accept(self, listener: socket.socket, shared: _Shared) -> FairAccepting:
        return FairAccepting(
            listener,
            self.config.backlog,
            shared.n_open,
            self._place,
            count=lambda: len(self.server_state.connections) + len(self._beginning),
            take=self._begin,
        )

    def _begin(self, connection: socket.socket) -> None:
        """Serve a connection. It has begun when its task is done."""
        task = asyncio.get_running_loop().create_task(self._begun(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begun(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client has gone
            await asyncio.get_running_loop().connect_accepted_socket(self._new_connection, connection)

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
        shared = _Shared(self._context.Semaphore(1), self._context.RawArray("i", [NOT_UP] * config.workers))
        self._arguments = (config, listener, announcement, shared)
        self._config, self._listener, self._n_open = config, listener, shared.n_open
        self._is_told_to_stop = False

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        workers = [self._start(place) for place in range(self._config.workers)]
        try:
            while not self._is_told_to_stop:
                wait([worker.sentinel for worker in workers], POLL_SECONDS)
                workers = [self._replaced(worker, place) for place, worker in enumerate(workers)]
        finally:
            self._listener.close()
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()

    def _start(self, place: int) -> Any:
        self._n_open[place] = NOT_UP
        worker = self._context.Process(target=_work, args=(*self._arguments, place))
        worker.start()
        return worker

    def _replaced(self, worker: Any, place: int) -> Any:
        """The worker, or another in its place if it has died by itself."""
        if worker.is_alive() or self._is_told_to_stop:
            return worker
        if worker.exitcode == STARTUP_FAILURE:
            raise DataError("a worker could not start; the reason is in the log")
        logger.error("worker %s ended with status %s; another is started", worker.pid, worker.exitcode)
        return self._start(place)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told_to_stop = True


def _is_orphan() -> bool:
    """Whether the process that would tell this worker to stop was killed."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def _work(
    config: uvicorn.Config, listener: socket.socket, announcement: str, shared: _Shared, place: int
) -> None:
    """What a worker process does."""
    config.configure_logging()
    with suppress(KeyboardInterrupt):
        DrainingServer(config, announcement, shared, place).run([listener])
