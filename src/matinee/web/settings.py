"""The settings of a server, and how its worker processes receive them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs

# The process that starts the workers writes this variable, and each worker reads it.
WORKER_VARIABLE = "MATINEE_WEB_SETTINGS"
DATABASE_FILE = "matinee.sqlite3"


def data_folder() -> Path:
    """The platform's folder for what the server stores: its database, its secret, the built-in cinema."""
    return platformdirs.user_data_path("matinee", appauthor=False)


@dataclass(frozen=True)
class Settings:
    """How one server runs.

    Attributes
    ----------
    model : str
        Path of the model file. The server watches it, and loads it again when it is replaced.
    movies : str or None
        A file of movies or the name of a dataset; without it, pages show ids in place of titles.
    folder : str
        Holds the secret, and the SQLite file if no database is named.
    database : str
        An SQLAlchemy URL: ``sqlite:///…`` or ``postgresql+psycopg://…``. If empty, SQLite in ``folder``.
    allowed_hosts : str
        The names by which the server may be addressed, separated by commas; ``*.films.example`` stands for
        all below one. Empty for any.
    root_path : str
        The path of the host that the site is below, such as ``/cinema``. Empty for a host of its own.
    body_limit : int
        The greatest request body, in bytes.
    rate_limit : str
        How many requests one address may send to one worker, such as ``"1200/minute"``; empty for no limit.
    secure_cookies : bool
        Mark cookies Secure even if a request did not come by https, as behind a proxy that is not trusted.
    base_users : bool
        Answer the API's questions about users of the base ratings, for tokens that have this right.
    refresh_seconds : float
        How many seconds pass between two refreshes of the model with visitors' ratings; 0 for none.
    model_poll_seconds : float
        How many seconds pass between two looks at the model file.
    """

    model: str
    movies: str | None = None
    folder: str = field(default_factory=lambda: str(data_folder()))
    database: str = ""
    allowed_hosts: str = ""
    root_path: str = ""
    body_limit: int = 1 << 20  # 1 MiB: room for the export of somebody who has rated four thousand films
    rate_limit: str = "1200/minute"
    secure_cookies: bool = False
    base_users: bool = False
    refresh_seconds: float = 0.0
    model_poll_seconds: float = 1.0

    @property
    def database_url(self) -> str:
        """The URL of the database; that of the SQLite file in the folder if none is named."""
        return self.database or f"sqlite:///{Path(self.folder) / DATABASE_FILE}"

    @property
    def refreshed_folder(self) -> Path | None:
        """The folder of the refreshed model; None if the model is not refreshed."""
        return Path(self.folder) / "refreshed" if self.refresh_seconds else None

    def to_environment(self) -> dict[str, str]:
        """The environment variables that hand these settings to a worker process."""
        return {WORKER_VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that `to_environment` wrote."""
        return cls(**json.loads(environment[WORKER_VARIABLE]))
