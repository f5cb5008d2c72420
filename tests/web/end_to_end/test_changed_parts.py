"""What travels after a star, and that the page then is what loading it again would make it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, Response, expect

from tests.web.end_to_end.conftest import PHONE, Visitor
from tests.web.end_to_end.test_visiting import film_called, give, press, region, titles

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

# Without the message, which a page that is loaded again does not have, and tokens, which are masked anew.
STATE = """() => [...document.querySelectorAll("[data-region]:not([data-region=status])")].map((region) => {
  const copy = region.cloneNode(true);
  for (const field of copy.querySelectorAll("[name=csrf_token]")) field.removeAttribute("value");
  const checked = [...region.querySelectorAll("input:checked")].map((input) => input.value);
  return [region.dataset.region, copy.innerHTML.replace(/\\s+/g, " ").replace(/> </g, "><"), checked];
})"""


# Further suggestions come by themselves, and would while a page is loaded again.
NONE_BY_THEMSELVES = "window.IntersectionObserver = class { observe() {} disconnect() {} }"


class Sizes(NamedTuple):
    """The bytes of an answer, and those on their way, compressed."""

    content: int
    travelled: int


def at_home(visitor: Visitor) -> Page:
    visitor.page.add_init_script(NONE_BY_THEMSELVES)
    return visitor.go("/")


def state_of(page: Page) -> Any:
    return page.evaluate(STATE)


def assert_as_loaded_again(page: Page) -> Sizes:
    """Load the page again, which changes nothing; the sizes of the whole page."""
    before = state_of(page)
    response = page.reload()
    assert response is not None
    sizes = sizes_of(response)
    for ours, theirs in zip(before, state_of(page), strict=True):
        assert ours == theirs
    return sizes


def answer_to(page: Page, act: Callable[[], None]) -> Sizes:
    """The sizes of the page that answers what somebody does."""
    with page.expect_response(lambda response: "changed=" in response.url and response.ok) as found:
        act()
    return sizes_of(found.value)


def sizes_of(response: Response) -> Sizes:
    return Sizes(len(response.body()), int(response.headers["content-length"]))


@pytest.mark.parametrize("server", ["blended_server"], indirect=True)
@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "has_touch": True}], ids=["desktop", "phone"])
def test_after_a_star_only_what_has_changed_travels(
    new_visitor: Callable[..., Visitor], options: dict[str, Any]
) -> None:
    page = at_home(new_visitor(**options))
    first = region(page, "suggestions").locator(".film").first
    # The first star changes nearly all that is suggested, and later ones less.
    for stars, share in (("5", 0.8), ("4.5", 0.7), ("4", 0.7)):
        title = first.locator("h3").inner_text()
        changed = answer_to(page, lambda stars=stars: give(first, stars))
        expect(region(page, "status")).to_contain_text(f"You gave {title}")
        expect(first.locator("h3")).not_to_have_text(title)
        expect(page.locator("[data-kept]")).to_have_count(0)
        whole = assert_as_loaded_again(page)
        assert changed.content < share * whole.content
        assert changed.travelled < share * whole.travelled
    changed = answer_to(page, lambda: press(first, "Not interested"))
    expect(region(page, "status")).to_contain_text("will not be suggested again")
    whole = assert_as_loaded_again(page)
    assert changed.content < 0.25 * whole.content and changed.travelled < 0.4 * whole.travelled


def test_on_every_page_with_films_the_page_is_what_loading_it_again_would_make_it(visitor: Visitor) -> None:
    page = visitor.go("/search?q=star")
    found = region(page, "found")
    names = titles(found)
    answer_to(page, lambda: give(film_called(found, names[0]), "4"))
    expect(region(page, "status")).to_contain_text(names[0])
    answer_to(page, lambda: press(film_called(found, names[1]), "Watchlist"))
    expect(region(page, "status")).to_contain_text(names[1])
    assert_as_loaded_again(page)
    visitor.go("/ratings")
    answer_to(page, lambda: give(region(page, "ratings").locator(".film").first, "2"))
    expect(region(page, "status")).to_contain_text("2 stars")
    assert_as_loaded_again(page)
    visitor.go("/watchlist")
    answer_to(page, lambda: give(region(page, "watchlist").locator(".film").first, "5"))
    expect(region(page, "watchlist").locator(".film")).to_have_count(0)
    assert_as_loaded_again(page)


def test_stars_that_were_chosen_and_not_sent_are_not_taken_for_given(visitor: Visitor) -> None:
    page = at_home(visitor)
    suggestions = region(page, "suggestions").locator(".film")
    page.keyboard.press("Tab")
    suggestions.nth(1).locator("input[value='4']").focus()
    page.keyboard.press("Space")
    page.get_by_role("searchbox").focus()
    last = titles(region(page, "suggestions"))[-1]
    page.mouse.move(0, 0)
    answer_to(page, lambda: press(film_called(region(page, "suggestions"), last), "Not interested"))
    expect(region(page, "status")).to_contain_text(last)
    assert_as_loaded_again(page)
