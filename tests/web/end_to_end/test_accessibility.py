"""What axe-core, a narrow screen and hostile names find at fault with the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.web.end_to_end.conftest import DESKTOP, LONG, NASTY, PHONE, Visitor
from tests.web.end_to_end.test_visiting import (
    PASSWORD,
    assert_rated,
    film_called,
    give,
    name_of,
    press,
    region,
    titles,
)

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The only rule that the colours of the scheme have a part in.
CONTRAST = ["color-contrast"]
RUN_AXE = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map(({ id, impact, nodes }) => [impact, id, nodes.map((node) => node.html)]);
}"""


SCHEMES: dict[Literal["light", "dark"], list[str]] = {"light": RULES, "dark": CONTRAST}


def assert_sound(page: Page, axe: str) -> None:
    """Nothing found by axe, and nothing wider than the screen: light and dark, on a phone and at a desk.

    Where a test comes by phone and from a desk, one of the two is enough to find that of both.
    """
    page.evaluate(axe)
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        # The message at the lower edge hides a part of what is below it, wherever the page was left.
        page.evaluate("scrollTo(0, 0)")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{page.url} is {overflow} pixels wider than {size['width']}"
        for scheme, rules in SCHEMES.items():
            page.emulate_media(color_scheme=scheme)
            found: list[Any] = page.evaluate(RUN_AXE, rules)
            assert found == [], f"{page.url}, {scheme}, {size['width']} wide"


def test_axe_would_find_a_fault(visitor: Visitor, axe: str) -> None:
    page = visitor.go("/")
    page.evaluate(axe)
    page.evaluate("document.querySelector('label[for=search]').remove()")
    page.evaluate("document.getElementById('search').removeAttribute('placeholder')")
    assert ["critical", "label"] in [found[:2] for found in page.evaluate(RUN_AXE, RULES)]


@pytest.mark.parametrize("path", ["/", "/search", "/ratings", "/report", "/register", "/login", "/recover"])
def test_axe_finds_nothing_on_the_pages_of_a_newcomer(visitor: Visitor, axe: str, path: str) -> None:
    assert_sound(visitor.go(path), axe)


@pytest.mark.parametrize("server", ["blended_server"], indirect=True)
def test_axe_finds_nothing_at_the_sliders(visitor: Visitor, axe: str) -> None:
    page = visitor.go("/")
    give(region(page, "worth-rating").locator(".film").first, "4")
    for name in ("Suggest films that are safe", "Variety of the suggestions"):
        expect(page.get_by_role("slider", name=name)).to_be_visible()
    assert_sound(page, axe)


def test_axe_finds_nothing_on_the_pages_of_somebody_who_has_rated(visitor: Visitor, axe: str) -> None:
    page = visitor.go("/search?q=blade")
    give(film_called(region(page, "found"), "Blade Runner"), "4.5")
    expect(region(page, "status")).to_contain_text("You gave Blade Runner")
    assert_sound(page, axe)
    page = visitor.go("/")
    press(region(page, "suggestions").locator(".film").first, "Not interested")
    expect(region(page, "status")).to_contain_text("will not be suggested")
    page.get_by_role("searchbox").press_sequentially("star")
    expect(page.locator("#results h2")).to_contain_text("“star”")
    assert_sound(page, axe)
    assert_sound(visitor.go("/ratings"), axe)
    page.get_by_role("link", name="Blade Runner").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Blade Runner")
    page.get_by_text("Show as a table").click()
    assert_sound(page, axe)


def test_axe_finds_nothing_on_the_pages_of_an_account(visitor: Visitor, axe: str) -> None:
    visitor.expected_statuses = {401, 404, 422}
    visitor.register(name := name_of(visitor, "Rosalind"), PASSWORD)
    code = visitor.page.locator("code").inner_text()
    assert_sound(visitor.page, axe)
    visitor.go("/account").get_by_role("button", name="Log out").click()
    page = visitor.go("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_sound(page, axe)
    page.get_by_role("link", name="Set another by your recovery code").click()
    for typed in ("0000 0000 0000 0000 0000", code.lower()):
        page.get_by_label("Name").fill(name)
        page.get_by_label("Recovery code").fill(typed)
        page.get_by_label("New password").fill("some other words")
        page.get_by_role("button", name="Set the password").click()
        if typed != code.lower():
            expect(page.get_by_role("alert")).to_be_visible()
            assert_sound(page, axe)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new password is set")
    visitor.go("/account")
    page.get_by_text("I have lost my recovery code").click()
    page.get_by_label("What is it for?").fill("a program")
    page.get_by_role("button", name="Make a token").click()
    page.get_by_text("I want to delete it").click()
    assert_sound(page, axe)
    assert_sound(visitor.go("/nowhere"), axe)


def test_names_that_are_scripts_are_shown_and_not_run(visitor: Visitor) -> None:
    page = visitor.go("/search?q=alert")
    assert titles(region(page, "found")) == [NASTY]
    give(page.locator(".film"), "3")
    expect(region(page, "status")).to_contain_text(f"You gave {NASTY} 3 stars.")
    page.get_by_role("searchbox").fill("<script>alert(3)</script>")
    expect(region(page, "found")).to_contain_text("“<script>alert(3)</script>”")
    visitor.go("/").get_by_role("searchbox").press_sequentially("alert")
    expect(page.locator("#results h3")).to_have_text(NASTY)
    page.locator("#results h3 a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NASTY)
    visitor.register(name := "<script>alert(2)</script>", PASSWORD)
    visitor.log_in(name, PASSWORD)
    expect(page.get_by_role("navigation", name="Your pages")).to_contain_text(name)
    assert_rated(visitor, {NASTY: "3"})


@pytest.mark.parametrize("width", [320, 390])
def test_a_long_title_and_a_long_name_fit_a_narrow_screen(
    new_visitor: Callable[..., Visitor], width: int
) -> None:
    visitor = new_visitor(viewport={"width": width, "height": 700})
    visitor.register(name := f"{width}{'W' * 61}", PASSWORD)
    visitor.log_in(name, PASSWORD)
    page = visitor.go(f"/search?q={LONG}")
    expect(region(page, "found").locator("h3")).to_have_text(LONG)
    give(page.locator(".film"), "4.5")
    expect(region(page, "status")).to_contain_text(LONG)
    for path in (None, "/", "/ratings", "/account", "/report"):
        if path:
            visitor.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
