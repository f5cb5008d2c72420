"""Migrates a database to the schema version of this Matinee, by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy.exc import OperationalError

from matinee.errors import DataError
from matinee.web.store.engine import Store

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(store: Store) -> None:
    """Migrate the database to the newest schema version. Its contents stay.

    Raises
    ------
    DataError
        If the database cannot be reached, or a newer Matinee made it.
    """
    if not store.is_sqlite:
        _upgrade(store)
        return
    # Several servers may start on one file at once.
    with FileLock(f"{store.url.database}.upgrade-lock"):
        _upgrade(store)


def require_current(store: Store) -> None:
    """Raise an error unless the database has the schema version of this Matinee.

    Raises
    ------
    DataError
        The message names the remedy.
    """
    found = revision(store)
    if found != newest():
        state = "is empty" if found is None else f"has the schema version {found}"
        raise DataError(
            f"the database {store.shown_url} {state}; this Matinee needs version {newest()}: make a backup, "
            "and start the server once with --migrate"
        )


def revision(store: Store) -> str | None:
    """The schema version of a database; None if it has no tables of Matinee.

    Raises
    ------
    DataError
        If the database cannot be reached.
    """
    try:
        with store.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise unreachable(store, error) from error


def newest() -> str:
    """The newest schema version that this Matinee knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def unreachable(store: Store, error: OperationalError) -> DataError:
    """The error for a database that does not answer."""
    reason = " ".join(str(error.orig).split())
    return DataError(f"the database {store.shown_url} cannot be used: {reason}")


def _upgrade(store: Store) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    found = revision(store)
    if found == newest():
        return
    if found is not None and found not in known:
        raise DataError(
            f"the database {store.shown_url} has the schema version {found!r}, which this Matinee does not "
            "know; install the Matinee that made it, or a newer one"
        )
    config = _config()
    try:
        with store.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise unreachable(store, error) from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
