"""Lets writers of an SQLite file take turns in the order they come, without a pause between two.

SQLite itself makes a waiting writer sleep and look again, each time longer, up to a tenth of a second. Under
load most of the time passes in sleep, and a writer that comes late may go first.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover
    # On Windows, processes rely on SQLite's own waiting.
    fcntl = None  # type: ignore[assignment]


class Turns:
    """One turn at a time, among the threads of this process and all processes that use the same file.

    Parameters
    ----------
    path : Path
        An empty file beside the database. A process that dies gives up its turn.
    """

    def __init__(self, path: Path) -> None:
        self._threads = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A turn, for as long as the block lasts."""
        with self._threads:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                if fcntl is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
