"""What a server is told when it is started, and how its worker processes are told the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs

# One variable, written by the process that starts the workers and read by each of them.
WORKER_VARIABLE = "MATINEE_WEB_SETTINGS"
DATABASE_FILE = "matinee.sqlite3"


def data_folder() -> Path:
    """The platform's folder for what the server keeps: its database, its secret, the built-in cinema."""
    return platformdirs.user_data_path("matinee", appauthor=False)


@dataclass(frozen=True)
class Settings:
    """How one server runs.

    Attributes
    ----------
    model : str
        Path of the model file, which is watched and taken up again when it is replaced.
    movies : str or None
        A file of movies or the name of a dataset; without it films are shown by their ids.
    folder : str
        Where the secret is kept, and SQLite where no database is named.
    database : str
        An SQLAlchemy URL: ``sqlite:///…`` or ``postgresql+psycopg://…``. SQLite in ``folder`` if empty.
    body_limit : int
        The greatest request body, in bytes.
    rate_limit : str
        Requests of one address to one worker, such as ``"1200/minute"``; empty for no limit.
    secure_cookies : bool
        Mark cookies Secure even where a request did not come by https, as behind a proxy that is not trusted.
    model_poll_seconds : float
        How often the model file is looked at.
    """

    model: str
    movies: str | None = None
    folder: str = field(default_factory=lambda: str(data_folder()))
    database: str = ""
    body_limit: int = 1 << 18  # 256 KiB: ten thousand ratings posted at once
    rate_limit: str = "1200/minute"
    secure_cookies: bool = False
    model_poll_seconds: float = 1.0

    @property
    def database_url(self) -> str:
        """The URL of the database, named or not."""
        return self.database or f"sqlite:///{Path(self.folder) / DATABASE_FILE}"

    def to_environment(self) -> dict[str, str]:
        """The variables that tell a worker process these settings."""
        return {WORKER_VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that `to_environment` gave."""
        return cls(**json.loads(environment[WORKER_VARIABLE]))
