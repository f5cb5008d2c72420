"""Runs a server until it is stopped: one process, or several that share a port."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from matinee.errors import DataError
from matinee.web import metrics, workers
from matinee.web.application import create_app
from matinee.web.connections import TimedConnection
from matinee.web.jobs.refresh_process import refreshing
from matinee.web.logs import configuration
from matinee.web.middleware.rate_limit import parsed_limit
from matinee.web.security.addresses import parsed_hosts
from matinee.web.services import Services
from matinee.web.settings import Settings
from matinee.web.store.engine import Store
from matinee.web.store.migrating import upgrade

# How long requests under way may go on after the server is told to stop.
GRACE_SECONDS = 10
# Proxies usually keep an idle connection for 60 seconds. The proxy must close it first: if the server did, a
# request might arrive on a connection that is just being closed.
KEEP_ALIVE_SECONDS = 75
WORKER = "matinee.web.application:worker_app"


@dataclass(frozen=True)
class Listening:
    """Where a server listens, and which proxies it trusts.

    Attributes
    ----------
    host : str
    port : int
    n_workers : int
    trusted_proxies : str
        Addresses of proxies, separated by commas. The server trusts their ``X-Forwarded-For`` and
        ``X-Forwarded-Proto``. Empty for none.
    log_format : {"text", "json"}
    """

    host: str = "127.0.0.1"
    port: int = 8000
    n_workers: int = 1
    trusted_proxies: str = ""
    log_format: str = "text"


def migrate(settings: Settings) -> None:
    """Bring the database to the newest schema version.

    Raises
    ------
    DataError
        If it cannot be reached, or a newer Matinee made it.
    """
    store = Store(settings.database_url)
    try:
        upgrade(store)
    finally:
        store.close()


def serve(settings: Settings, listening: Listening, announcement: str) -> None:
    """Serve until the process is told to stop.

    Parameters
    ----------
    settings : Settings
    listening : Listening
    announcement : str
        Printed once requests are answered.

    Raises
    ------
    DataError, ModelFileError
        If the port, the database, the model or a setting cannot be used.
    """
    if settings.rate_limit:
        parsed_limit(settings.rate_limit)
    if settings.allowed_hosts:
        parsed_hosts(settings.allowed_hosts)
    with _bound(listening) as listener:
        if listening.n_workers == 1:
            config = _config(create_app(settings), listening)
            with refreshing(settings, listening.log_format):
                workers.run(config, listener, announcement)
            return
        # An error in the settings shows here once, instead of in every worker again and again.
        Services.open(settings).close()
        os.environ.update(settings.to_environment())
        with tempfile.TemporaryDirectory(prefix="matinee-metrics-") as folder:
            metrics.start_afresh(Path(folder))
            config = _config(WORKER, listening)
            with refreshing(settings, listening.log_format):
                workers.run(config, listener, announcement)


def _config(app: object, listening: Listening) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        factory=isinstance(app, str),
        http=TimedConnection,
        workers=listening.n_workers,
        proxy_headers=bool(listening.trusted_proxies),
        forwarded_allow_ips=listening.trusted_proxies or None,
        server_header=False,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=configuration(listening.log_format),
    )


def _bound(listening: Listening) -> socket.socket:
    """A socket with the address. Nobody can connect until a server listens on it."""
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listening.host, listening.port))
    except OSError as error:
        listener.close()
        raise DataError(
            f"cannot listen on {listening.host}:{listening.port} ({error.strerror}); "
            "choose another --port or --host"
        ) from error
    return listener
