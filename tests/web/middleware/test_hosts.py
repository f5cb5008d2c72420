"""What the Host header of a request can do, which is nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matinee.web.middleware.locations import _relative
from tests.web.site import Site


@pytest.mark.parametrize(
    ("path", "redirected"),
    [("/report/", "/report"), ("/search/?q=a", "/search?q=a"), ("//evil.example/report/", "")],
)
def test_a_redirect_goes_to_no_other_host(quick_site: Site, path: str, redirected: str) -> None:
    client = quick_site.client()
    answer = client.get(f"http://testserver{path}", headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.headers.get("location", "") == redirected
    assert answer.status_code == (307 if redirected else 404)


def test_not_even_with_two_slashes_in_front(quick_site: Site) -> None:
    scope = {"type": "http", "scheme": "http", "path": "/", "headers": [(b"host", b"evil.example")]}
    assert _relative("http://evil.example//other.example/report", scope) == "/other.example/report"


def test_only_the_allowed_hosts_are_answered(make_site: Callable[..., Site]) -> None:
    client = make_site(allowed_hosts="films.example, *.cinema.example,localhost").client()
    for host in ("films.example", "films.example:8080", "www.cinema.example", "localhost:8000"):
        assert client.get("/report", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "films.example.evil.example", "cinema.example", "127.0.0.1", "", "films"):
        answer = client.get("/report", headers={"Host": host})
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_browsers_that_came_by_https_come_by_it_again(quick_site: Site) -> None:
    header = "Strict-Transport-Security"
    assert quick_site.client(base_url="https://testserver").get("/").headers[header] == "max-age=31536000"
    assert header not in quick_site.client().get("/").headers
