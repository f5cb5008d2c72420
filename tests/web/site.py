"""The application without a server, browsers on it, and what their pages hold."""

from __future__ import annotations

import re
import secrets
from typing import Any

from sqlalchemy import func, select
from starlette.testclient import TestClient

from matinee.web.application import create_app
from matinee.web.settings import Settings
from matinee.web.store.engine import Store
from matinee.web.store.operator_tokens import Right, make_token


class Browser:
    """Somebody's browser: keeps its cookies, and sends forms with the token that the page had."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    @property
    def csrf_token(self) -> str:
        """The token in the forms of the page at hand."""
        found = re.search(r'name="csrf_token" value="([0-9a-f]{128})"', self.client.get("/login").text)
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
        assert self.post("/register", name=name, password=password).status_code == 200

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

    def logged_in(self, name: str = "Ada") -> Browser:
        """A browser with a new account."""
        browser = self.browser()
        browser.register(name)
        return browser

    def operator(self, *rights: Right) -> dict[str, str]:
        """The header of a program of the operator with these rights."""
        with self.store.writing() as session:
            secret = make_token(session, f"program {secrets.token_hex(4)}", rights)
        return {"Authorization": f"Bearer {secret}"}

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with self.store.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


def headings(html: str, region: str) -> list[str]:
    """The titles of the films in a region of a page."""
    part = html.split(f'data-region="{region}"')[1].split("</section>")[0]
    return re.findall(r"<h3><a [^>]*>([^<]*)</a></h3>", part)


def assert_in_the_layout(html: str, heading: str) -> None:
    """The page has this heading, within the layout of all pages."""
    assert f"<h1>{heading}</h1>" in html
    assert 'role="search"' in html and '<main id="main"' in html and "</html>" in html
