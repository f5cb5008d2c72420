"""Workers that share a socket, each in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from matinee.web import accepting
from matinee.web.accepting import NOT_UP, FairAccepting, accepted
from tests.web.server_process import HANG_SECONDS


class Worker:
    """Accepts in a loop that runs in its own thread, until it is stopped."""

    def __init__(self, listener: Any, n_open: list[int], place: int) -> None:
        self.taken: list[socket.socket] = []
        self._listener, self._n_open, self._place = listener, n_open, place
        self._is_up, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._is_up.wait(HANG_SECONDS)

    def _run(self) -> None:
        async def until_stopped() -> None:
            self._stopped = asyncio.Event()
            fair = FairAccepting(
                self._listener,
                100,
                self._n_open,
                self._place,
                count=lambda: len(self.taken),
                take=self.taken.append,
            )
            self._is_up.set()
            await self._stopped.wait()
            fair.stop()
            await asyncio.sleep(2 * accepting.PATIENCE_SECONDS)  # nothing may be taken later either

        self._loop.run_until_complete(until_stopped())
        self._loop.close()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(HANG_SECONDS)
        for connection in self.taken:
            connection.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test has opened."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def listener(stack: ExitStack) -> socket.socket:
    bound = stack.enter_context(socket.socket())
    bound.bind(("127.0.0.1", 0))
    bound.listen(100)
    return bound


@pytest.fixture
def connect(stack: ExitStack, listener: socket.socket) -> Callable[[], socket.socket]:
    return lambda: stack.enter_context(socket.create_connection(listener.getsockname(), HANG_SECONDS))


@pytest.fixture
def start(stack: ExitStack, listener: socket.socket) -> Callable[..., Worker]:
    def make(n_open: list[int], place: int, shared: Any = None) -> Worker:
        worker = Worker(shared or stack.enter_context(listener.dup()), n_open, place)
        stack.callback(worker.stop)
        return worker

    return make


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what will happen, however slow the machine is."""
    pause = threading.Event()
    for _ in range(100 * HANG_SECONDS):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it has not happened")


def test_connections_that_come_at_once_are_shared(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Worker], connect: Callable[[], socket.socket]
) -> None:
    # However busy the machine is: nobody gives up waiting for the other.
    monkeypatch.setattr(accepting, "PATIENCE_SECONDS", 2.0)
    for _ in range(20):
        connect()
    n_open = [NOT_UP, NOT_UP]
    # The second is up before the first begins, as that one would take all until then.
    n_open[1] = 0
    first = start(n_open, 0)
    second = start(n_open, 1)
    wait_for(lambda: len(first.taken) + len(second.taken) == 20)
    assert abs(len(first.taken) - len(second.taken)) <= 2
    monkeypatch.setattr(accepting, "PATIENCE_SECONDS", 0.01)


def test_a_worker_that_has_fewer_but_is_busy_does_not_hold_connections_up(
    start: Callable[..., Worker], connect: Callable[[], socket.socket]
) -> None:
    n_open = [NOT_UP, 0]
    start(n_open, 0)
    for _ in range(3):
        connect()
    wait_for(lambda: n_open == [3, 0])


def test_one_worker_takes_all_while_the_others_are_not_up(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Worker], connect: Callable[[], socket.socket]
) -> None:
    monkeypatch.setattr(accepting, "PATIENCE_SECONDS", HANG_SECONDS)
    first = start([NOT_UP, NOT_UP], 0)
    for _ in range(3):
        connect()
    wait_for(lambda: len(first.taken) == 3)
    monkeypatch.setattr(accepting, "PATIENCE_SECONDS", 0.01)


def test_a_worker_that_is_stopped_takes_none(
    start: Callable[..., Worker], connect: Callable[[], socket.socket], listener: socket.socket
) -> None:
    first = start([NOT_UP, 0], 0)
    first.stop()
    connect()
    listener.settimeout(HANG_SECONDS)
    connection, _ = listener.accept()
    connection.close()
    assert first.taken == []


class Full:
    """A listener of a system that at first has no room for a connection."""

    def __init__(self, listener: socket.socket, numbers: list[int]) -> None:
        self._listener, self._numbers = listener, numbers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def accept(self) -> Any:
        if self._numbers:
            raise OSError(number := self._numbers.pop(), errno.errorcode[number])
        return self._listener.accept()


def test_without_room_for_a_connection_it_says_so_and_tries_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    start: Callable[..., Worker],
    connect: Callable[[], socket.socket],
    listener: socket.socket,
) -> None:
    monkeypatch.setattr(accepting, "RETRY_SECONDS", 0.02)
    with caplog.at_level(logging.ERROR):
        first = start([NOT_UP], 0, Full(listener, [errno.EMFILE, errno.EMFILE]))
        connect()
        wait_for(lambda: len(first.taken) == 1)
    assert [record.message for record in caplog.records] == [
        "cannot take a connection ([Errno 24] EMFILE); trying again in 0.02 s"
    ] * 2


def test_a_connection_that_the_client_has_ended_is_passed_over(
    connect: Callable[[], socket.socket], listener: socket.socket
) -> None:
    connect()
    gone: Any = Full(listener, [errno.ECONNABORTED])
    connection = accepted(gone)
    assert connection is not None
    with connection:
        assert connection.getblocking() is False
    listener.setblocking(False)
    assert accepted(listener) is None
