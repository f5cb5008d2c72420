"""A visit in German, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.web.end_to_end.conftest import DESKTOP, PHONE, Visitor
from tests.web.end_to_end.test_accessibility import assert_sound
from tests.web.end_to_end.test_visiting import give, name_of, region

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")


@pytest.mark.parametrize(
    ("has_scripts", "size"),
    [(True, PHONE), (False, PHONE), (True, DESKTOP), (False, DESKTOP)],
    ids=["phone", "phone without scripts", "desktop", "desktop without scripts"],
)
def test_who_chooses_german_is_answered_in_german(
    new_visitor: Callable[..., Visitor], axe: str, has_scripts: bool, size: ViewportSize
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=size)
    page = visitor.go("/")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Was siehst du als Nächstes?")
    if has_scripts and size == DESKTOP:
        assert_sound(page, axe)
        page.set_viewport_size(size)
    film = region(page, "worth-rating").locator(".film").first
    give(film, "4.5")
    if not has_scripts:
        film.get_by_role("button", name="Bewerten").click()
    expect(region(page, "status")).to_contain_text("4½ Sterne.")
    expect(region(page, "suggestions").get_by_role("heading", level=2)).to_have_text("Vorschläge für dich")
    expect(region(page, "suggestions")).to_contain_text("Weil du")
    if has_scripts and size == DESKTOP:
        assert_sound(page, axe)
        page.set_viewport_size(size)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("link", name="My ratings")).to_be_visible()


def test_a_german_browser_is_answered_in_german_at_once(
    new_visitor: Callable[..., Visitor], axe: str
) -> None:
    visitor = new_visitor(locale="de-DE")
    for path, heading in (
        ("/search", "Alle Filme"),
        ("/report", "Wie gut sind die Vorschläge?"),
        ("/taste", "Mein Geschmack"),
    ):
        page = visitor.go(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert_sound(page, axe)
    page = visitor.go("/")
    page.get_by_role("searchbox").press_sequentially("godfater")
    expect(page.locator("#results h2")).to_contain_text("Kein Film zu „godfater“, aber 3 Filme")
    visitor.go("/register")
    page.get_by_label("Name").fill(name := name_of(visitor, "Käthe"))
    page.get_by_label("Passwort").fill("mehrere Wörter am Stück")
    page.get_by_role("main").get_by_role("button", name="Registrieren").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Willkommen, {name}")
