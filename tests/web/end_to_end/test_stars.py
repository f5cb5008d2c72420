"""How many halves of stars are drawn full, under the pointer and without it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.web.end_to_end.conftest import Visitor
from tests.web.end_to_end.test_visiting import film_called, give, region

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

# An empty half is an outline of twelve corners, and a full one has six.
FULL = """stars => stars.filter(
  (star) => getComputedStyle(star, "::before").clipPath.split(",").length === 6
).length"""
SHOWN = """stars => stars.map(
  (star) => getComputedStyle(star, "::after").content
).filter((text) => text !== "none")"""


def n_full(stars: Locator) -> int:
    return int(stars.evaluate_all(FULL))


def test_as_many_halves_are_full_as_the_pointer_is_on(visitor: Visitor) -> None:
    page = visitor.go("/search?q=Alien+1979")
    film = film_called(region(page, "found"), "Alien")
    stars = film.locator(".star")
    film.hover()
    assert n_full(stars) == 0
    for place in range(10):
        stars.nth(place).hover()
        assert n_full(stars) == place + 1
        assert stars.evaluate_all(SHOWN) == [f'"{stars.nth(place).get_attribute("data-shown")}"']
    page.get_by_role("heading", level=1).hover()
    assert n_full(stars) == 0 and stars.evaluate_all(SHOWN) == []


@pytest.mark.parametrize("stars_given", [0.5, 3, 5])
def test_after_a_click_as_many_halves_are_full_as_were_given(visitor: Visitor, stars_given: float) -> None:
    page = visitor.go("/search?q=Alien+1979")
    film = film_called(region(page, "found"), "Alien")
    stars = film.locator(".star")
    give(film, f"{stars_given:g}")
    expect(region(page, "status")).to_contain_text("You gave Alien")
    # The pointer is still where it clicked.
    assert n_full(stars) == 2 * stars_given
    stars.nth(3).hover()
    assert n_full(stars) == 4
    page.get_by_role("heading", level=1).hover()
    assert n_full(stars) == 2 * stars_given


def test_without_scripts_a_click_fills_the_stars_too(visitor_without_scripts: Visitor) -> None:
    page = visitor_without_scripts.go("/search?q=Alien+1979")
    film = film_called(region(page, "found"), "Alien")
    stars = film.locator(".star")
    film.hover()
    stars.nth(6).click()
    assert n_full(stars) == 7
    page.get_by_role("heading", level=1).hover()
    assert n_full(stars) == 7
