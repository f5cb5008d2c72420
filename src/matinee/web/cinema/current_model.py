"""Holds the model that is served now, and loads it again when its file is replaced or refreshed."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from matinee.datasets import Movies
from matinee.errors import MatineeError
from matinee.web.cinema.model_files import ModelFile, fitted_file, served_file
from matinee.web.cinema.showing import Showing, load_showing
from matinee.web.metrics import MODEL_LOADS

logger = logging.getLogger(__name__)


class CurrentModel:
    """Watches a model file and holds the last model in it that could be loaded.

    Parameters
    ----------
    path : Path
        Must contain a model at the start. Replace the file, as ``Model.save`` and ``matinee retrain`` do,
        and never write over it: the served model is mapped from the old file.
    movies : Movies
    refreshed_in : Path, optional
        The folder of a refreshed model, which is served in place of the fitted one that it was made from.
    poll_seconds : float

    Raises
    ------
    ModelFileError, DataError
        If the file cannot be loaded.
    """

    def __init__(
        self, path: Path, movies: Movies, *, refreshed_in: Path | None = None, poll_seconds: float = 1.0
    ) -> None:
        self._path, self._movies, self._poll_seconds = path, movies, poll_seconds
        self._refreshed_in = refreshed_in
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model watcher", daemon=True)
        # Before the file is loaded: if it is replaced meanwhile, the next look loads it again.
        self._seen = fitted_file(path)
        self._showing = load_showing(path, movies)
        self.look()

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
        found = served_file(self._path, self._refreshed_in)
        if found is None or found == self._seen:
            return False
        try:
            self._showing = load_showing(found.path, self._movies, fitted=self._path)
        except MatineeError as error:
            self._seen = found
            MODEL_LOADS.labels("refused").inc()
            logger.error(
                "%s was replaced by a file that cannot be served; the old model stays: %s", found.path, error
            )
            return False
        self._seen = found
        MODEL_LOADS.labels("taken up").inc()
        self._say(found)
        return True

    def _say(self, found: ModelFile) -> None:
        if found.path == self._path:
            logger.info("%s was replaced; the new model is served", self._path)
        else:
            logger.info("%s was refreshed with visitors' ratings; the new model is served", self._path)

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.look()
            except Exception:
                logger.exception("cannot check %s; the old model stays", self._path)
