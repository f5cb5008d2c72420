"""The home page."""

from __future__ import annotations

import re

import pytest

from tests.web.site import Browser, Site, assert_in_the_layout, headings


def test_a_newcomer_sees_films_worth_rating_and_others_that_are_popular(quick_site: Site) -> None:
    html = quick_site.client().get("/").text
    worth, popular = headings(html, "worth-rating"), headings(html, "suggestions")
    assert len(worth) == 9 and len(popular) == 12
    assert not set(worth) & set(popular)
    assert "Popular with everybody" in html and "Because you rated" not in html


def test_what_is_asked_for_by_a_form_with_empty_fields_is_all(quick_site: Site) -> None:
    client = quick_site.client()
    empty = client.get("/?genre=&year_from=&year_to=")
    assert empty.status_code == 200
    assert headings(empty.text, "suggestions") == headings(client.get("/").text, "suggestions")
    nothing = client.get("/?genre=Western&year_from=1900&year_to=1901").text
    assert "No more films match." in nothing


@pytest.mark.parametrize("year", ["abc", "-1", "99999", "1e3", "²"])
def test_a_year_that_is_none_is_told_so(quick_site: Site, year: str) -> None:
    answer = quick_site.client().get("/", params={"year_from": year})
    assert answer.status_code == 422
    assert_in_the_layout(answer.text, "Something you entered was not right")


def test_a_search_at_the_old_address_goes_to_its_page(quick_site: Site) -> None:
    answer = quick_site.client().get("/?q=alien&genre=Horror", follow_redirects=False)
    assert answer.headers["location"] == "/search?q=alien&genre=Horror"


@pytest.fixture
def fan(blended_site: Site, items: dict[str, str]) -> Browser:
    """The browser of somebody who likes horror films."""
    browser = blended_site.browser()
    for title in ("Alien", "Psycho", "The Exorcist"):
        browser.post(f"/films/{items[title]}/rating", rating="5")
    return browser


def test_beside_a_film_stands_what_somebody_would_give_and_how_sure_that_is(fan: Browser) -> None:
    html = fan.get("/").text
    answer = fan.call("GET", "/me/recommendations?n=12&n_reasons=2").json()["recommendations"]
    stars = [(one["predicted_rating"], one["low"], one["high"]) for one in answer]
    shown = re.findall(r"Our guess: ([\d.]+) stars \(([\d½]+) to ([\d½]+)\)\.", html)
    assert [float(guess) for guess, _, _ in shown] == [round(guess, 1) for guess, _, _ in stars if guess]
    assert all(0.5 <= float(guess) <= 5 for guess, _, _ in shown)
    reasons = [[reason["title"] for reason in one["because"]] for one in answer]
    assert html.count("Because you rated") == sum(map(bool, reasons)) > 0
    assert all(reason["liked"] for one in answer for reason in one["because"])
