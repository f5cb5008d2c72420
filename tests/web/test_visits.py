"""Visitors from their first star on, with an account and without; each with their own ratings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from matinee.web.store.tables import (
    AccountRow,
    DismissalRow,
    RatingEventRow,
    RatingRow,
    SessionRow,
    TokenRow,
    VisitorRow,
)
from tests.web.conftest import Site


def count(site: Site, table: Any) -> int:
    with site.store.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_looking_around_leaves_nothing_in_the_database(site: Site) -> None:
    browser = site.browser()
    for path in ("/", "/?q=star", "/login", "/register"):
        assert browser.get(path).status_code == 200
    assert browser.ratings() == {}
    assert count(site, VisitorRow) == 0


def test_a_visitor_without_an_account_keeps_ratings_by_the_cookie(site: Site, items: dict[str, str]) -> None:
    browser = site.browser()
    assert browser.post(f"/films/{items['Alien']}/rating", rating="4.5").status_code == 303
    assert browser.post(f"/films/{items['Jaws']}/rating", rating="2").status_code == 303
    assert browser.post(f"/films/{items['Alien']}/rating", rating="5").status_code == 303
    assert browser.ratings() == {items["Alien"]: 5.0, items["Jaws"]: 2.0}
    assert browser.post(f"/films/{items['Jaws']}/rating", rating="").status_code == 303
    assert browser.ratings() == {items["Alien"]: 5.0}
    assert count(site, VisitorRow) == 1


def test_ratings_without_an_account_come_along_and_are_there_after_logging_out_and_in(
    site: Site, items: dict[str, str]
) -> None:
    browser = site.browser()
    browser.post(f"/films/{items['Alien']}/rating", rating="4.5")
    browser.post(f"/films/{items['Casablanca']}/dismissal")
    browser.register("Ada")
    assert browser.log_in("Ada").status_code == 303
    assert browser.ratings() == {items["Alien"]: 4.5}
    assert browser.call("GET", "/me").json() == {"name": "Ada", "n_ratings": 1}
    browser.post("/logout")
    assert browser.ratings() == {}
    browser.log_in("ada")
    assert browser.ratings() == {items["Alien"]: 4.5}
    assert browser.call("GET", "/me/not-interested").json() == {"items": [items["Casablanca"]]}
    with site.store.reading() as session:
        owners = session.scalars(select(RatingRow.visitor_id).distinct()).all()
    assert len(owners) == 1


def test_of_two_ratings_of_one_film_the_later_one_stays(site: Site, items: dict[str, str]) -> None:
    alien, jaws = items["Alien"], items["Jaws"]
    at_home, at_work = site.browser(), site.browser()
    at_home.register("Ada")
    at_work.post(f"/films/{alien}/rating", rating="1")
    at_home.log_in("Ada")
    at_home.post(f"/films/{alien}/rating", rating="5")
    at_home.post(f"/films/{jaws}/rating", rating="2")
    at_work.post(f"/films/{jaws}/rating", rating="4")
    at_work.log_in("Ada")
    assert at_work.ratings() == at_home.ratings() == {alien: 5.0, jaws: 4.0}


def test_the_log_played_from_the_beginning_gives_the_present_ratings(
    site: Site, items: dict[str, str]
) -> None:
    browser, other = site.browser(), site.browser()
    for title, stars in (
        ("Alien", 4),
        ("Jaws", 2),
        ("Alien", 1),
        ("Shrek", 5),
        ("Jaws", None),
        ("Jaws", 3.5),
    ):
        browser.post(f"/films/{items[title]}/rating", rating="" if stars is None else stars)
    other.post(f"/films/{items['Shrek']}/rating", rating="2")
    browser.register("Ada")
    browser.log_in("Ada")
    played: dict[tuple[int, str], float] = {}
    with site.store.reading() as session:
        for event in session.scalars(select(RatingEventRow).order_by(RatingEventRow.id)):
            if event.rating is None:
                played.pop((event.visitor_id, event.item))
            else:
                played[event.visitor_id, event.item] = event.rating
        present = {(row.visitor_id, row.item): row.rating for row in session.scalars(select(RatingRow))}
    assert played == present
    assert len(present) == 4


def test_nobody_can_read_or_write_the_ratings_of_another(site: Site, items: dict[str, str]) -> None:
    alien, jaws = items["Alien"], items["Jaws"]
    ada, bob, eve = site.browser(), site.browser(), site.browser()
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        browser.register(name)
        browser.log_in(name)
    ada.post(f"/films/{alien}/rating", rating="5")
    bob.post(f"/films/{jaws}/rating", rating="1")
    eve.post(f"/films/{jaws}/rating", rating="3")
    # Each sees their own, from their own side.
    assert ada.ratings() == {alien: 5.0}
    assert bob.ratings() == {jaws: 1.0}
    assert eve.ratings() == {jaws: 3.0}
    # And what each changes is changed for nobody else.
    assert bob.call("DELETE", f"/me/ratings/{alien}").status_code == 204
    assert bob.call("PUT", f"/me/ratings/{jaws}", json={"rating": 2}).status_code == 200
    assert eve.call("DELETE", f"/me/ratings/{jaws}").status_code == 204
    assert ada.ratings() == {alien: 5.0}
    assert bob.ratings() == {jaws: 2.0}
    assert eve.ratings() == {}
    assert bob.call("GET", f"/me/ratings/{alien}").status_code == 404


def test_the_token_of_one_account_is_of_no_use_for_another(site: Site, items: dict[str, str]) -> None:
    alien = items["Alien"]
    ada, bob = site.browser(), site.browser()
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        browser.register(name)
        browser.log_in(name)
    made = ada.call("POST", "/me/tokens", json={"name": "script"}).json()
    program = site.client()
    headers = {"Authorization": f"Bearer {made['token']}"}
    put = program.put(f"/api/v1/me/ratings/{alien}", json={"rating": 4.5}, headers=headers)
    assert put.status_code == 200
    assert ada.ratings() == {alien: 4.5}
    assert bob.ratings() == {}
    # With somebody's cookie beside it, the token alone says who it is.
    both = bob.client.get("/api/v1/me", headers=headers).json()
    assert both["name"] == "Ada"
    assert bob.call("DELETE", f"/me/tokens/{made['id']}").status_code == 404
    assert program.get("/api/v1/me", headers=headers).status_code == 200
    assert ada.call("DELETE", f"/me/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me", headers=headers).status_code == 401


def test_a_token_makes_no_tokens(site: Site) -> None:
    ada = site.browser()
    ada.register("Ada")
    ada.log_in("Ada")
    made = ada.call("POST", "/me/tokens", json={"name": "script"}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    answer = site.client().post("/api/v1/me/tokens", json={"name": "another"}, headers=headers)
    assert answer.status_code == 403
    assert count(site, TokenRow) == 1


def test_changing_the_password_logs_all_other_browsers_out(site: Site) -> None:
    here, there = site.browser(), site.browser()
    here.register("Ada")
    here.log_in("Ada")
    there.log_in("Ada")
    wrong = here.post("/account/password", old_password="not the password", new_password="another password")
    assert wrong.status_code == 422
    right = here.post("/account/password", old_password="a long password", new_password="another password")
    assert right.status_code == 303
    assert here.call("GET", "/me").json()["name"] == "Ada"
    assert there.call("GET", "/me").json()["name"] is None
    assert there.log_in("Ada", "a long password").status_code == 401
    assert there.log_in("Ada", "another password").status_code == 303


def test_a_copied_cookie_is_worth_nothing_after_logging_out(site: Site) -> None:
    owner = site.browser()
    owner.register("Ada")
    owner.log_in("Ada")
    stolen = owner.client.cookies["matinee"]
    owner.post("/logout")
    thief = site.client()
    thief.cookies.set("matinee", stolen)
    assert thief.get("/api/v1/me").json()["name"] is None


def test_deleting_an_account_erases_all_that_was_its_own(site: Site, items: dict[str, str]) -> None:
    ada, bob = site.browser(), site.browser()
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        browser.register(name)
        browser.log_in(name)
        browser.post(f"/films/{items['Alien']}/rating", rating="4")
        browser.post(f"/films/{items['Jaws']}/dismissal")
        browser.call("POST", "/me/tokens", json={"name": "script"})
    assert ada.post("/account/delete", password="not the password").status_code == 422
    assert ada.post("/account/delete", password="a long password").status_code == 303
    tables = (AccountRow, VisitorRow, SessionRow, TokenRow, RatingRow, RatingEventRow, DismissalRow)
    assert [count(site, table) for table in tables] == [1] * len(tables)
    assert ada.log_in("Ada").status_code == 401
    assert bob.ratings() == {items["Alien"]: 4.0}


def test_registering_a_taken_name_is_answered_as_registering_a_free_one(site: Site) -> None:
    first, second = site.browser("192.0.2.1"), site.browser("192.0.2.2")
    free = first.post("/register", name="Ada", password="a long password")
    taken = second.post("/register", name="ADA", password="another password")
    assert (free.status_code, free.headers["location"]) == (taken.status_code, taken.headers["location"])
    assert free.content == taken.content
    assert second.log_in("Ada", "another password").status_code == 401
    assert first.log_in("Ada").status_code == 303
    assert count(site, AccountRow) == count(site, VisitorRow) == 1


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(site: Site) -> None:
    browser = site.browser()
    browser.register("Ada")

    def text(name: str) -> str:
        answer = browser.log_in(name, "not the password")
        assert answer.status_code == 401
        return re.sub(r'value="[^"]*"', "", answer.text)

    assert text("Ada") == text("Nobody")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("A", "a long password"),
        ("x" * 65, "a long password"),
        ("A\0da", "a long password"),
        ("Ada", "short"),
        ("Ada", "aaaaaaaaaaaaa"),
        ("Ada", "x" * 257),
        ("Ada Lovelace", "ada lovelace"),
    ],
)
def test_a_name_or_password_that_none_may_have_is_refused(quick_site: Site, name: str, password: str) -> None:
    answer = quick_site.browser().post("/register", name=name, password=password)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert count(quick_site, AccountRow) == 0


def test_a_password_is_kept_as_an_argon2_hash_and_a_session_and_a_token_as_digests(quick_site: Site) -> None:
    browser = quick_site.browser()
    browser.register("Ada")
    browser.log_in("Ada")
    secret = browser.call("POST", "/me/tokens", json={"name": "script"}).json()["token"]
    with quick_site.store.reading() as session:
        hashed = session.scalar(select(AccountRow.password_hash)) or ""
        digests = [session.scalar(select(SessionRow.digest)), session.scalar(select(TokenRow.digest))]
    assert hashed.startswith("$argon2id$")
    assert all(len(digest or "") == 64 for digest in digests)
    assert secret not in str(digests)


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
    from matinee.web.store import login_throttle

    later = login_throttle.now() + 15 * 60 * 1000 + 1
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
