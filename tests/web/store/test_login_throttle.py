"""Attempts to log in and to register are limited."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matinee.web.store import login_throttle, tables
from tests.web.site import Browser, Site


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(site: Site) -> None:
    owner = site.browser("192.0.2.1")
    owner.register("Ada")
    attacker = site.browser("192.0.2.66")
    statuses = [attacker.log_in("Ada", f"guess number {n}").status_code for n in range(6)]
    assert statuses == [401] * 5 + [429]
    refused = attacker.log_in("Ada")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    # Its owner, who comes from elsewhere, is not kept out.
    assert owner.log_in("Ada").status_code == 303


def test_one_address_can_not_try_many_accounts(quick_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matinee.web.store.login_throttle.MOST_BY_ADDRESS", 4)
    attacker = quick_site.browser()
    statuses = [attacker.log_in(f"name {n}", "a common password").status_code for n in range(5)]
    assert statuses == [401] * 4 + [429]


def test_many_addresses_can_not_try_one_account(quick_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matinee.web.store.login_throttle.MOST_BY_NAME", 4)
    statuses = [
        quick_site.browser(f"192.0.2.{n}").log_in("Ada", "a common password").status_code for n in range(5)
    ]
    assert statuses == [401] * 4 + [429]


def test_the_throttle_counts_for_all_workers_together(site: Site, make_site: Callable[..., Site]) -> None:
    other = make_site(database=site.settings.database)
    attempts = [site.browser(), other.browser()] * 3
    statuses = [browser.log_in("Ada", f"guess {n} of it").status_code for n, browser in enumerate(attempts)]
    assert statuses == [401] * 5 + [429]


def test_attempts_are_forgotten_after_a_quarter_of_an_hour(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacker = quick_site.browser()
    for n in range(5):
        attacker.log_in("Ada", f"guess number {n}")
    assert attacker.log_in("Ada", "guess number 5").status_code == 429
    later = tables.now() + 15 * 60 * 1000 + 1
    monkeypatch.setattr(login_throttle, "now", lambda: later)
    assert attacker.log_in("Ada", "guess number 6").status_code == 401


def test_the_right_password_forgets_the_wrong_ones_before_it(quick_site: Site) -> None:
    browser = quick_site.browser()
    browser.register("Ada")
    for _ in range(3):
        for n in range(4):
            assert browser.log_in("Ada", f"guess number {n}").status_code == 401
        assert browser.log_in("Ada").status_code == 303
        browser.post("/logout")


def registrations(browser: Browser, n: int, prefix: str) -> list[int]:
    """The statuses of so many registrations."""
    return [
        browser.post("/register", name=f"{prefix} {each}", password="a long password").status_code
        for each in range(n)
    ]


def test_one_address_can_not_register_many_accounts(site: Site) -> None:
    refused = site.browser("192.0.2.1")
    assert registrations(refused, 12, "Ada") == [200] * 10 + [429] * 2
    answer = refused.post("/register", name="Ada again", password="a long password")
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60
    assert site.count(tables.AccountRow) == 10
    # Neither people elsewhere nor those who have an account are kept out.
    assert registrations(site.browser("192.0.2.2"), 1, "Bob") == [200]
    assert refused.log_in("Ada 0").status_code == 303


def test_registrations_are_counted_by_subscriber_and_for_all_workers_together(
    site: Site, make_site: Callable[..., Site]
) -> None:
    other = make_site(database=site.settings.database)
    assert registrations(site.browser("2001:db8::1"), 6, "Ada") == [200] * 6
    assert registrations(other.browser("2001:db8::ffff"), 5, "Bob") == [200] * 4 + [429]
    assert registrations(site.browser("2001:db8:0:1::1"), 1, "Eve") == [200]


def test_registrations_are_forgotten_after_a_quarter_of_an_hour(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = quick_site.browser()
    assert registrations(browser, 11, "Ada") == [200] * 10 + [429]
    later = tables.now() + 15 * 60 * 1000 + 1
    monkeypatch.setattr(login_throttle, "now", lambda: later)
    assert registrations(browser, 1, "Bob") == [200]


def test_a_name_or_password_that_is_refused_is_no_registration(quick_site: Site) -> None:
    browser = quick_site.browser()
    for _ in range(12):
        assert browser.post("/register", name="Ada", password="short").status_code == 422
    assert registrations(browser, 1, "Ada") == [200]
