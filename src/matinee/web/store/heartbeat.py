"""Tells whether the database can be written, by writing to it."""

from __future__ import annotations

import threading
import time

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError, TimeoutError

from matinee.web.store.engine import Store
from matinee.web.store.outage import Outage
from matinee.web.store.tables import HeartbeatRow, now

# However often it is asked, a process writes no more often than this.
INTERVAL_SECONDS = 1.0


class Heartbeat:
    """Writes the time into a row of its own, and remembers whether that succeeded.

    Parameters
    ----------
    store : Store
    outage : Outage
        Is told why it failed.
    """

    def __init__(self, store: Store, outage: Outage) -> None:
        self._store, self._outage = store, outage
        self._beating = threading.Lock()
        self._beaten_at = -INTERVAL_SECONDS
        self._succeeded = True

    def beats(self) -> bool:
        """Whether the database could be written just now, or else at the last try.

        If another thread is trying, the answer does not wait for it: a try may take as long as a database
        that is stuck.
        """
        if self._beating.acquire(blocking=False):
            try:
                if time.monotonic() - self._beaten_at >= INTERVAL_SECONDS:
                    self._succeeded = self._try()
                    self._beaten_at = time.monotonic()
            finally:
                self._beating.release()
        return self._succeeded

    def _try(self) -> bool:
        try:
            with self._store.writing() as session:
                session.execute(update(HeartbeatRow).values(at=now()))
        except (DBAPIError, TimeoutError) as error:
            self._outage.note(error)
            return False
        return True
