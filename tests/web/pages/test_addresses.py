"""No form and no link of a page leads to another server."""

from __future__ import annotations

import re

import pytest

from tests.web.site import Site


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\t/e"]
)
def test_after_logging_in_nobody_is_sent_elsewhere(quick_site: Site, target: str) -> None:
    browser = quick_site.browser()
    browser.register("Ada")
    answer = browser.post("/login", name="Ada", password="a long password", next=target)
    assert answer.headers["location"] == "/"


def test_no_link_of_a_page_leads_to_another_server(quick_site: Site, items: dict[str, str]) -> None:
    browser = quick_site.browser()
    for path in ("//evil.example", "///evil.example", "/%5Cevil.example"):
        text = browser.get(f"http://testserver{path}?changed={items['Alien']}").text
        links = re.findall(r'(?:href|action|value)="([^"]*)"', text)
        assert links
        assert not [link for link in links if link.startswith(("//", "/\\")) or "://" in link]
