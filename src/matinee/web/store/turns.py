"""Writers of an SQLite file take turns, in the order they come and without a pause between two.

SQLite itself lets a writer that finds another at work sleep and look again, ever longer, up to a tenth of a
second: under load most of the time is slept, and who comes late may go first.
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
    # Windows: between processes SQLite's own waiting has to do.
    fcntl = None  # type: ignore[assignment]


class Turns:
    """One turn at a time: among the threads of this process, and among processes with the same file.

    Parameters
    ----------
    path : Path
        An empty file beside the database; a process that dies gives up its turn.
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
        """Give the file back."""
        os.close(self._file)
