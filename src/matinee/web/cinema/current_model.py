"""The model that is served at this moment: taken up anew when its file is replaced."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from matinee.datasets import Movies
from matinee.errors import MatineeError
from matinee.web.cinema.showing import Showing, load_showing
from matinee.web.metrics import MODEL_LOADS

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int]


class CurrentModel:
    """Watches a model file and holds what it last held that was whole.

    Parameters
    ----------
    path : Path
        Must hold a model to begin with. It is to be replaced, as ``Model.save`` and ``matinee retrain``
        do, and not written over: the old file stays mapped for as long as it is served.
    movies : Movies
    poll_seconds : float

    Raises
    ------
    ModelFileError, DataError
        If the file cannot be used.
    """

    def __init__(self, path: Path, movies: Movies, *, poll_seconds: float = 1.0) -> None:
        self._path, self._movies, self._poll_seconds = path, movies, poll_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model watcher", daemon=True)
        self._seen = _signature(path)
        self._showing = load_showing(path, movies)

    @property
    def showing(self) -> Showing:
        """What is served now; a request takes it once, and goes by it to its end."""
        return self._showing

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Cease to watch."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Take up the file if it has changed; whether it was taken up.

        A file that cannot be used is reported once, and the model that was served goes on. What fails for
        want of memory, say, is tried again at the next look.
        """
        found = _signature(self._path)
        if found is None or found == self._seen:
            return False
        try:
            self._showing = load_showing(self._path, self._movies)
        except MatineeError as error:
            self._seen = found
            MODEL_LOADS.labels("refused").inc()
            logger.error(
                "%s was replaced by what cannot be served; the old model goes on: %s", self._path, error
            )
            return False
        self._seen = found
        MODEL_LOADS.labels("taken up").inc()
        logger.info("%s was replaced, and is served", self._path)
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.look()
            except Exception:
                logger.exception("looking at %s failed; the old model goes on", self._path)


def _signature(path: Path) -> Signature | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
