"""What holds for every page: escaping, no scripts of others, errors in the layout."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.site import Site

NASTY = "<script>alert(1)</script>"


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
