"""Takes new connections so that each of several workers gets its share of them.

Otherwise the worker that wakes first takes all that wait. Clients and proxies keep their connections, so one
worker would then do all the work for long, while the others have none.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, MutableSequence

logger = logging.getLogger(__name__)

# How long a worker with more connections than another leaves a new one to it: the other may be busy.
# Meanwhile it looks whether it still has more, so that many connections at once are taken without a pause.
PATIENCE_SECONDS = 0.01
LOOK_SECONDS = 0.001
# Before another try, if the system has no room for a connection.
RETRY_SECONDS = 1.0
# In place of the connections of a worker that does not listen.
NOT_UP = 2**31 - 1


class FairAccepting:
    """Takes the connections of one worker from a socket that several workers share.

    Parameters
    ----------
    listener : socket
        Bound. It listens from here on.
    backlog : int
        How many connections may wait.
    n_open : list of int
        The connections of every worker, in memory that the workers share; `NOT_UP` for one that is not up.
    place : int
        Of this worker in the list.
    count : callable
        Returns how many connections this worker has.
    take : callable
        Called with each new connection.
    """

    def __init__(
        self,
        listener: socket.socket,
        backlog: int,
        n_open: MutableSequence[int],
        place: int,
        *,
        count: Callable[[], int],
        take: Callable[[socket.socket], None],
    ) -> None:
        self._listener, self._n_open, self._place = listener, n_open, place
        self._count, self._take = count, take
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False
        listener.setblocking(False)
        listener.listen(backlog)
        self.tell()
        self._watch()

    def tell(self) -> None:
        """Let the other workers know how many connections this one has."""
        self._n_open[self._place] = self._count()

    def stop(self) -> None:
        """Take no more connections."""
        self._is_stopped = True
        self._loop.remove_reader(self._listener)

    def _watch(self) -> None:
        if not self._is_stopped:
            self._loop.add_reader(self._listener, self._one_waits)

    def _one_waits(self) -> None:
        if self._has_more():
            self._loop.remove_reader(self._listener)
            self._leave_it(until=self._loop.time() + PATIENCE_SECONDS)
        else:
            self._take_one()

    def _has_more(self) -> bool:
        """Whether another worker has fewer connections."""
        self.tell()
        return self._n_open[self._place] > min(self._n_open)

    def _leave_it(self, until: float) -> None:
        self._loop.call_later(LOOK_SECONDS, self._look_again, until)

    def _look_again(self, until: float) -> None:
        if self._is_stopped:
            return
        if self._has_more() and self._loop.time() < until:
            self._leave_it(until)
        else:
            self._watch()
            self._take_one()

    def _take_one(self) -> None:
        try:
            connection = accepted(self._listener)
        except OSError as error:
            logger.error("cannot take a connection (%s); trying again in %g s", error, RETRY_SECONDS)
            self._loop.remove_reader(self._listener)
            self._loop.call_later(RETRY_SECONDS, self._watch)
            return
        if connection is not None:
            self._take(connection)
            self.tell()


def accepted(listener: socket.socket) -> socket.socket | None:
    """The next connection that waits; None if none does.

    Raises
    ------
    OSError
        If the system has no room for another.
    """
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return None
        except ConnectionAbortedError:
            continue
        connection.setblocking(False)
        return connection
