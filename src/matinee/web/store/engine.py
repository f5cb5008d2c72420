"""The connection to SQLite or PostgreSQL: one `Store` for reading and for writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from matinee.errors import DataError, MissingExtraError
from matinee.web.store.turns import Turns

# Writers of SQLite take turns; one waits this long for the others before it gives up.
BUSY_SECONDS = 15
# Threads of one process that work on requests, each with a connection at most: those of a few workers must
# fit into the 100 that PostgreSQL usually allows.
N_THREADS = 16
POOL_SIZE, OVERFLOW = 8, N_THREADS - 8
# A server that cannot be reached, or has gone without a word, is given up after some seconds.
CONNECT_SECONDS = 5
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Store:
    """A database that sessions are opened on.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql+psycopg://user@host/name``.

    Raises
    ------
    DataError
        For any other URL.
    MissingExtraError
        For PostgreSQL without its driver.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.engine = _engine(self.url)
        # To PostgreSQL each statement that only reads is a transaction: two messages fewer.
        self._reader = (
            self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        self._writer = self.engine.execution_options(matinee_writes=True)
        self._turns = Turns(Path(f"{self.url.database}.turns")) if self.is_sqlite else None

    @classmethod
    def existing(cls, url: str) -> Store:
        """A database that must be there: a mistyped file is not made.

        Raises
        ------
        DataError, MissingExtraError
        """
        checked = _checked(url)
        if checked.get_backend_name() == "sqlite" and not Path(str(checked.database)).is_file():
            raise DataError(
                f"there is no database {checked.database}; expected one that 'matinee serve' made"
            )
        return cls(url)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of SQLite's."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def shown_url(self) -> str:
        """The URL without the password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking things up; what it changes is not kept."""
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def reading_at_length(self) -> Iterator[Session]:
        """As `reading`, in one transaction, in which many rows may come a part at a time."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept, all of them, once the block ends without an error."""
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
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        return create_engine(
            url,
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
    folder = Path(url.database).resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DataError(f"{folder}: the database cannot be kept there ({error.strerror})") from error
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, pool_size=POOL_SIZE, max_overflow=OVERFLOW
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's own module would begin transactions late and of the wrong kind; _begin_sqlite does instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Readers do not wait for a writer, nor a writer for readers.
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: what was acknowledged survives a power cut, not only a crash of the process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and goes on to write fails at once if another wrote in between,
    # however long it would wait; one that is to write takes its turn from the beginning.
    writes = connection.get_execution_options().get("matinee_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
