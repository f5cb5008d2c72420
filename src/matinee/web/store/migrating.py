"""Bringing a database to the form that this version of Matinee works with, by Alembic."""

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
    """Bring the database to the newest form, keeping what is in it.

    Raises
    ------
    DataError
        If the database cannot be reached, or is of a newer Matinee's.
    """
    if not store.is_sqlite:
        _upgrade(store)
        return
    # Several servers may be started on one file at once.
    with FileLock(f"{store.url.database}.upgrade-lock"):
        _upgrade(store)


def require_current(store: Store) -> None:
    """Nothing, if the database has the form that this Matinee works with.

    Raises
    ------
    DataError
        Otherwise; the message names the remedy.
    """
    found = revision(store)
    if found != newest():
        state = "is empty" if found is None else f"has the form {found}"
        raise DataError(
            f"the database {store.shown_url} {state}, and this Matinee works with {newest()}; back it up, "
            "and start once with --migrate"
        )


def revision(store: Store) -> str | None:
    """The form that a database has; None if it has none of Matinee's tables.

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
    """The newest form that this Matinee knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def unreachable(store: Store, error: OperationalError) -> DataError:
    """What to say of a database that does not answer."""
    reason = " ".join(str(error.orig).split())
    return DataError(f"the database {store.shown_url} cannot be used: {reason}")


def _upgrade(store: Store) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    found = revision(store)
    if found == newest():
        return
    if found is not None and found not in known:
        raise DataError(
            f"the database {store.shown_url} has the form {found!r}, which this Matinee does not know; "
            "install the Matinee that made it, or a newer one"
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
