"""What every answer tells the browser."""

from __future__ import annotations

import pytest

from tests.web.site import Site


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/icon.svg", "/api/v1/movies", "/health"])
def test_every_answer_forbids_scripts_of_others_and_frames(quick_site: Site, path: str) -> None:
    headers = quick_site.client().get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
