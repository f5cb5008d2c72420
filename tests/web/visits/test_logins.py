"""Registering, logging in and out, passwords, and what an account takes along or erases."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from matinee.web.store.tables import (
    AccountRow,
    DismissalRow,
    EventRow,
    RatingRow,
    SessionRow,
    TokenRow,
    UnseenRow,
    VisitorRow,
)
from tests.web.site import Site


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
    tables = (AccountRow, VisitorRow, SessionRow, TokenRow, RatingRow, DismissalRow)
    assert [site.count(table) for table in tables] == [1] * len(tables)
    with site.store.reading() as session:
        own, (deleted,) = (
            list(session.scalars(select(EventRow.kind).where(condition).order_by(EventRow.id)))
            for condition in (EventRow.visitor_id.is_not(None), EventRow.visitor_id.is_(None))
        )
    assert (own, deleted) == (["registered", "rated", "dismissed"], "deleted")
    assert ada.log_in("Ada").status_code == 401
    assert bob.ratings() == {items["Alien"]: 4.0}


def test_registering_logs_in_and_takes_along_what_was_rated(site: Site, items: dict[str, str]) -> None:
    browser = site.browser()
    browser.post(f"/films/{items['Alien']}/rating", rating="4.5")
    browser.post(f"/films/{items['Jaws']}/unseen")
    answer = browser.post("/register", name="Ada", password="a long password")
    assert answer.status_code == 200 and "Welcome, <bdi>Ada</bdi>" in answer.text
    assert browser.call("GET", "/me").json() == {"name": "Ada", "n_ratings": 1}
    with site.store.reading() as session:
        assert session.scalar(select(UnseenRow.item)) == items["Jaws"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Ada", "ADA"),
        ("admin", "\N{CYRILLIC SMALL LETTER A}dmin"),
        ("\N{CYRILLIC SMALL LETTER A}dmin", "Admin"),
        ("coco", "\N{CYRILLIC SMALL LETTER ES}\N{CYRILLIC SMALL LETTER O}" * 2),
        ("Ada", "\N{FULLWIDTH LATIN CAPITAL LETTER A}da"),
    ],
)
def test_a_name_that_is_taken_or_looks_like_one_that_is_is_said_to_be(
    site: Site, name: str, other: str
) -> None:
    first, second = site.browser("192.0.2.1"), site.browser("192.0.2.2")
    first.register(name)
    taken = second.post("/register", name=other, password="another password")
    assert taken.status_code == 422 and "this name is taken, or looks like one that is" in taken.text
    assert second.call("GET", "/me").status_code == 200 and second.call("GET", "/me").json()["name"] is None
    assert second.log_in(other, "another password").status_code == 401
    assert first.log_in(name).status_code == 303
    assert site.count(AccountRow) == site.count(VisitorRow) == 1


def test_names_in_other_scripts_and_names_of_similar_ascii_letters_are_free(quick_site: Site) -> None:
    for place, name in enumerate(("anna1", "annal", "Сергей", "Ольга", "Zoë", "Zoe", "李小龙")):
        browser = quick_site.browser(f"192.0.2.{place}")
        browser.register(name)
        assert browser.call("GET", "/me").json()["name"] == name


def test_trying_out_which_names_are_taken_ends_soon(quick_site: Site) -> None:
    quick_site.browser("192.0.2.1").register("Ada")
    browser = quick_site.browser("192.0.2.2")
    tried = [browser.post("/register", name="Ada", password="a long password").status_code for _ in range(11)]
    assert tried == [422] * 10 + [429]


def recovery_code(html: str) -> str:
    found = re.search(r"<code>((?:[0-9A-Z]{4}-){4}[0-9A-Z]{4})</code>", html)
    assert found
    return found[1]


def test_a_forgotten_password_is_set_by_the_recovery_code_once(site: Site, items: dict[str, str]) -> None:
    ada, thief = site.browser(), site.browser("192.0.2.9")
    code = recovery_code(ada.post("/register", name="Ada", password="a long password").text)
    elsewhere = site.browser("192.0.2.3")
    elsewhere.log_in("Ada")
    for name, wrong in (("Ada", "0000-0000-0000-0000-0000"), ("Bob", code), ("Ada", "")):
        answer = thief.post("/recover", name=name, code=wrong, password="thieves like us")
        assert answer.status_code in (401, 422)
    forgetful = site.browser("192.0.2.2")
    forgetful.post(f"/films/{items['Alien']}/rating", rating="4")
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "i")
    answer = forgetful.post("/recover", name="ada", code=typed, password="a password to keep")
    assert answer.status_code == 200
    assert forgetful.call("GET", "/me").json() == {"name": "Ada", "n_ratings": 1}
    assert elsewhere.call("GET", "/me").json()["name"] is None
    assert site.browser().log_in("Ada").status_code == 401
    assert site.browser().log_in("Ada", "a password to keep").status_code == 303
    again = thief.post("/recover", name="Ada", code=code, password="thieves like us")
    assert again.status_code == 401
    next_code = recovery_code(answer.text)
    assert forgetful.post("/account/recovery", password="not the password").status_code == 422
    last = recovery_code(forgetful.post("/account/recovery", password="a password to keep").text)
    assert len({code, next_code, last}) == 3
    assert thief.post("/recover", name="Ada", code=next_code, password="thieves like us").status_code == 401
    assert thief.post("/recover", name="Ada", code=last, password="a third password").status_code == 200


def test_recovery_codes_are_not_tried_for_long(quick_site: Site) -> None:
    quick_site.browser().register("Ada")
    thief = quick_site.browser("192.0.2.9")
    tried = [
        thief.post("/recover", name="Ada", code=f"{place}" * 20, password="a long password").status_code
        for place in range(6)
    ]
    assert tried == [401] * 5 + [429]


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
        ("Ada", "password1234"),
        ("Ada", "P@ssw0rd123"),
        ("Ada", "qwertyuiop"),
        ("Ada", "iloveyou123"),
        ("Ada", "matinee2024"),
    ],
)
def test_a_name_or_password_that_none_may_have_is_refused(quick_site: Site, name: str, password: str) -> None:
    answer = quick_site.browser().post("/register", name=name, password=password)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert quick_site.count(AccountRow) == 0


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
