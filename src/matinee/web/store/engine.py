"""Connects to SQLite or PostgreSQL: a `Store` opens sessions for reading and for writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from matinee.errors import DataError, MissingExtraError
from matinee.web.store.turns import Turns

# Writers of SQLite take turns. A writer gives up after waiting this long for the others.
BUSY_SECONDS = 15
# Threads of one process that work on requests. Each uses at most one connection, and those of several workers
# must fit into the 100 that PostgreSQL usually allows.
N_THREADS = 16
POOL_SIZE, OVERFLOW = 8, N_THREADS - 8
# Gives up after some seconds if the server cannot be reached or has vanished without closing its connections.
CONNECT_SECONDS = 5
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Store:
    """A database, and the sessions on it.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql+psycopg://user@host/name``.

    Raises
    ------
    DataError
        If the URL is of another kind.
    MissingExtraError
        If the driver of PostgreSQL is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.engine = _engine(self.url)
        # PostgreSQL: without BEGIN and COMMIT, reading saves two messages to the server.
        self._reader = (
            self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        self._writer = self.engine.execution_options(matinee_writes=True)
        self._turns = Turns(Path(f"{self.url.database}.turns")) if self.is_sqlite else None

    @classmethod
    def existing(cls, url: str) -> Store:
        """A database that must exist: a mistyped path does not make a new file.

        Raises
        ------
        DataError, MissingExtraError
        """
        checked = _checked(url)
        if checked.get_backend_name() == "sqlite" and not Path(str(checked.database)).is_file():
            raise DataError(
                f"there is no database {checked.database}; expected a file that 'matinee serve' has made"
            )
        return cls(url)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def shown_url(self) -> str:
        """The URL without the password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading. What it changes is not saved."""
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def reading_at_length(self) -> Iterator[Session]:
        """A session like `reading` in one transaction, so that many rows can be read in parts."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for writing. Either all its changes are saved, or none if the block raises an error."""
        turn = nullcontext() if self._turns is None else self._turns.one()
        with turn, Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()
            self._turns = None


def _checked(text: str) -> URL:
    expected = "expected sqlite:///path or postgresql+psycopg://user@host/name"
    try:
        url = make_url(text)
    except ArgumentError:
        raise DataError(f"{text!r} is not the URL of a database; {expected}") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise DataError(f"a database of kind {url.drivername!r} is not supported; {expected}")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise DataError(f"{text!r} names no file; {expected}")
    return url


def _engine(url: URL) -> Engine:
    # Errors go into logs, so they hide the parameters of their statements: one may be a password's hash.
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        return create_engine(
            url,
            hide_parameters=True,
            pool_size=POOL_SIZE,
            max_overflow=OVERFLOW,
            pool_pre_ping=True,
            pool_timeout=CONNECT_SECONDS,
            connect_args={**POSTGRESQL, "options": f"-c lock_timeout={BUSY_SECONDS}s"},
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        raise MissingExtraError(
            "PostgreSQL needs psycopg, which is not installed; "
            'run: python -m pip install "matinee[web,postgres]"'
        ) from None


def _sqlite_engine(url: URL) -> Engine:
    assert url.database is not None
    _keep_private(Path(url.database).resolve())
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=POOL_SIZE,
        max_overflow=OVERFLOW,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _keep_private(file: Path) -> None:
    """Let no other user read the file, which is made if it is missing; SQLite's other files take its mode.

    A folder that is made here is private too. One that exists may have other uses, and stays as it is.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Never opened if it exists: to close it would give up the locks that this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        found = file.stat()
        if os.name == "posix" and found.st_mode & 0o077 and found.st_uid == os.geteuid():
            file.chmod(0o600)
    except OSError as error:
        raise DataError(f"{file}: the database cannot be stored there ({error.strerror})") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's sqlite3 would begin transactions late and of the wrong kind, so _begin_sqlite begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL: readers do not wait for a writer, and a writer does not wait for readers.
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: an acknowledged write survives a power cut, not only a crash of the process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another has written in between,
    # whatever its timeout. A transaction that will write therefore takes its turn at the beginning.
    writes = connection.get_execution_options().get("matinee_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
