"""The options that name the database of the web application, and what opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matinee.errors import MissingExtraError

if TYPE_CHECKING:
    from matinee.web.store.engine import Store

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="MATINEE_DATABASE",
        help="sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME; default: SQLite in the data folder.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        envvar="MATINEE_FOLDER",
        help="Folder for the secret and SQLite; default: the platform's data folder.",
    ),
]


@contextmanager
def existing_store(database: str, folder: Path | None) -> Iterator[Store]:
    """A database that a server of this version has made; closed at the end."""
    from matinee.web.settings import Settings, data_folder
    from matinee.web.store.engine import Store
    from matinee.web.store.migrating import require_current

    settings = Settings("", folder=str(folder or data_folder()), database=database)
    store = Store.existing(settings.database_url)
    try:
        require_current(store)
        yield store
    finally:
        store.close()


def require_web() -> None:
    """Raise a MissingExtraError unless everything that the web application needs is installed."""
    try:
        import matinee.web.serving  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("matinee"):
            raise
        raise MissingExtraError(
            f"the web application needs {error.name}, which is not installed; "
            'run: python -m pip install "matinee[web]"'
        ) from error
