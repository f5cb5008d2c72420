"""Forged forms, long bodies, floods, what browsers are told, and what is kept from strangers."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from matinee.errors import DataError
from matinee.web.pages import PAGES
from matinee.web.security.addresses import counted_as
from matinee.web.security.secret_key import secret_key
from tests.web.conftest import Browser, Site

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def form_paths() -> list[tuple[str, str]]:
    """Every route of a page that may change something."""
    return [
        (method, route.path.replace("{item:path}", "1").replace("{token_id}", "1"))
        for router in PAGES
        for route in router.routes
        for method in sorted(route.methods & UNSAFE)  # type: ignore[attr-defined]
    ]


def logged_in(site: Site, name: str = "Ada") -> Browser:
    browser = site.browser()
    browser.register(name)
    browser.log_in(name)
    return browser


def test_there_are_forms_to_protect() -> None:
    assert len(form_paths()) >= 9


@pytest.mark.parametrize(("method", "path"), form_paths())
def test_no_form_is_taken_without_the_token_of_the_browser(quick_site: Site, method: str, path: str) -> None:
    browser = logged_in(quick_site)
    stranger = quick_site.browser()
    fields = {"rating": "4", "name": "Ada", "password": "a long password"}
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "0" * 64}, {"csrf_token": stranger.csrf_token}):
        answer = browser.client.request(method, path, data={**fields, **token}, follow_redirects=False)
        assert answer.status_code == 403, (token, answer.text)
    assert browser.call("GET", "/me").json() == {"name": "Ada", "n_ratings": 0}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_is_refused_even_with_the_token(
    quick_site: Site, items: dict[str, str], headers: dict[str, str]
) -> None:
    browser = quick_site.browser()
    fields = {"csrf_token": browser.csrf_token, "rating": "4"}
    path = f"/films/{items['Alien']}/rating"
    assert browser.client.post(path, data=fields, headers=headers).status_code == 403
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    kept = browser.client.post(path, data=fields, headers=own, follow_redirects=False)
    assert kept.status_code == 303


def test_a_script_with_a_cookie_needs_the_token_in_its_header(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    token, path = browser.csrf_token, f"/api/v1/me/ratings/{items['Alien']}"
    assert browser.client.put(path, json={"rating": 4}).status_code == 403
    assert browser.client.delete(path).status_code == 403
    right = browser.client.put(path, json={"rating": 4}, headers={"X-CSRF-Token": token})
    assert right.status_code == 200
    assert browser.client.get("/api/v1/me/ratings").status_code == 200


def test_logging_in_makes_the_tokens_of_before_useless(quick_site: Site) -> None:
    browser = quick_site.browser()
    browser.register("Ada")
    before = browser.csrf_token
    browser.log_in("Ada")
    assert browser.client.post("/logout", data={"csrf_token": before}).status_code == 403


def test_a_caller_without_token_or_cookie_is_told_what_is_expected(quick_site: Site) -> None:
    answer = quick_site.client().get("/api/v1/me/ratings")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["Bearer nothing", "Basic YTpi", "Bearer", "matinee_x", "Bearer é"])
def test_a_token_that_is_none_is_refused_even_beside_a_cookie(quick_site: Site, given: str) -> None:
    browser = logged_in(quick_site)
    answer = browser.get("/api/v1/me", headers={"Authorization": given.encode()})
    assert answer.status_code == 401


def test_the_cookie_is_httponly_and_lax_and_secure_by_https(quick_site: Site) -> None:
    plain = quick_site.client().get("/").headers["set-cookie"]
    secure = quick_site.client(base_url="https://testserver").get("/").headers["set-cookie"]
    for header in (plain, secure):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(header.split("; "))
    assert plain.startswith("matinee=") and "Secure" not in plain
    assert secure.startswith("__Host-matinee=") and "Secure" in secure.split("; ")


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


@pytest.mark.parametrize(
    "path", ["/", "/login", "/nothing", "/static/robots.txt", "/api/v1/movies", "/health"]
)
def test_every_answer_forbids_scripts_of_others_and_frames(quick_site: Site, path: str) -> None:
    headers = quick_site.client().get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_what_a_visitor_types_is_escaped(quick_site: Site) -> None:
    nasty = "<script>alert('x')</script>\"'"
    browser = quick_site.browser()
    for text in (
        browser.get("/", params={"q": nasty}).text,
        browser.post("/login", name=nasty, password="not the password").text,
        browser.get(f"/{nasty}").text,
    ):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\t/e"]
)
def test_after_logging_in_nobody_is_sent_elsewhere(quick_site: Site, target: str) -> None:
    browser = quick_site.browser()
    browser.register("Ada")
    answer = browser.post("/login", name="Ada", password="a long password", next=target)
    assert answer.headers["location"] == "/"


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


def test_an_address_that_asks_too_often_has_to_wait_and_others_have_not(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(rate_limit="5/minute")
    client = site.client("192.0.2.1")
    answers = [client.get("/api/v1/movies") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert site.client("192.0.2.2").get("/api/v1/movies").status_code == 200
    # Whoever asks whether the process lives is never told to wait; /ready asks the database, and is counted.
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 429
    # And nobody is believed who says that they are somebody else.
    forwarded = {"X-Forwarded-For": "192.0.2.99"}
    assert client.get("/api/v1/movies", headers=forwarded).status_code == 429


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/movies/nothing", 404),
        ("GET", "/api/v1/users/nobody/recommendations", 404),
        ("PATCH", "/api/v1/movies", 405),
        ("GET", "/api/v1/movies?limit=0", 422),
        ("POST", "/api/v1/recommendations", 422),
    ],
)
def test_errors_of_the_api_are_problem_details(quick_site: Site, method: str, path: str, status: int) -> None:
    answer = quick_site.client().request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"] and document["detail"]


def test_a_defect_is_told_without_its_particulars(quick_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the particulars")

    monkeypatch.setattr("matinee.web.api.recommendations.recommend", fail)
    client = quick_site.client(raise_server_exceptions=False)
    answer = client.post("/api/v1/recommendations", json={"ratings": []})
    assert answer.status_code == 500
    assert answer.json()["status"] == 500
    assert "particulars" not in answer.text


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATINEE_SECRET", raising=False)
    folder = tmp_path / "new"
    first = secret_key(folder)
    assert len(first) == 64
    assert secret_key(folder) == first
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == ["secret"]
    assert secret_key(tmp_path / "other") != first


def test_a_secret_that_others_may_read_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MATINEE_SECRET", raising=False)
    secret_key(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(DataError, match="chmod 600"):
        secret_key(tmp_path)


def test_a_secret_in_the_environment_is_used_and_a_short_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATINEE_SECRET", "s" * 40)
    assert secret_key(tmp_path) == "s" * 40
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MATINEE_SECRET", "short")
    with pytest.raises(DataError, match="at least 32"):
        secret_key(tmp_path)


def test_no_link_of_a_page_leads_to_another_server(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    for path in ("//evil.example", "///evil.example", "/%5Cevil.example"):
        text = browser.get(f"http://testserver{path}?changed={items['Alien']}").text
        links = re.findall(r'(?:href|action|value)="([^"]*)"', text)
        assert links
        assert not [link for link in links if link.startswith(("//", "/\\")) or "://" in link]


def test_a_subscriber_of_ipv6_is_counted_as_one(make_site: Callable[..., Site]) -> None:
    site = make_site(rate_limit="3/minute")
    for host in range(1, 4):
        assert site.client(f"2001:db8:1:2::{host}").get("/api/v1/movies?q=a").status_code == 200
    assert site.client("2001:db8:1:2:ffff::9").get("/api/v1/movies?q=a").status_code == 429
    assert site.client("2001:db8:1:3::1").get("/api/v1/movies?q=a").status_code == 200


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_counted_as_its_subscriber(address: str, subject: str) -> None:
    assert counted_as(address) == subject


def test_without_the_database_people_get_a_page_and_programs_a_problem(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch, items: dict[str, str]
) -> None:
    browser = logged_in(quick_site)

    def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("sqlalchemy.orm.Session.execute", fail)
    monkeypatch.setattr("sqlalchemy.orm.Session.scalar", fail)
    client = TestClient(quick_site.app, cookies=browser.client.cookies, raise_server_exceptions=False)
    assert client.get("/ratings").status_code == 503
    # Who it was cannot be looked up, and what they asked for is no less unknown for that.
    assert client.get("/nothing").status_code == 404
    ready = client.get("/ready")
    assert (ready.status_code, ready.headers["content-type"]) == (503, "application/problem+json")
    body = {"ratings": [{"item": items["Alien"], "rating": 5}], "n": 3}
    assert client.post("/api/v1/recommendations", json=body).status_code == 200
