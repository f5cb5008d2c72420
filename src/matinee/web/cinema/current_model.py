"""Holds the model that is served now, and loads it again when its file is replaced."""

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
    """Watches a model file and holds the last model in it that could be loaded.

    Parameters
    ----------
    path : Path
        Must contain a model at the start. Replace the file, as ``Model.save`` and ``matinee retrain`` do,
        and never write over it: the served model is mapped from the old file.
    movies : Movies
    poll_seconds : float

    Raises
    ------
    ModelFileError, DataError
        If the file cannot be loaded.
    """

    def __init__(self, path: Path, movies: Movies, *, poll_seconds: float = 1.0) -> None:
        self._path, self._movies, self._poll_seconds = path, movies, poll_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model watcher", daemon=True)
        self._seen = _signature(path)
        self._showing = load_showing(path, movies)

    @property
    def showing(self) -> Showing:
        """What is served now. A request reads it once and keeps it until its end."""
        return self._showing

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Load the file if it has changed. Returns whether a new model was loaded.

        A file that is not a usable model is reported once, and the old model is served on. Another failure,
        such as a lack of memory, is tried again at the next look.
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
                "%s was replaced by a file that cannot be served; the old model stays: %s", self._path, error
            )
            return False
        self._seen = found
        MODEL_LOADS.labels("taken up").inc()
        logger.info("%s was replaced; the new model is served", self._path)
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.look()
            except Exception:
                logger.exception("cannot check %s; the old model stays", self._path)


def _signature(path: Path) -> Signature | None:
    """Numbers that change when the file is replaced; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
