"""What a newcomer is asked, and what they see after their first star."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.web.end_to_end.conftest import DESKTOP, PHONE, Visitor
from tests.web.end_to_end.test_visiting import film_called, give, press, region, titles

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

WITH_AND_WITHOUT = pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])


@WITH_AND_WITHOUT
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_after_the_first_star_the_suggestions_are_what_one_sees(
    new_visitor: Callable[..., Visitor], has_scripts: bool, size: ViewportSize
) -> None:
    page = new_visitor(java_script_enabled=has_scripts, viewport=size).go("/")
    expect(region(page, "worth-rating").locator(".film")).to_have_count(9)
    film = region(page, "worth-rating").locator(".film").nth(7)
    give(film, "4")
    if not has_scripts:
        film.get_by_role("button", name="Rate").click()
    expect(region(page, "suggestions").get_by_role("heading", level=2)).to_have_text("Suggested for you")
    expect(region(page, "suggestions").locator(".film").first).to_be_in_viewport(ratio=0.9)
    order = page.locator("main h2").all_inner_texts()
    assert order.index("Suggested for you") < order.index("Have you seen these?")
    # Once it is the other way round, nothing scrolls by itself.
    before = page.evaluate("scrollY")
    if has_scripts:
        press(region(page, "suggestions").locator(".film").first, "Not interested")
        expect(region(page, "status")).to_contain_text("will not be suggested")
        assert page.evaluate("scrollY") == before


@WITH_AND_WITHOUT
def test_films_that_were_not_seen_make_room_for_others(
    new_visitor: Callable[..., Visitor], has_scripts: bool
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=PHONE)
    page = visitor.go("/")
    asked = titles(region(page, "worth-rating"))
    press(film_called(region(page, "worth-rating"), asked[2]), "Not seen")
    expect(region(page, "status")).to_contain_text(f"You have not seen {asked[2]}.")
    after = titles(region(page, "worth-rating"))
    assert len(after) == 9 and asked[2] not in after
    region(page, "status").get_by_role("button", name="Undo").click()
    expect(film_called(region(page, "worth-rating"), asked[2])).to_be_visible()
    assert titles(region(page, "worth-rating")) == asked
    page.get_by_role("button", name="I have seen none of these: show others").click()
    expect(film_called(region(page, "worth-rating"), asked[0])).to_have_count(0)
    others = titles(region(page, "worth-rating"))
    assert len(others) == 9 and not set(others) & set(asked)
    # What was not seen may well be suggested.
    assert set(asked) & set(titles(region(page, "suggestions")))
    visitor.go("/")
    assert titles(region(page, "worth-rating")) == others


def test_further_suggestions_come_by_a_link_without_scripts(visitor_without_scripts: Visitor) -> None:
    page = visitor_without_scripts.go("/")
    first = titles(region(page, "suggestions"))
    assert len(first) == 12
    for n_further in (24, 48):
        page.get_by_role("link", name="Show more suggestions").click()
        expect(region(page, "further").locator(".film")).to_have_count(n_further)
    further = titles(region(page, "further"))
    assert titles(region(page, "suggestions")) == first
    assert len({*first, *further}) == 60


def test_further_suggestions_come_by_themselves_with_scripts_and_come_to_an_end(visitor: Visitor) -> None:
    page = visitor.go("/")
    for n_further in (24, 48, 72, 96):
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(region(page, "further").locator(".film")).to_have_count(n_further)
    expect(page.get_by_role("link", name="Show more suggestions")).to_have_count(0)
    page.get_by_role("contentinfo").scroll_into_view_if_needed()
    shown = titles(region(page, "further"))
    assert len(set(shown)) == 96
    page.reload()
    assert titles(region(page, "further")) == shown
