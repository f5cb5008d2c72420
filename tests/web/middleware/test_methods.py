"""HEAD, the methods that an address has, and answers that are compressed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from matinee.web.metrics import exposition
from matinee.web.rendering.problems import METHODS
from tests.web.site import Site

PATHS = [
    "/",
    "/films/1",
    "/films/1/rating",
    "/register",
    "/account/password",
    "/robots.txt",
    "/static/site.css",
    "/health",
    "/ready",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/movies",
    "/api/v1/movies/1/similar",
    "/api/v1/recommendations",
    "/api/v1/me/ratings/1",
    "/api/v1/me/tokens",
]


def plain(answer: Any) -> dict[str, str]:
    """The headers that do not differ from one answer to the next."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name not in ("set-cookie", "date", "x-request-id")
    }


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_a_body(quick_site: Site, path: str) -> None:
    client = quick_site.browser().client
    client.get("/login")
    got, head = (client.request(method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    if path != "/metrics" and "html" not in got.headers["content-type"]:  # whose lengths vary
        assert plain(head) == plain(got)


@pytest.mark.parametrize("path", PATHS)
def test_allow_names_the_methods_that_are_answered(quick_site: Site, path: str) -> None:
    client = quick_site.client()
    answers = {method: client.request(method, path) for method in ("HEAD", *METHODS)}
    answered = {method for method, answer in answers.items() if answer.status_code != 405}
    refused = [answer for answer in answers.values() if answer.status_code == 405]
    assert answered and refused
    for answer in refused:
        assert answer.headers["allow"] == ", ".join(sorted(answered))


def test_a_head_is_counted_as_one(quick_site: Site) -> None:
    quick_site.client().head("/api/v1/genres")
    assert re.search(r'requests_total\{method="HEAD",route="[^"]*/genres"', exposition()[0].decode())


def test_long_answers_are_compressed_for_whoever_takes_that(quick_site: Site) -> None:
    client = quick_site.client()
    for path in ("/", "/static/site.css", "/api/v1/movies?limit=50"):
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in plain.headers
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        assert re.sub("[0-9a-f]{128}", "", packed.text) == re.sub("[0-9a-f]{128}", "", plain.text)


def test_robots_are_asked_to_stay_away(quick_site: Site) -> None:
    answer = quick_site.client().get("/robots.txt")
    assert answer.text == "User-agent: *\nDisallow: /\n"
    assert answer.headers["content-type"].startswith("text/plain")
