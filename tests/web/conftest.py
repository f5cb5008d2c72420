"""A small cinema, a SQLite and a PostgreSQL, and browsers of the application on them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

import matinee
from matinee.web.application import create_app
from matinee.web.cinema.showing import Showing, load_showing
from matinee.web.settings import Settings
from matinee.web.store import accounts
from matinee.web.store.engine import Store
from matinee.web.store.migrating import upgrade

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as cheaply as Argon2 can: what makes it slow is not ours to test."""
    monkeypatch.setattr(
        accounts, "PASSWORD_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    monkeypatch.setattr(accounts, "REGISTERING_SECONDS", 0.0)


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model of the built-in cinema."""
    path = tmp_path_factory.mktemp("model") / "cinema.safetensors"
    matinee.ALS(n_factors=8, regularization=0.1, random_state=1).fit(
        matinee.load_dataset("demo"), progress=False
    ).save(path)
    return path


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
        pytest.skip("no PostgreSQL is installed: there is no /usr/lib/postgresql/*/bin")
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
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=PIPE, cwd=folder, timeout=120)
            assert done.returncode == 0, done.stderr.decode()

        control("initdb", "-D", cluster, "-U", "matinee", "--auth=trust", "--no-locale", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        control("pg_ctl", "-D", cluster, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://matinee@127.0.0.1:{port}"
        finally:
            control("pg_ctl", "-D", cluster, "-m", "immediate", "-w", "stop")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def make_postgres_database(postgres_server: str) -> Callable[[], str]:
    """Makes an empty database, and gives its URL."""
    n_made = 0

    def make() -> str:
        nonlocal n_made
        n_made += 1
        name = f"matinee_{n_made}"
        engine = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{postgres_server}/{name}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    url: str = request.getfixturevalue("make_postgres_database")()
    return url


@pytest.fixture
def store(empty_database: str) -> Iterator[Store]:
    """A database with all tables, of each kind in turn."""
    store = Store(empty_database)
    upgrade(store)
    yield store
    store.close()


class Browser:
    """Somebody's browser: keeps its cookies, and sends forms with the token that the page had."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    @property
    def csrf_token(self) -> str:
        """The token in the forms of the page at hand."""
        found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', self.client.get("/login").text)
        assert found
        return found[1]

    def post(self, path: str, **fields: Any) -> Any:
        """Send a form."""
        return self.client.post(path, data={"csrf_token": self.csrf_token, **fields}, follow_redirects=False)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the API as a page's script does."""
        headers = {"X-CSRF-Token": self.csrf_token}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    def register(self, name: str, password: str = "a long password") -> None:
        assert self.post("/register", name=name, password=password).status_code == 303

    def log_in(self, name: str, password: str = "a long password") -> Any:
        return self.post("/login", name=name, password=password)

    def ratings(self) -> dict[str, float]:
        """What the API says of the visitor's own ratings."""
        answer = self.call("GET", "/me/ratings")
        assert answer.status_code == 200, answer.text
        return {one["item"]: one["rating"] for one in answer.json()["ratings"]}


class Site:
    """The application on one database, and as many browsers as are asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app = create_app(settings)
        self.store: Store = self.app.state.services.store

    def client(self, address: str = "192.0.2.1", **options: Any) -> TestClient:
        """A client without cookies."""
        return TestClient(self.app, client=(address, 50_000), **options)

    def browser(self, address: str = "192.0.2.1") -> Browser:
        return Browser(self.client(address))


@pytest.fixture
def make_site(demo_model: Path, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes an application on a database of its own, with settings that differ from the usual."""
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        usual = {"model": str(demo_model), "movies": "demo", "folder": str(tmp_path), "rate_limit": ""}
        made.append(Site(Settings(**(usual | settings))))
        return made[-1]

    yield make
    for site in made:
        site.app.state.services.close()


@pytest.fixture
def site(empty_database: str, make_site: Callable[..., Site]) -> Site:
    """The application on each kind of database in turn."""
    store = Store(empty_database)
    upgrade(store)
    store.close()
    return make_site(database=empty_database)


@pytest.fixture
def quick_site(make_site: Callable[..., Site]) -> Site:
    """The application on SQLite, for what the database has no part in."""
    return make_site()
