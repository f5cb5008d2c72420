"""The page of a visitor's own ratings."""

from __future__ import annotations

import re

from sqlalchemy import update

from matinee.web.store.tables import RatingRow
from tests.web.site import Site, headings


def test_a_long_list_of_ratings_comes_in_parts(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    for item in list(items.values())[:50]:
        browser.call("PUT", f"/me/ratings/{item}", json={"rating": 3})
    first, second = browser.get("/ratings").text, browser.get("/ratings?part=2").text
    assert "50 films rated" in first
    assert len(headings(first, "ratings")) == 48 and len(headings(second, "ratings")) == 2
    assert "The list ends before this page" in browser.get("/ratings?part=3").text


def test_a_rating_of_a_film_that_is_listed_no_more_is_shown_and_can_be_removed(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    for title in ("Alien", "Jaws"):
        browser.call("PUT", f"/me/ratings/{items[title]}", json={"rating": 3.5})
    with quick_site.store.writing() as session:
        session.execute(update(RatingRow).where(RatingRow.item == items["Jaws"]).values(item="gone <1>"))
    html = browser.get("/ratings").text
    assert "gone &lt;1&gt;: 3½ stars" in html
    assert headings(html, "ratings") == ["Alien"]
    [action] = [one for one in re.findall(r'action="(/films/[^"]*)"', html) if "gone" in one]
    assert browser.post(action, rating="").status_code == 303
    assert browser.ratings() == {items["Alien"]: 3.5}
    assert browser.post(action, rating="4").status_code == 404
