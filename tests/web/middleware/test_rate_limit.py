"""Addresses that send too many requests."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.site import Site


def test_an_address_that_asks_too_often_has_to_wait_and_others_have_not(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(rate_limit="5/hour")
    client = site.client("192.0.2.1")
    answers = [client.get("/api/v1/movies") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3600
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert site.client("192.0.2.2").get("/api/v1/movies").status_code == 200
    # The operator's own programs are never told to wait.
    for path in ("/health", "/ready", "/metrics"):
        assert client.get(path).status_code == 200
    # And nobody is believed who says that they are somebody else.
    forwarded = {"X-Forwarded-For": "192.0.2.99"}
    assert client.get("/api/v1/movies", headers=forwarded).status_code == 429


def test_a_subscriber_of_ipv6_is_counted_as_one(make_site: Callable[..., Site]) -> None:
    site = make_site(rate_limit="3/hour")
    for host in range(1, 4):
        assert site.client(f"2001:db8:1:2::{host}").get("/api/v1/movies?q=a").status_code == 200
    assert site.client("2001:db8:1:2:ffff::9").get("/api/v1/movies?q=a").status_code == 429
    assert site.client("2001:db8:1:3::1").get("/api/v1/movies?q=a").status_code == 200
