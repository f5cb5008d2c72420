"""A small cinema, a SQLite and a PostgreSQL, and browsers of the application on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from starlette.routing import BaseRoute

import matinee
from matinee.datasets import Movies
from matinee.datasets.loading import DEMO
from matinee.models.recommender import Recommender
from matinee.web import application, services
from matinee.web.application import _add_routes as add_routes
from matinee.web.cinema import current_model
from matinee.web.cinema.showing import Showing, load_showing
from matinee.web.services import movies_of
from matinee.web.settings import DATABASE_FILE, Settings
from matinee.web.store import accounts, engine, migrating
from matinee.web.store.engine import Store
from matinee.web.store.migrating import upgrade
from tests.web.components import NO_POSTGRESQL
from tests.web.server_process import HANG_SECONDS, free_port
from tests.web.site import Site

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as cheaply as Argon2 can: what makes it slow is not ours to test."""
    monkeypatch.setattr(
        accounts, "PASSWORD_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


@pytest.fixture(autouse=True)
def patient_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a database for as long as a slow machine needs."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", HANG_SECONDS)
    monkeypatch.setattr(engine, "CONNECT_SECONDS", HANG_SECONDS)
    patient = {"connect_timeout": HANG_SECONDS, "tcp_user_timeout": 1000 * HANG_SECONDS}
    monkeypatch.setattr(engine, "POSTGRESQL", engine.POSTGRESQL | patient)


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model of the built-in cinema."""
    path = tmp_path_factory.mktemp("model") / "cinema.safetensors"
    matinee.ALS(n_factors=8, regularization=0.1, random_state=1).fit(
        matinee.load_dataset("demo"), progress=False
    ).save(path)
    return path


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of another model of the built-in cinema, which recommends other films."""
    path = tmp_path_factory.mktemp("model") / "other.safetensors"
    matinee.ALS(n_factors=2, regularization=1, random_state=5, n_iterations=5).fit(
        matinee.load_dataset("demo"), progress=False
    ).save(path)
    return path


@pytest.fixture(scope="session")
def recommender_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small recommender of the built-in cinema."""
    path = tmp_path_factory.mktemp("model") / "recommender.safetensors"
    Recommender(
        watch=matinee.ImplicitALS(n_factors=8, unobserved_weight=0.3, grading=0.2, n_iterations=4),
        stars=matinee.BayesianALS(n_factors=4, n_samples=8, n_burn_in=4),
    ).fit(matinee.load_dataset("demo"), progress=False).save(path)
    return path


@pytest.fixture(scope="session")
def blended_showing(recommender_model: Path) -> Showing:
    return load_showing(recommender_model, matinee.load_movies("demo"))


@pytest.fixture(scope="session")
def showing(demo_model: Path) -> Showing:
    return load_showing(demo_model, matinee.load_movies("demo"))


@pytest.fixture(scope="session")
def items(showing: Showing) -> dict[str, str]:
    """The items of the built-in cinema by their titles."""
    return {film.title: film.item for film in showing.catalogue.values()}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL of the tests' own, on a free port of loopback, without its database's name."""
    if not POSTGRES:
        pytest.skip(NO_POSTGRESQL)
    # Not in pytest's folders, which are closed to the user that the server has to run as.
    with tempfile.TemporaryDirectory(prefix="matinee-postgres-") as name:
        folder, port = Path(name), free_port()
        cluster = folder / "cluster"
        as_owner: list[str] = []
        if os.geteuid() == 0:  # as whom the server refuses to run
            shutil.chown(folder, "postgres")
            as_owner = ["runuser", "-u", "postgres", "--"]

        def control(program: str, *arguments: object) -> None:
            command = [*as_owner, str(POSTGRES[-1] / program), *map(str, arguments)]
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=PIPE, cwd=folder, timeout=HANG_SECONDS
            )
            assert done.returncode == 0, done.stderr.decode()

        initial = ("--auth=trust", "--no-locale", "-E", "UTF8", "--no-sync")
        control("initdb", "-D", cluster, "-U", "matinee", *initial)
        # No test cuts the power of this server, so it need not wait for the disk.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        control(
            "pg_ctl", "-D", cluster, "-o", options, "-l", folder / "log", "-t", HANG_SECONDS, "-w", "start"
        )
        try:
            yield f"postgresql+psycopg://matinee@127.0.0.1:{port}"
        finally:
            control("pg_ctl", "-D", cluster, "-m", "immediate", "-t", HANG_SECONDS, "-w", "stop")


@pytest.fixture(scope="session")
def make_postgres_database(postgres_server: str) -> Callable[..., str]:
    """Makes a database, empty or as a copy of another, and gives its URL."""
    n_made = 0

    def make(template: str = "template1") -> str:
        nonlocal n_made
        n_made += 1
        name = f"matinee_{n_made}"
        maintenance = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")
        with maintenance.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        maintenance.dispose()
        return f"{postgres_server}/{name}"

    return make


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "matinee.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(make_postgres_database: Callable[..., str]) -> str:
    """The name of a PostgreSQL database with all tables and no rows, to copy."""
    url = make_postgres_database()
    migrate(url)
    return url.rsplit("/", 1)[1]


def migrate(url: str) -> None:
    """Make all tables."""
    store = Store(url)
    upgrade(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    url: str = request.getfixturevalue("make_postgres_database")()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with all tables, of each kind in turn."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "matinee.sqlite3")
        return f"sqlite:///{copy}"
    template = request.getfixturevalue("migrated_postgres")
    url: str = request.getfixturevalue("make_postgres_database")(template)
    return url


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A database with all tables, of each kind in turn."""
    store = Store(database)
    yield store
    store.close()


class Loaded:
    """What applications read or make at their start and never change, kept for the next one.

    Attributes
    ----------
    movies : Movies
        Those of the built-in cinema.
    migrations : ScriptDirectory
    """

    def __init__(self) -> None:
        self.movies = matinee.load_movies("demo")
        self.migrations = ScriptDirectory.from_config(migrating._config())
        self._showings: dict[tuple[Path, int, int], Showing] = {}
        self._routes: dict[bool, list[BaseRoute]] = {}

    def add_routes(self, app: FastAPI, settings: Settings) -> None:
        """Add the routes of the settings, which FastAPI works out when the first request comes."""
        if settings.base_users not in self._routes:
            before = len(app.router.routes)
            add_routes(app, settings)
            self._routes[settings.base_users] = app.router.routes[before:]
        else:
            app.router.routes.extend(self._routes[settings.base_users])

    def movies_of(self, source: str | None) -> Movies:
        return self.movies if source == DEMO else movies_of(source)

    def showing(self, path: Path, movies: Movies, **options: Any) -> Showing:
        """The showing of the file, of which another of this path is not taken for it."""
        if movies is not self.movies or options:
            return load_showing(path, movies, **options)
        state = path.stat()
        key = (path, state.st_ino, state.st_mtime_ns)
        if key not in self._showings:
            self._showings[key] = load_showing(path, movies)
        return self._showings[key]


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return Loaded()


@pytest.fixture
def make_site(
    demo_model: Path,
    migrated_sqlite: Path,
    loaded: Loaded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Site]]:
    """Makes an application on a database of its own, with settings that differ from the usual."""
    made: list[Site] = []
    monkeypatch.setattr(application, "_add_routes", loaded.add_routes)
    monkeypatch.setattr(services, "movies_of", loaded.movies_of)
    monkeypatch.setattr(current_model, "load_showing", loaded.showing)
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda config: loaded.migrations)

    def make(**settings: Any) -> Site:
        usual = {"model": str(demo_model), "movies": "demo", "folder": str(tmp_path), "rate_limit": ""}
        chosen = Settings(**(usual | settings))
        if not chosen.database and not (file := Path(chosen.folder) / DATABASE_FILE).exists():
            shutil.copy(migrated_sqlite, file)
        made.append(Site(chosen))
        return made[-1]

    yield make
    for site in made:
        site.app.state.services.close()


@pytest.fixture
def site(database: str, make_site: Callable[..., Site]) -> Site:
    """The application on each kind of database in turn."""
    return make_site(database=database)


@pytest.fixture
def blended_site(make_site: Callable[..., Site], recommender_model: Path) -> Site:
    """The application on SQLite, with a recommender, and open to programs that ask about base users."""
    return make_site(model=str(recommender_model), base_users=True)


@pytest.fixture
def quick_site(make_site: Callable[..., Site]) -> Site:
    """The application on SQLite, for what the database has no part in."""
    return make_site()
