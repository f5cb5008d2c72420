"""A real server on a real database, and a real browser whose every request and complaint is noted."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

import matinee
from tests.web.components import NO_CHROMIUM, NO_NPM
from tests.web.server_process import HANG_SECONDS, ServerProcess

# Without windows and what belongs to them, Chromium takes half the time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HANG_MILLISECONDS = 1000 * HANG_SECONDS
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}

# Every visitor comes from an address of their own, as from one there may be only ten registrations.
BEHIND_PROXY = ("--trust-proxy", "127.0.0.1")
ADDRESSES = (f"10.0.{number >> 8}.{number & 255}" for number in range(1, 1 << 16))

AXE = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
BUILD = Path(__file__).parents[3] / "build"

# Titles that stand in place of those of two films that few have rated.
NASTY = "<script>alert(1)</script>"
LONG = "The Uncommonly Long and Winding Title of a Film About Nothing"


@pytest.fixture(scope="session")
def movies_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The films of the built-in cinema, two of them under titles that pages could stumble over."""
    titles = {"Jeanne Dielman, 23 quai du Commerce, 1080 Bruxelles": NASTY, "Wings": LONG}
    path = tmp_path_factory.mktemp("movies") / "movies.dat"
    lines = [
        f"{item}::{titles.get(movie.title, movie.title)} ({movie.year})::{'|'.join(movie.genres)}\n"
        for item, movie in matinee.load_movies("demo").items()
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def sqlite_server(
    tmp_path_factory: pytest.TempPathFactory, demo_model: Path, movies_file: Path
) -> Iterator[ServerProcess]:
    """A server on SQLite."""
    folder = tmp_path_factory.mktemp("server")
    started = ServerProcess(folder, "--model", demo_model, "--movies", movies_file, *BEHIND_PROXY)
    yield started
    started.kill()


@pytest.fixture(scope="session")
def postgres_backed_server(
    tmp_path_factory: pytest.TempPathFactory,
    demo_model: Path,
    movies_file: Path,
    make_postgres_database: Callable[..., str],
) -> Iterator[ServerProcess]:
    """A server on PostgreSQL."""
    folder, database = tmp_path_factory.mktemp("server"), make_postgres_database()
    options = ["--model", demo_model, "--movies", movies_file, "--database", database, "--migrate"]
    started = ServerProcess(folder, *options, *BEHIND_PROXY)
    yield started
    started.kill()


@pytest.fixture(scope="session")
def blended_server(
    tmp_path_factory: pytest.TempPathFactory, recommender_model: Path, movies_file: Path
) -> Iterator[ServerProcess]:
    """A server on SQLite, with a recommender."""
    folder = tmp_path_factory.mktemp("server")
    started = ServerProcess(folder, "--model", recommender_model, "--movies", movies_file, *BEHIND_PROXY)
    yield started
    started.kill()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> ServerProcess:
    """The server of a test: on SQLite, unless the test names another by its fixture."""
    found: ServerProcess = request.getfixturevalue(getattr(request, "param", "sqlite_server"))
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's own Chromium, without windows."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    # Also what is expected of a page comes later on a busy machine than in the five seconds that are usual.
    expect.set_options(timeout=HANG_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, timeout=HANG_MILLISECONDS
        )
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser of their own, on one page at a time.

    Attributes
    ----------
    page : Page
    complaints : list of str
        What must not happen: errors in the console, requests to other hosts, dialogs.
    expected_statuses : set of int
        Errors that the server is asked for on purpose.
    """

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address, self.complaints = address, []
        self.expected_statuses: set[int] = set()
        context.set_default_timeout(HANG_MILLISECONDS)
        context.on("request", self._note_request)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("dialog", self._note_dialog)
        self.page: Page = context.new_page()

    complaints: list[str]

    def go(self, path: str) -> Page:
        """Load a page."""
        self.page.goto(self.address + path)
        return self.page

    def register(self, name: str, password: str) -> None:
        """Fill in the form that makes an account and logs in."""
        self.go("/register")
        self._send_name(name, password, "Register")
        expect(self.page.get_by_role("status").filter(has_text="Your recovery code.")).to_be_visible()

    def log_in(self, name: str, password: str) -> None:
        """Fill in the form that logs in."""
        self.go("/login")
        self._send_name(name, password, "Log in")
        self.page.wait_for_url(f"{self.address}/")

    def _send_name(self, name: str, password: str, button: str) -> None:
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("main").get_by_role("button", name=button).click()

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc:
            self.complaints.append(f"request to {request.url}")

    def _note_message(self, message: ConsoleMessage) -> None:
        is_expected = any(f"status of {status} " in message.text for status in self.expected_statuses)
        if message.type in ("error", "warning") and not is_expected:
            self.complaints.append(f"console: {message.text}")

    def _note_dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def new_visitor(chromium: Browser, server: ServerProcess) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; when the test is over, none of them may have had anything to complain of."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        usual: dict[str, Any] = {
            "viewport": DESKTOP,
            "reduced_motion": "reduce",
            "extra_http_headers": {"X-Forwarded-For": next(ADDRESSES)},
        }
        contexts.append(chromium.new_context(**(usual | options)))
        visitors.append(Visitor(contexts[-1], server.address))
        return visitors[-1]

    yield make
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody new, at a desk."""
    return new_visitor()


@pytest.fixture
def visitor_without_scripts(new_visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody new whose browser runs no scripts."""
    return new_visitor(java_script_enabled=False)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm, of the version and with the content that are named here."""
    folder = BUILD / f"axe-core-{AXE}"
    script = folder / "package" / "axe.min.js"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # of several workers one fetches it
        if not script.exists():
            _fetch_axe(folder)
    content = script.read_bytes()
    assert hashlib.sha256(content).hexdigest() == AXE_SHA256, f"{script} is not axe-core {AXE}; delete it"
    return content.decode()


def _fetch_axe(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(NO_NPM)
    command = [npm, "pack", f"axe-core@{AXE}", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=HANG_SECONDS)
    with tarfile.open(folder / f"axe-core-{AXE}.tgz") as archive:
        archive.extract("package/axe.min.js", folder, filter="data")
