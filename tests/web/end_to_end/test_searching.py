"""The search: mistyped titles, the address of its panel, and genres and years as links."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.end_to_end.conftest import DESKTOP, PHONE, Visitor
from tests.web.end_to_end.test_accessibility import assert_sound
from tests.web.end_to_end.test_visiting import region, titles

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")


def search_for(page: Page, words: str) -> None:
    page.get_by_role("searchbox").press_sequentially(words)
    expect(page.locator("#results h2")).to_contain_text(f"“{words}”")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_mistyped_title_is_found_while_it_is_typed(
    new_visitor: Callable[..., Visitor], axe: str, size: dict[str, int]
) -> None:
    page = new_visitor(viewport=size).go("/")
    search_for(page, "godfater")
    expect(page.locator("#results h2")).to_have_text(
        "No film for “godfater”, but 3 films with a similar title"
    )
    assert titles(page.locator("#results"))[:2] == ["The Godfather", "The Godfather Part II"]
    assert_sound(page, axe)


def test_a_mistyped_title_is_found_without_scripts(visitor_without_scripts: Visitor) -> None:
    page = visitor_without_scripts.go("/")
    for typed, title in (("starwars", "Star Wars"), ("terminator two", "Terminator 2: Judgment Day")):
        page.get_by_role("searchbox").fill(typed)
        page.get_by_role("button", name="Search").click()
        expect(region(page, "found").locator("h3").first).to_have_text(title)
        expect(region(page, "found")).to_contain_text(f"No film for “{typed}”")


def test_the_panel_is_there_again_after_loading_the_page_again_and_going_back(visitor: Visitor) -> None:
    page = visitor.go("/?genre=Drama")
    search_for(page, "vertig")
    assert page.url.endswith("/?genre=Drama&find=vertig")
    page.reload()
    expect(page.locator("#results h3")).to_have_text("Vertigo")
    expect(page.get_by_role("searchbox")).to_have_value("vertig")
    page.locator("#results h3 a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vertigo")
    page.go_back()
    expect(page.locator("#results h3")).to_have_text("Vertigo")
    # What was open before the panel is one step further back.
    page.go_back()
    expect(page.locator("#results h3")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_have_value("")
    assert page.url.endswith("/?genre=Drama")
    page.go_forward()
    expect(page.locator("#results h3")).to_have_text("Vertigo")
    page.get_by_role("searchbox").press("Escape")
    expect(page.locator("#results h3")).to_have_count(0)
    assert page.url.endswith("/?genre=Drama")


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_the_genres_and_the_year_of_a_film_are_links(
    new_visitor: Callable[..., Visitor], has_scripts: bool
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts)
    page = visitor.go("/search?q=Alien+1979")
    region(page, "found").get_by_role("link", name="Alien", exact=True).click()
    page.get_by_role("article").get_by_role("link", name="Horror").click()
    page.wait_for_url("**/search?genre=Horror")
    facts = region(page, "found").locator(".film .facts").all_inner_texts()
    assert len(facts) == 24 and all("Horror" in fact for fact in facts)
    region(page, "found").get_by_role("link", name="1980").first.click()
    page.wait_for_url("**/search?year_from=1980&year_to=1980")
    facts = region(page, "found").locator(".film .facts").all_inner_texts()
    assert facts and all(fact.startswith("1980") for fact in facts)
