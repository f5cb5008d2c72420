"""Visitors from their first star on, each with their own ratings."""

from __future__ import annotations

from sqlalchemy import select

from matinee.web.store.tables import (
    EventRow,
    RatingRow,
    VisitorRow,
)
from tests.web.site import Site


def test_looking_around_leaves_nothing_in_the_database(site: Site) -> None:
    browser = site.browser()
    for path in ("/", "/?q=star", "/login", "/register"):
        assert browser.get(path).status_code == 200
    assert browser.ratings() == {}
    assert site.count(VisitorRow) == 0


def test_a_visitor_without_an_account_keeps_ratings_by_the_cookie(site: Site, items: dict[str, str]) -> None:
    browser = site.browser()
    assert browser.post(f"/films/{items['Alien']}/rating", rating="4.5").status_code == 303
    assert browser.post(f"/films/{items['Jaws']}/rating", rating="2").status_code == 303
    assert browser.post(f"/films/{items['Alien']}/rating", rating="5").status_code == 303
    assert browser.ratings() == {items["Alien"]: 5.0, items["Jaws"]: 2.0}
    assert browser.post(f"/films/{items['Jaws']}/rating", rating="").status_code == 303
    assert browser.ratings() == {items["Alien"]: 5.0}
    assert site.count(VisitorRow) == 1


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
        for event in session.scalars(
            select(EventRow).where(EventRow.kind.in_(["rated", "unrated"])).order_by(EventRow.id)
        ):
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
