"""What a page says about the film that was just changed."""

from __future__ import annotations

import re

from tests.web.site import Site


def test_what_was_done_is_told_by_what_is_noted_now(quick_site: Site, items: dict[str, str]) -> None:
    browser, stranger = quick_site.browser(), quick_site.browser()
    item = items["Alien"]
    browser.post(f"/films/{item}/rating", rating="4.5")
    assert "4½ stars." in browser.get(f"/?changed={item}").text.split('role="status"')[1]
    # An address that is passed on tells others of themselves.
    assert "You have not rated" in stranger.get(f"/?changed={item}").text
    assert "notice" not in stranger.get("/?changed=nothing").text


def test_a_form_goes_on_with_the_page_that_it_is_on(quick_site: Site, items: dict[str, str]) -> None:
    html = quick_site.client().get("/search?q=star+wars&changed=7&part=1").text
    found = re.findall(r'name="next" value="([^"]*)"', html)
    # The choice of the language leads back to the page, and changes no film.
    assert found.pop() == "/search?q=star+wars&amp;part=1"
    assert found and {one.rsplit("=", 1)[0] for one in found} == {
        "/search?q=star+wars&amp;part=1&amp;changed"
    }
