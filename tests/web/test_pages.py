"""What the pages hold, read as a program reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

import matinee
from matinee.web.cinema.recommending import Prediction
from matinee.web.store.tables import RatingRow
from tests.web.conftest import Site

NASTY = "<script>alert(1)</script>"


def headings(html: str, region: str) -> list[str]:
    """The titles of the films in a region."""
    part = html.split(f'data-region="{region}"')[1].split("</section>")[0]
    return re.findall(r"<h3><a [^>]*>([^<]*)</a></h3>", part)


def assert_in_the_layout(html: str, heading: str) -> None:
    assert f"<h1>{heading}</h1>" in html
    assert 'role="search"' in html and '<main id="main"' in html and "</html>" in html


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
    assert "No film is left that matches." in nothing


@pytest.mark.parametrize("year", ["abc", "-1", "99999", "1e3", "²"])
def test_a_year_that_is_none_is_told_so(quick_site: Site, year: str) -> None:
    answer = quick_site.client().get("/", params={"year_from": year})
    assert answer.status_code == 422
    assert_in_the_layout(answer.text, "Something in that was not right")


def test_a_search_at_the_old_address_goes_to_its_page(quick_site: Site) -> None:
    answer = quick_site.client().get("/?q=alien&genre=Horror", follow_redirects=False)
    assert answer.headers["location"] == "/search?q=alien&genre=Horror"


def test_pages_of_a_search_hold_every_film_once(quick_site: Site) -> None:
    client = quick_site.client()
    address, seen = "/search?genre=Western", list[str]()
    while address:
        html = client.get(address).text
        seen += re.findall(r'<h3><a href="/films/([^"]*)"', html)
        following = re.search(r'<a href="([^"]*)" rel="next">', html)
        address = following[1].replace("&amp;", "&") if following else ""
    expected = [str(item) for item, movie in matinee.load_movies("demo").items() if "Western" in movie.genres]
    assert sorted(seen) == sorted(expected)
    assert "The list ends before this page" in client.get("/search?q=alien&part=99").text


def test_the_table_of_a_film_counts_its_ratings(quick_site: Site, items: dict[str, str]) -> None:
    html = quick_site.client().get(f"/films/{items['Alien']}").text
    table = dict(re.findall(r'<th scope="row">([^<]*)</th><td class="number">([\d,]*)</td>', html))
    ratings = matinee.load_dataset("demo").to_frame()
    own = ratings.filter(ratings["item"] == int(items["Alien"]))["rating"].to_numpy()
    names = ["half a star", "1 star", "1½ stars", "2 stars", "2½ stars", "3 stars", "3½ stars", "4 stars"]
    for name, stars in zip([*names, "4½ stars", "5 stars"], np.arange(0.5, 5.5, 0.5), strict=True):
        assert int(table[name].replace(",", "")) == (own == stars).sum()
    assert f"{own.mean():.1f} stars on average" in html


def test_an_interval_is_shown_if_the_model_gives_one(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def predict(_: Any, ratings: Any, __: Any) -> Prediction:
        asked.append(ratings)
        return Prediction(3.52, 2.14, 4.87)

    monkeypatch.setattr("matinee.web.pages.films.predict", predict)
    browser = quick_site.browser()
    for title, stars in (("Alien", "1"), ("Jaws", "4")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    html = browser.get(f"/films/{items['Alien']}").text
    assert "3.5 stars</strong>, and in 9 cases of 10 between 2.1 and 4.9" in html
    # Their own rating of the film is not what the guess is made from.
    assert asked == [{items["Jaws"]: 4.0}]


def test_what_was_done_is_told_by_what_is_noted_now(quick_site: Site, items: dict[str, str]) -> None:
    browser, stranger = quick_site.browser(), quick_site.browser()
    item = items["Alien"]
    browser.post(f"/films/{item}/rating", rating="4.5")
    assert "4½ stars." in browser.get(f"/?changed={item}").text.split('role="status"')[1]
    # An address that is passed on tells others of themselves.
    assert "You have no rating of" in stranger.get(f"/?changed={item}").text
    assert "notice" not in stranger.get("/?changed=nothing").text


def test_a_form_goes_on_with_the_page_that_it_is_on(quick_site: Site, items: dict[str, str]) -> None:
    html = quick_site.client().get("/search?q=star+wars&changed=7&part=1").text
    found = re.findall(r'name="next" value="([^"]*)"', html)
    assert found and {one.rsplit("=", 1)[0] for one in found} == {
        "/search?q=star+wars&amp;part=1&amp;changed"
    }


def test_a_long_list_of_ratings_comes_in_parts(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    for item in list(items.values())[:50]:
        browser.call("PUT", f"/me/ratings/{item}", json={"rating": 3})
    first, second = browser.get("/ratings").text, browser.get("/ratings?part=2").text
    assert "50 films rated" in first
    assert len(headings(first, "ratings")) == 48 and len(headings(second, "ratings")) == 2
    assert "The list ends before this page" in browser.get("/ratings?part=3").text


def test_titles_and_names_are_escaped_wherever_they_are_shown(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    movies = tmp_path / "movies.dat"
    movies.write_text(f'1::{NASTY} (1980)::"><b>\n2::Plain (1981)::Drama\n', encoding="utf-8")
    browser = make_site(movies=str(movies)).browser()
    browser.register(NASTY)
    browser.log_in(NASTY)
    browser.post("/films/1/rating", rating="5")
    browser.post("/films/2/dismissal")
    browser.post("/account/tokens", name=NASTY)
    for path in ("/", "/?changed=1", "/films/1", "/search?q=alert", "/ratings", "/account", "/report"):
        html = browser.get(path).text
        assert "&lt;script&gt;" in html, path
        assert "<script>alert" not in html and '"><b>' not in html, path


@pytest.mark.parametrize(
    "path", ["/", "/films/1", "/ratings", "/search?q=a", "/login", "/report", "/nothing"]
)
def test_no_page_has_a_style_or_a_script_of_its_own_or_of_others(quick_site: Site, path: str) -> None:
    browser = quick_site.browser()
    browser.post("/films/1/rating", rating="4")
    html = browser.get(path).text
    assert re.findall(r"<script[^>]*>", html) == [
        '<script type="module" src="/static/site.js" blocking="render">'
    ]
    assert not re.search(r"\sstyle=|<style|\son\w+=|https?://|javascript:", html)
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_errors_are_pages_to_people(
    make_site: Callable[..., Site], items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(body_limit=2_000)
    browser = site.browser()
    assert_in_the_layout(browser.get("/nothing").text, "There is nothing here")
    assert_in_the_layout(browser.get("/films/nothing").text, "There is nothing here")
    forged = browser.client.post(f"/films/{items['Alien']}/rating", data={"rating": "4"})
    assert_in_the_layout(forged.text, "That form could not be accepted")
    wrong = browser.post(f"/films/{items['Alien']}/rating", rating="six")
    assert wrong.status_code == 422
    assert_in_the_layout(wrong.text, "Something in that was not right")
    long = browser.client.post("/login", data={"name": "x" * 3_000})
    assert long.status_code == 413
    assert_in_the_layout(long.text, "That was too much to read")
    assert_in_the_layout(browser.post("/account/tokens", name="Ada").text, "Log in first")

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("the particulars"))

    monkeypatch.setattr(site.store, "reading", fail)
    browser.post(f"/films/{items['Alien']}/rating", rating="4")
    away = browser.get("/")
    assert away.status_code == 503 and "particulars" not in away.text
    assert_in_the_layout(away.text, "Back in a moment")


def test_a_page_that_is_asked_for_too_often_says_when_to_come_back(make_site: Callable[..., Site]) -> None:
    client = make_site(rate_limit="2/minute").client()
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


def test_browsers_keep_what_is_static_and_ask_whether_it_has_changed(quick_site: Site) -> None:
    client = quick_site.client()
    first = client.get("/static/site.css")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/site.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


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
