"""Logs that the database does not answer, once and not for every request."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger(__name__)

QUIET_SECONDS = 60.0


class Outage:
    """Counts what the database did not answer, and logs a line about it at most once a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged_at = -QUIET_SECONDS
        self._n_failed = 0

    def note(self, error: Exception) -> None:
        """The database has not answered once more."""
        with self._lock:
            self._n_failed += 1
            if time.monotonic() - self._logged_at < QUIET_SECONDS:
                return
            n_failed, self._n_failed = self._n_failed, 0
            self._logged_at = time.monotonic()
        reason = " ".join(str(error).split())
        counted = f" {n_failed} times since it was last said" if n_failed > 1 else ""
        logger.error("the database did not answer%s: %s", counted, reason)
