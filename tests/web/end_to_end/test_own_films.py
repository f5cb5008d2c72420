"""Watchlist, sorting, taste, films like one, downloads and deletion: with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.web.end_to_end.conftest import DESKTOP, PHONE, Visitor
from tests.web.end_to_end.test_accessibility import assert_sound
from tests.web.end_to_end.test_visiting import film_called, give, press, region, titles

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

AT_HAND = pytest.mark.parametrize(
    ("has_scripts", "size"),
    [(True, PHONE), (False, PHONE), (True, DESKTOP), (False, DESKTOP)],
    ids=["phone", "phone without scripts", "desktop", "desktop without scripts"],
)
EXPORT = """Date,Name,Year,Letterboxd URI,Rating
2020-01-01,Alien,1979,https://boxd.it/1,5
2020-01-02,Amelie,2001,https://boxd.it/2,2.5
2020-01-03,Not Made Yet,2031,https://boxd.it/3,4
"""
RATED = {"Alien": "5", "Aliens": "4.5", "Notting Hill": "1", "Sleepless in Seattle": "1.5", "Jaws": "4"}


def rate_all(visitor: Visitor, ratings: dict[str, str]) -> None:
    """Give stars without a page, as quickly as a program."""
    for title, stars in ratings.items():
        page = visitor.go(f"/search?q={title}")
        film = film_called(region(page, "found"), title)
        action = film.locator("[data-stars]").get_attribute("action")
        token = film.locator("[data-stars] input[name=csrf_token]").get_attribute("value")
        answer = page.request.post(
            f"{visitor.address}{action}",
            form={"csrf_token": str(token), "rating": stars},
            headers={"Origin": visitor.address},
        )
        assert answer.ok


@AT_HAND
def test_a_film_is_put_on_the_watchlist_and_taken_off(
    new_visitor: Callable[..., Visitor], axe: str, has_scripts: bool, size: ViewportSize
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=size)
    page = visitor.go("/")
    first, second = titles(region(page, "suggestions"))[:2]
    press(film_called(region(page, "suggestions"), first), "Watchlist")
    expect(region(page, "status")).to_contain_text(f"{first} is on your watchlist.")
    press(film_called(region(page, "suggestions"), second), "Watchlist")
    expect(region(page, "status")).to_contain_text(f"{second} is on your watchlist.")
    region(page, "status").get_by_role("link", name="watchlist").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Watchlist")
    assert titles(region(page, "watchlist")) == [second, first]
    press(film_called(region(page, "watchlist"), second), "On watchlist")
    expect(region(page, "watchlist").locator(".film")).to_have_count(1)
    film = film_called(region(page, "watchlist"), first)
    give(film, "4")
    if not has_scripts:
        film.get_by_role("button", name="Rate").click()
    expect(region(page, "watchlist")).to_contain_text("Nothing yet.")
    if has_scripts:
        visitor.go(f"/films/{1}/watchlist"[:-10])
        region(page, "own").get_by_role("button", name="Watchlist").click()
        expect(region(page, "own")).to_contain_text("On watchlist")
        if size == DESKTOP:
            assert_sound(page, axe)
            assert_sound(visitor.go("/watchlist"), axe)


@AT_HAND
def test_ratings_are_sorted_and_narrowed(
    new_visitor: Callable[..., Visitor], axe: str, has_scripts: bool, size: ViewportSize
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=size)
    rate_all(visitor, RATED)
    page = visitor.go("/ratings")
    assert titles(region(page, "ratings")) == list(RATED)[::-1]
    page.get_by_label("Sort", exact=True).select_option("Most stars first")
    if not has_scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    expect(region(page, "ratings").locator("h3").first).to_have_text("Alien")
    page.get_by_label("Genre").select_option("Romance")
    if not has_scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    expect(region(page, "ratings").locator("h2")).to_have_text("2 films of 5 rated")
    assert titles(region(page, "ratings")) == ["Sleepless in Seattle", "Notting Hill"]
    page.reload()
    assert titles(region(page, "ratings")) == ["Sleepless in Seattle", "Notting Hill"]
    if has_scripts and size == DESKTOP:
        assert_sound(page, axe)


@AT_HAND
def test_everything_is_deleted_without_an_account_too(
    new_visitor: Callable[..., Visitor], has_scripts: bool, size: ViewportSize
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=size)
    rate_all(visitor, {"Alien": "5"})
    page = visitor.go("/ratings")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download as JSON").click()
    found = json.loads(Path(downloading.value.path()).read_text(encoding="utf-8"))
    assert [one["title"] for one in found["ratings"]] == ["Alien"]
    page.get_by_text("I want to delete all that I have done here").click()
    page.get_by_role("button", name="Delete everything").click()
    expect(region(page, "ratings")).to_contain_text("Nothing yet.")
    visitor.go("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("What should you watch next?")


@AT_HAND
def test_an_export_of_another_site_is_previewed_and_imported(
    new_visitor: Callable[..., Visitor], axe: str, has_scripts: bool, size: ViewportSize
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=size)
    visitor.expected_statuses = {422}
    page = visitor.go("/ratings/import")
    choose = page.get_by_label("The exported file")
    choose.set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": b"no export"})
    page.get_by_role("button", name="See what is in it").click()
    expect(page.get_by_role("alert")).to_contain_text("is not an export of one person's ratings")
    if has_scripts and size == DESKTOP:
        assert_sound(page, axe)
        page.set_viewport_size(size)
    choose.set_input_files({"name": "ratings.csv", "mimeType": "text/csv", "buffer": EXPORT.encode()})
    page.get_by_role("button", name="See what is in it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What we found")
    expect(page.get_by_role("main")).to_contain_text("2 films of 3 rated at Letterboxd are here.")
    if has_scripts and size == DESKTOP:
        assert_sound(page, axe)
        page.set_viewport_size(size)
    page.get_by_role("button", name="Import 2 ratings").click()
    expect(page.get_by_role("status").first).to_contain_text("2 ratings imported.")
    assert sorted(titles(region(page, "ratings"))) == ["Alien", "Amélie"]


def test_taste_and_films_like_one_are_shown_soundly(visitor: Visitor, axe: str) -> None:
    page = visitor.go("/taste")
    expect(page.get_by_role("main")).to_contain_text("so far you have rated 0")
    assert_sound(page, axe)
    rate_all(visitor, RATED)
    page = visitor.go("/taste")
    assert page.get_by_role("img").count() == 2
    page.get_by_text("Show as a table").first.click()
    expect(page.get_by_role("table").first).to_contain_text("Romance")
    expect(page.locator(".factors > li")).to_have_count(4)
    assert_sound(page, axe)
    page = visitor.go("/search?q=Alien")
    film_called(region(page, "found"), "Alien").get_by_role("link", name="Alien", exact=True).click()
    page.get_by_role("link", name="More because you watched Alien").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Because you watched Alien")
    assert len(titles(region(page, "alike"))) == 48 and "Aliens" not in titles(region(page, "alike"))
    assert_sound(page, axe)


def test_twelve_films_take_1200_pixels_on_a_phone_and_six_posters_stand_side_by_side_at_a_desk(
    new_visitor: Callable[..., Visitor],
) -> None:
    visitor = new_visitor(viewport=PHONE)
    rate_all(visitor, RATED)
    page = visitor.go("/")
    boxes = (
        "films => films.map((film) => film.getBoundingClientRect()).map(({ top, bottom }) => [top, bottom])"
    )
    films = region(page, "suggestions").locator(".film")
    measured = films.evaluate_all(boxes)
    assert len(measured) == 12 and measured[-1][1] - measured[0][0] <= 1200
    page.set_viewport_size(DESKTOP)
    tops = [top for top, _ in films.evaluate_all(boxes)]
    assert len(set(tops[:6])) == 1 and tops[6] > tops[0]
