"""Errors as pages for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.web.site import Site, assert_in_the_layout


def test_errors_are_pages_to_people(
    make_site: Callable[..., Site], items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(body_limit=2_000)
    browser = site.browser()
    assert_in_the_layout(browser.get("/nothing").text, "There is nothing here")
    assert_in_the_layout(browser.get("/films/nothing").text, "There is nothing here")
    forged = browser.client.post(f"/films/{items['Alien']}/rating", data={"rating": "4"})
    assert_in_the_layout(forged.text, "That form was not accepted")
    wrong = browser.post(f"/films/{items['Alien']}/rating", rating="six")
    assert wrong.status_code == 422
    assert_in_the_layout(wrong.text, "Something you entered was not right")
    long = browser.client.post("/login", data={"name": "x" * 3_000})
    assert long.status_code == 413
    assert_in_the_layout(long.text, "That was too long")
    assert_in_the_layout(browser.post("/account/tokens", name="Ada").text, "Log in first")

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("the particulars"))

    monkeypatch.setattr(site.store, "reading", fail)
    browser.post(f"/films/{items['Alien']}/rating", rating="4")
    away = browser.get("/")
    assert away.status_code == 503 and "particulars" not in away.text
    assert_in_the_layout(away.text, "Back in a moment")


def test_a_page_that_is_asked_for_too_often_says_when_to_come_back(make_site: Callable[..., Site]) -> None:
    client = make_site(rate_limit="2/hour").client()
    answers = [client.get("/login") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert_in_the_layout(answers[-1].text, "Slow down a little")
    assert "content-security-policy" in answers[-1].headers


def test_a_defect_is_a_page_without_its_particulars(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the particulars")

    monkeypatch.setattr("matinee.web.pages.home.recommend", fail)
    answer = quick_site.client(raise_server_exceptions=False).get("/")
    assert answer.status_code == 500 and "particulars" not in answer.text
    assert_in_the_layout(answer.text, "Something broke on our side")
    assert "content-security-policy" in answer.headers
