"""What visitors type is escaped."""

from __future__ import annotations

from tests.web.site import Site


def test_what_a_visitor_types_is_escaped(quick_site: Site) -> None:
    nasty = "<script>alert('x')</script>\"'"
    browser = quick_site.browser()
    for text in (
        browser.get("/", params={"q": nasty}).text,
        browser.post("/login", name=nasty, password="not the password").text,
        browser.get(f"/{nasty}").text,
    ):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
