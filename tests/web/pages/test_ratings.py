"""The pages of a visitor's own films: ratings, watchlist, taste; downloading and deleting them."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import update

from matinee.web.store.tables import DismissalRow, EventRow, RatingRow, UnseenRow, VisitorRow, WatchRow
from tests.web.site import Browser, Site, headings


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


RATED = {"Alien": "5", "Jaws": "4.5", "Casablanca": "2", "Blade Runner": "5", "Blade Runner 2049": "3"}


@pytest.fixture
def rater(quick_site: Site, items: dict[str, str]) -> Browser:
    """The browser of somebody with five ratings."""
    browser = quick_site.browser()
    for title, stars in RATED.items():
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    return browser


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=latest", ["Blade Runner 2049", "Blade Runner", "Casablanca", "Jaws", "Alien"]),
        ("sort=oldest", ["Alien", "Jaws", "Casablanca", "Blade Runner", "Blade Runner 2049"]),
        ("sort=best", ["Blade Runner", "Alien", "Jaws", "Blade Runner 2049", "Casablanca"]),
        ("sort=worst", ["Casablanca", "Blade Runner 2049", "Jaws", "Blade Runner", "Alien"]),
        ("sort=title", ["Alien", "Blade Runner", "Blade Runner 2049", "Casablanca", "Jaws"]),
        ("sort=year", ["Casablanca", "Jaws", "Alien", "Blade Runner", "Blade Runner 2049"]),
        ("sort=nonsense", ["Blade Runner 2049", "Blade Runner", "Casablanca", "Jaws", "Alien"]),
        ("stars=5&sort=title", ["Alien", "Blade Runner"]),
        ("genre=Horror&sort=title", ["Alien", "Jaws"]),
        ("title=run+blad&sort=year", ["Blade Runner", "Blade Runner 2049"]),
        ("genre=Horror&stars=2", []),
    ],
)
def test_ones_ratings_are_sorted_and_narrowed(rater: Browser, query: str, expected: list[str]) -> None:
    html = rater.get(f"/ratings?{query}").text
    assert headings(html, "ratings") == expected
    assert ("None of your ratings match." in html) == (not expected)


def test_the_pages_of_a_long_list_keep_the_order(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch, rater: Browser
) -> None:
    monkeypatch.setattr("matinee.web.pages.ratings.N_A_PAGE", 2)
    first = rater.get("/ratings?sort=title&stars=")
    assert headings(first.text, "ratings") == ["Alien", "Blade Runner"]
    assert 'href="/ratings?sort=title&amp;part=2"' in first.text
    assert headings(rater.get("/ratings?sort=title&part=2").text, "ratings") == [
        "Blade Runner 2049",
        "Casablanca",
    ]
    assert rater.get("/ratings?stars=many").status_code == 422


def test_what_one_wants_to_see_is_on_the_watchlist_until_it_is_rated(
    site: Site, items: dict[str, str]
) -> None:
    browser, other = site.browser(), site.browser()
    for title in ("Alien", "Jaws", "Psycho"):
        browser.post(f"/films/{items[title]}/watchlist")
    assert headings(browser.get("/watchlist").text, "watchlist") == ["Psycho", "Jaws", "Alien"]
    assert headings(other.get("/watchlist").text, "watchlist") == []
    assert "is on your" in browser.get(f"/?changed={items['Jaws']}").text
    browser.post(f"/films/{items['Jaws']}/watchlist", undo="1")
    browser.post(f"/films/{items['Alien']}/rating", rating="4")
    assert headings(browser.get("/watchlist").text, "watchlist") == ["Psycho"]
    # Nobody is asked for stars of what they have yet to see.
    asked = headings(other.get("/").text, "worth-rating")
    other.post(f"/films/{items[asked[0]]}/watchlist")
    assert asked[0] not in headings(other.get("/").text, "worth-rating")
    other.register("Ada")
    assert headings(other.get("/watchlist").text, "watchlist") == [asked[0]]


def test_without_an_account_too_everything_is_deleted(site: Site, items: dict[str, str]) -> None:
    browser, other = site.browser(), site.browser()
    for each in (browser, other):
        each.post(f"/films/{items['Alien']}/rating", rating="4")
        each.post(f"/films/{items['Jaws']}/watchlist")
        each.post(f"/films/{items['Psycho']}/unseen")
        each.post(f"/films/{items['Casablanca']}/dismissal")
    assert "Delete everything" in browser.get("/ratings").text
    assert browser.post("/forget").status_code == 303
    assert browser.ratings() == {} and "Delete everything" not in browser.get("/ratings").text
    tables = (VisitorRow, RatingRow, DismissalRow, UnseenRow, WatchRow)
    assert [site.count(table) for table in tables] == [1] * len(tables)
    # The log keeps what the other did, and that somebody was deleted.
    assert site.count(EventRow) == 3
    # The old cookie is nobody's.
    assert other.ratings() == {items["Alien"]: 4.0}
    other.register("Ada")
    assert other.post("/forget").status_code == 403
    assert other.ratings() == {items["Alien"]: 4.0}


def test_ones_own_data_are_downloaded_as_csv_and_json(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    for title, stars in (("Alien", "5"), ("Amélie", "2.5")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    browser.post(f"/films/{items['Jaws']}/watchlist")
    browser.post(f"/films/{items['Psycho']}/unseen")
    browser.post(f"/films/{items['Casablanca']}/dismissal")
    answer = browser.get("/ratings.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="matinee-ratings.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["title"], row["year"], row["rating"], row["matineeId"]) for row in rows] == [
        ("Amélie", "2001", "2.5", items["Amélie"]),
        ("Alien", "1979", "5.0", items["Alien"]),
    ]
    assert abs(datetime.fromisoformat(rows[0]["ratedAt"]).timestamp() - time.time()) < 600
    found = browser.get("/ratings.json").json()
    assert [one["title"] for one in found["ratings"]] == ["Amélie", "Alien"]
    assert found["watchlist"] == [{"item": items["Jaws"], "title": "Jaws", "year": 1975}]
    assert found["not_seen"][0]["title"] == "Psycho"
    assert found["not_interested"][0]["title"] == "Casablanca"
    assert found["name"] is None
    assert quick_site.client().get("/ratings.json").json()["ratings"] == []


def test_a_title_that_a_spreadsheet_would_run_is_text(make_site: Callable[..., Site], tmp_path: Path) -> None:
    movies = tmp_path / "movies.dat"
    movies.write_text("1::=1+1 (1980)::Drama\n", encoding="utf-8")
    browser = make_site(movies=str(movies)).browser()
    browser.post("/films/1/rating", rating="5")
    assert ",'=1+1," in browser.get("/ratings.csv").text


def test_because_you_watched_leaves_out_what_one_knows(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    html = browser.get(f"/films/{items['Alien']}/like").text
    assert "Films like <a" in html
    alike = headings(html, "alike")
    assert len(alike) == 48 and "Alien" not in alike
    answer = browser.get(f"/api/v1/movies/{items['Alien']}/similar?limit=48").json()
    assert [unescape(title) for title in alike] == [one["movie"]["title"] for one in answer["movies"]]
    browser.post(f"/films/{items['Alien']}/rating", rating="5")
    browser.post(f"/films/{items[unescape(alike[0])]}/rating", rating="4")
    browser.post(f"/films/{items[unescape(alike[1])]}/dismissal")
    html = browser.get(f"/films/{items['Alien']}/like").text
    assert "Because you watched <a" in html and "You gave it 5 stars." in html
    assert headings(html, "alike")[:46] == alike[2:]
    assert browser.get("/films/nothing/like").status_code == 404


def test_ones_taste_is_shown_from_five_ratings_on(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    assert "so far you have rated 0" in browser.get("/taste").text
    for title, stars in (("Alien", "5"), ("Aliens", "5"), ("Notting Hill", "1"), ("Amélie", "1.5")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    assert "so far you have rated 4" in browser.get("/taste").text
    browser.post(f"/films/{items['Sleepless in Seattle']}/rating", rating="1")
    html = browser.get("/taste").text
    rows = re.findall(r'<tr><th scope="row">([^<]*)</th><td class="number">(\d+)</td>', html)
    assert ("Romance", "3") in rows and ("Sci-Fi", "2") in rows
    assert html.count('<ul class="end">') == 8
    assert re.search(r"Nearer to the (left|right) end than \d+%", html)
