"""Forms and scripts of other sites are refused, on every page and in the API."""

from __future__ import annotations

import pytest

from matinee.web.pages import PAGES
from tests.web.site import Site

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def form_paths() -> list[tuple[str, str]]:
    """Every route of a page that may change something."""
    return [
        (method, route.path.replace("{item:path}", "1").replace("{token_id}", "1"))
        for router in PAGES
        for route in router.routes
        for method in sorted(route.methods & UNSAFE)
    ]


def test_there_are_forms_to_protect() -> None:
    assert len(form_paths()) >= 9


@pytest.mark.parametrize(("method", "path"), form_paths())
def test_no_form_is_taken_without_the_token_of_the_browser(quick_site: Site, method: str, path: str) -> None:
    browser = quick_site.logged_in()
    stranger = quick_site.browser()
    fields = {"rating": "4", "name": "Ada", "password": "a long password"}
    for token in ({}, *({"csrf_token": wrong} for wrong in ("", "0" * 128, "é" * 128, stranger.csrf_token))):
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


def test_no_two_answers_have_the_same_token_and_all_are_taken(quick_site: Site) -> None:
    """Or the lengths of compressed answers would tell it, letter by letter (BREACH)."""
    browser = quick_site.browser()
    tokens = [browser.csrf_token for _ in range(20)]
    for place in range(0, 128, 2):
        assert len({token[place : place + 2] for token in tokens}) > 10
    for token in tokens:
        answer = browser.client.put("/api/v1/me/not-interested/1", headers={"X-CSRF-Token": token})
        assert answer.status_code == 204


def test_a_token_with_any_bit_turned_is_refused(quick_site: Site) -> None:
    browser = quick_site.browser()
    token = bytes.fromhex(browser.csrf_token)
    for place in (0, 31, 32, 63):
        turned = bytes([*token[:place], token[place] ^ 1, *token[place + 1 :]]).hex()
        for wrong in (turned, token[:32].hex(), token[32:].hex()):
            answer = browser.client.post("/logout", data={"csrf_token": wrong})
            assert answer.status_code == 403
