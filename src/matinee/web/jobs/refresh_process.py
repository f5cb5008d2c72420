"""Refreshes the served model again and again, each time in a process of its own.

So no request waits for it, and what it needs of memory is given back. One process does it for all workers.
"""

from __future__ import annotations

import logging
import logging.config
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, TimeoutError

from matinee.errors import MatineeError
from matinee.web.cinema.model_files import fitted_file
from matinee.web.jobs.refreshing import refresh
from matinee.web.jobs.repeating import repeat
from matinee.web.logs import configuration
from matinee.web.settings import Settings
from matinee.web.store.engine import Store
from matinee.web.store.events import newest_cursor
from matinee.web.store.outage import Outage

logger = logging.getLogger(__name__)

# Of 19: whoever answers requests goes first.
NICENESS = 10


@contextmanager
def refreshing(settings: Settings, log_format: str) -> Iterator[None]:
    """Refresh the model for as long as the block lasts, if the settings say so.

    Parameters
    ----------
    settings : Settings
    log_format : {"text", "json"}
    """
    folder = settings.refreshed_folder
    if folder is None:
        yield
        return
    refresher = _Refresher(settings, folder, log_format)
    refresher.start()
    try:
        yield
    finally:
        refresher.stop()


class _Refresher:
    """Starts a process for each refresh, and none if nothing has happened since the last one."""

    def __init__(self, settings: Settings, folder: Path, log_format: str) -> None:
        self._settings, self._folder, self._log_format = settings, folder, log_format
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="refresher", daemon=True)
        self._process: Any = None
        self._outage = Outage()
        self._done: object = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join()

    def _repeat(self) -> None:
        repeat(self._once, self._settings.refresh_seconds, _say, self._stopped)

    def _once(self) -> None:
        try:
            state = self._state()
        except (DBAPIError, TimeoutError) as error:
            self._outage.note(error)
            return
        if state == self._done:
            return
        # Not forked: the threads of this process would not be.
        work = (self._settings, self._folder, self._log_format)
        process = get_context("spawn").Process(target=_work, args=work)
        process.start()
        self._process = process
        if self._stopped.is_set():
            process.terminate()
        process.join()
        if process.exitcode == 0:
            self._done = state
        elif not self._stopped.is_set():
            logger.error("the refresh of the model ended with status %s", process.exitcode)

    def _state(self) -> object:
        """What differs if there may be something new to learn, or a new model to learn it."""
        store = Store(self._settings.database_url)
        try:
            return fitted_file(Path(self._settings.model)), newest_cursor(store)
        finally:
            store.close()


def _work(settings: Settings, folder: Path, log_format: str) -> None:
    """What the process does."""
    logging.config.dictConfig(configuration(log_format))
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    store = Store(settings.database_url)
    try:
        found = refresh(store, Path(settings.model), folder)
        logger.info("%s ratings and %s films are new to %s", found.n_ratings, found.n_films, settings.model)
    except MatineeError as error:
        _say(error)
    except (DBAPIError, TimeoutError) as error:
        Outage().note(error)
        raise SystemExit(1) from None
    finally:
        store.close()


def _end_with_the_server() -> None:
    """A killed server stops nobody."""
    server = parent_process()
    assert server is not None
    wait([server.sentinel])
    os._exit(1)


def _say(error: MatineeError) -> None:
    logger.error("the model was not refreshed with visitors' ratings: %s", error)
