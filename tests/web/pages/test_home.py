"""The home page."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest

from matinee import ALS
from tests.web.site import Browser, Site, assert_in_the_layout, headings


def test_a_newcomer_sees_films_worth_rating_and_others_that_are_popular(quick_site: Site) -> None:
    html = quick_site.client().get("/").text
    worth, popular = headings(html, "worth-rating"), headings(html, "suggestions")
    assert len(worth) == 9 and len(popular) == 12
    assert not set(worth) & set(popular)
    assert "Popular with the simulated viewers" in html and "Because you rated" not in html


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


@pytest.mark.parametrize("path", ["/", "/search"])
def test_years_turned_round_are_told_so(quick_site: Site, path: str) -> None:
    client = quick_site.client()
    answer = client.get(path, params={"year_from": "1990", "year_to": "1980"})
    assert answer.status_code == 422
    assert_in_the_layout(answer.text, "Something you entered was not right")
    assert "the years end in 1980, before they begin in 1990; turn them round" in answer.text
    assert client.get(path, params={"year_from": "1990", "year_to": "1990"}).status_code == 200


def test_a_script_gets_cards_that_its_page_holds_as_what_may_differ_alone(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    for title in ("Alien", "Blade Runner"):
        browser.post(f"/films/{items[title]}/rating", rating="5")
    whole = browser.get("/").text
    keys = re.findall(r'data-card="([^"]*)"', whole)
    assert len(keys) == len(set(keys)) == 18
    held = ",".join(quote(unescape(key)) for key in keys[:-1])
    changed = browser.get("/", headers={"X-Held-Cards": held}).text
    assert re.findall(r'data-card="([^"]*)"', changed) == keys
    assert changed.count("data-kept") == 17 and changed.count("<svg") == 1
    assert len(changed) < len(whole) / 4
    # What differs from visitor to visitor, and from star to star, is there.
    for slot in ("guess", "why"):
        found = re.compile(rf'<p class="{slot}" data-slot="{slot}">.*?</p>')
        assert found.findall(changed) == found.findall(whole) and len(found.findall(whole)) == 12
    assert "<header" not in changed and "<footer" not in changed
    # A page that holds none gets all cards, and the rest of the layout still not.
    none = browser.get("/", headers={"X-Held-Cards": ""}).text
    assert "data-kept" not in none and none.count("<svg") == 18 and "<header" not in none


def test_a_search_at_the_old_address_goes_to_its_page(quick_site: Site) -> None:
    answer = quick_site.client().get("/?q=alien&genre=Horror", follow_redirects=False)
    assert answer.headers["location"] == "/search?q=alien&genre=Horror"


def shown(slider: str, html: str) -> str | None:
    """Where a slider stands; None if there is none."""
    found = re.search(
        rf'<input id="{slider}" type="range" name="{slider}" min="0" max="1" step="0.1" value="([^"]*)"', html
    )
    return found and found[1]  # type: ignore[return-value]


@pytest.fixture
def fan(blended_site: Site, items: dict[str, str]) -> Browser:
    """The browser of somebody who likes horror films."""
    browser = blended_site.browser()
    for title in ("Alien", "Psycho", "The Exorcist"):
        browser.post(f"/films/{items[title]}/rating", rating="5")
    return browser


def test_a_slider_in_the_address_moves_the_list_from_safe_to_only_the_best(fan: Browser) -> None:
    usual = fan.get("/").text
    assert shown("blend", usual) == "0.3"
    lists = {}
    for blend in ("0", "0.3", "0.7", "1"):
        html = fan.get(f"/?blend={blend}").text
        assert shown("blend", html) == f"{float(blend):.1f}"
        lists[blend] = headings(html, "suggestions")
        answer = fan.call("GET", f"/me/recommendations?n=12&blend={blend}")
        assert [one["movie"]["title"] for one in answer.json()["recommendations"]] == [
            unescape(title) for title in lists[blend]
        ]
    assert lists["0.3"] == headings(usual, "suggestions") == headings(fan.get("/?blend=").text, "suggestions")
    assert lists["0"] != lists["1"]
    # A form on the page leads back to the same list.
    assert 'name="next" value="/?blend=1&amp;changed=' in fan.get("/?blend=1").text
    nothing = fan.get("/?blend=0.7&genre=Western&year_to=1901").text
    assert '<a href="/?blend=0.7">Show all genres and years</a>' in nothing


def test_another_slider_in_the_address_varies_the_list(fan: Browser) -> None:
    usual = headings(fan.get("/").text, "suggestions")
    assert shown("diversity", fan.get("/").text) == "0.0"
    lists = {}
    for diversity in ("0", "0.3", "1"):
        html = unescape(fan.get(f"/?diversity={diversity}&blend=0.7").text)
        assert shown("diversity", html) == f"{float(diversity):.1f}" and shown("blend", html) == "0.7"
        lists[diversity] = headings(html, "suggestions")
        answer = fan.call("GET", f"/me/recommendations?n=12&blend=0.7&diversity={diversity}").json()
        assert [one["movie"]["title"] for one in answer["recommendations"]] == lists[diversity]
    assert lists["0"] == headings(unescape(fan.get("/?blend=0.7&diversity=").text), "suggestions")
    assert lists["0"] != lists["1"] and lists["0"][0] == lists["1"][0]
    assert usual == headings(fan.get("/?diversity=0").text, "suggestions")
    # Forms and links on the page lead back to the same list.
    html = unescape(fan.get("/?diversity=0.3&blend=0.7").text)
    assert 'name="next" value="/?diversity=0.3&blend=0.7&changed=' in html
    assert 'href="/?diversity=0.3&blend=0.7&more=1#further"' in html
    nothing = unescape(fan.get("/?diversity=0.3&blend=0.7&genre=Western&year_to=1901&more=1").text)
    assert '<a href="/?diversity=0.3&blend=0.7">Show all genres and years</a>' in nothing


def test_further_suggestions_of_a_varied_list_repeat_none_and_move_none(fan: Browser) -> None:
    answer = fan.call("GET", "/me/recommendations?n=108&diversity=0.6").json()["recommendations"]
    expected = [one["movie"]["title"] for one in answer]
    assert len({one["movie"]["item"] for one in answer}) == 108
    first = headings(unescape(fan.get("/?diversity=0.6").text), "suggestions")
    for more in (1, 2, 4):
        html = unescape(fan.get(f"/?diversity=0.6&more={more}").text)
        assert headings(html, "suggestions") == first == expected[:12]
        assert headings(html, "further") == expected[12 : 12 + 24 * more]
    # What is taken off the list makes room for another film, and comes no more.
    gone = next(one["movie"] for one in answer if one["movie"]["title"] == first[3])
    fan.post(f"/films/{gone['item']}/dismissal")
    after = fan.call("GET", "/me/recommendations?n=108&diversity=0.6").json()["recommendations"]
    items = {one["movie"]["item"] for one in after}
    assert len(items) == 108 and gone["item"] not in items
    html = unescape(fan.get("/?diversity=0.6&more=1").text)
    shown_after = headings(html, "suggestions") + headings(html, "further")
    assert shown_after == [one["movie"]["title"] for one in after[:36]]


def test_a_slider_that_would_do_nothing_is_not_shown(
    blended_site: Site, quick_site: Site, items: dict[str, str]
) -> None:
    newcomer = blended_site.client().get("/?blend=1&diversity=1")
    assert newcomer.status_code == 200 and shown("blend", newcomer.text) is None
    assert shown("diversity", newcomer.text) is None
    browser = quick_site.browser()
    browser.post(f"/films/{items['Alien']}/rating", rating="5")
    # Of a time when a model with a blend was served.
    old = browser.get("/?blend=1")
    assert old.status_code == 200 and shown("blend", old.text) is None
    assert headings(old.text, "suggestions") == headings(browser.get("/").text, "suggestions")


def test_variety_is_offered_only_by_a_model_that_has_it(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = quick_site.browser()
    browser.post(f"/films/{items['Alien']}/rating", rating="5")
    assert shown("diversity", browser.get("/").text) == "0.0"
    usual = headings(browser.get("/").text, "suggestions")

    def recommend_plainly(self: ALS, user: object, n: int = 10) -> None:
        """As a model of another package may have it."""

    monkeypatch.setattr(ALS, "recommend", recommend_plainly)
    # Of a time when a model with diversity was served.
    old = browser.get("/?diversity=1")
    assert old.status_code == 200 and shown("diversity", old.text) is None
    assert headings(old.text, "suggestions") == usual
    assert browser.call("GET", "/me/recommendations?diversity=0").status_code == 200
    refused = browser.call("GET", "/me/recommendations?diversity=0.5")
    assert refused.status_code == 422 and "of kind ALS, which has no diversity" in refused.text


@pytest.mark.parametrize("diversity", ["much", "-0.1", "1.5", "nan", "inf"])
def test_a_diversity_that_is_none_is_told_so(quick_site: Site, diversity: str) -> None:
    answer = quick_site.client().get("/", params={"diversity": diversity})
    assert answer.status_code == 422
    assert_in_the_layout(answer.text, "Something you entered was not right")
    assert "expected a number from 0, as usual, to 1, the most variety" in answer.text


@pytest.mark.parametrize("blend", ["much", "-0.1", "1.5", "nan", "inf"])
def test_a_blend_that_is_none_is_told_so(quick_site: Site, blend: str) -> None:
    answer = quick_site.client().get("/", params={"blend": blend})
    assert answer.status_code == 422
    assert_in_the_layout(answer.text, "Something you entered was not right")
    assert "expected a number from 0, safe, to 1, only the best" in answer.text


def test_beside_a_film_stands_what_somebody_would_give_and_how_sure_that_is(fan: Browser) -> None:
    html = fan.get("/").text
    answer = fan.call("GET", "/me/recommendations?n=12&n_reasons=2").json()["recommendations"]
    stars = [(one["predicted_rating"], one["low"], one["high"]) for one in answer]
    shown = re.findall(r"Our guess: ([\d.]+) stars <[^>]*>\(([\d½]+) to ([\d½]+)\)", html)
    assert [float(guess) for guess, _, _ in shown] == [round(guess, 1) for guess, _, _ in stars if guess]
    assert all(0.5 <= float(guess) <= 5 for guess, _, _ in shown)
    reasons = [[reason["title"] for reason in one["because"]] for one in answer]
    assert html.count("Because you rated") == sum(map(bool, reasons)) > 0
    assert all(reason["liked"] for one in answer for reason in one["because"])


def test_who_has_seen_none_of_the_films_is_asked_about_others(quick_site: Site) -> None:
    browser = quick_site.browser()
    asked = headings(browser.get("/").text, "worth-rating")
    shown = re.findall(r'<input type="hidden" name="item" value="([^"]*)">', browser.get("/").text)
    assert browser.post("/unseen", item=shown).headers["location"] == "/"
    others = headings(browser.get("/").text, "worth-rating")
    assert len(others) == 9 and not set(others) & set(asked)
    assert browser.post("/unseen", item=["nothing"]).status_code == 404
    # The star says that it was seen after all.
    browser.post(f"/films/{shown[0]}/rating", rating="4")
    browser.post(f"/films/{shown[0]}/rating", rating="")
    assert asked[0] in headings(browser.get("/").text, "worth-rating")


def test_further_suggestions_go_on_where_the_list_ends(fan: Browser) -> None:
    answer = fan.call("GET", "/me/recommendations?n=60").json()["recommendations"]
    expected = [one["movie"]["title"] for one in answer]
    html = unescape(fan.get("/?more=2").text)
    assert headings(html, "suggestions") == expected[:12]
    assert headings(html, "further") == expected[12:]
    assert 'href="/?more=3#further"' in html
    assert not headings(fan.get("/").text, "further")
    assert "data-more" not in fan.get("/?more=4").text
    assert "data-more" not in fan.get("/?genre=Western&year_to=1940").text
    assert fan.get("/?more=5").status_code == 422
