"""Bodies that are too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.web.site import Site


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(
    make_site: Callable[..., Site],
) -> None:
    client = make_site(body_limit=1_000).client()

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    path = "/api/v1/recommendations"
    for body in (b" " * 1_001, pieces()):
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["title"] and answer.headers["content-type"] == "application/problem+json"
    small: dict[str, Any] = {"ratings": []}
    assert client.post(path, json=small).status_code == 200
