"""The one cookie: its attributes, its renewal, and cookies that this server has not signed."""

from __future__ import annotations

import time

import pytest
from itsdangerous import URLSafeTimedSerializer

from tests.web.site import Site


def test_the_cookie_is_httponly_and_lax_and_secure_by_https(quick_site: Site) -> None:
    plain = quick_site.client().get("/").headers["set-cookie"]
    secure = quick_site.client(base_url="https://testserver").get("/").headers["set-cookie"]
    for header in (plain, secure):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(header.split("; "))
    assert plain.startswith("matinee=") and "Secure" not in plain
    assert secure.startswith("__Host-matinee=") and "Secure" in secure.split("; ")


def test_by_https_only_the_secure_cookie_counts(quick_site: Site, items: dict[str, str]) -> None:
    rated = f"/api/v1/me/ratings/{items['Alien']}"
    for address, counts in (("http://testserver", "matinee"), ("https://testserver", "__Host-matinee")):
        browser = quick_site.browser()
        browser.client.base_url = address
        browser.call("PUT", rated.removeprefix("/api/v1"), json={"rating": 4})
        cookie = browser.client.cookies[counts]
        assert browser.ratings() == {items["Alien"]: 4}
        for name in ("matinee", "__Host-matinee"):
            other = quick_site.client(base_url=address)
            other.cookies.set(name, cookie)
            status = other.get("/api/v1/me/ratings").status_code
            assert status == (200 if name == counts else 401), f"{name} at {address}"


def test_the_cookie_of_whoever_comes_back_is_signed_anew_before_it_is_too_old(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = quick_site.browser()
    browser.call("PUT", f"/me/ratings/{items['Alien']}", json={"rating": 4})
    now, day = time.time(), 24 * 3600
    assert "set-cookie" not in browser.get("/").headers
    for days in (200, 400, 700):  # each of them less than a year after the one before
        monkeypatch.setattr(time, "time", lambda days=days: now + days * day)
        assert "set-cookie" in browser.get("/").headers
        assert browser.ratings() == {items["Alien"]: 4}
    monkeypatch.setattr(time, "time", lambda: now + 1_100 * day)
    assert browser.call("GET", "/me/ratings").json()["ratings"] == []


def test_a_cookie_that_was_not_signed_here_is_nobodys(quick_site: Site, items: dict[str, str]) -> None:
    owner = quick_site.browser()
    owner.post(f"/films/{items['Alien']}/rating", rating="4")
    content = URLSafeTimedSerializer(quick_site.app.state.services.secret, salt="matinee cookie").loads(
        owner.client.cookies["matinee"]
    )
    assert content["v"]
    forged = URLSafeTimedSerializer("another secret of the length", salt="matinee cookie").dumps(content)
    for cookie in (forged, "x", "", owner.client.cookies["matinee"][:-2]):
        thief = quick_site.client()
        thief.cookies.set("matinee", cookie)
        assert thief.get("/api/v1/me/ratings").status_code == 401
