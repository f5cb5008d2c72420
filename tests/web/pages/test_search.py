"""The search page."""

from __future__ import annotations

import re

import matinee
from tests.web.site import Site


def test_pages_of_a_search_hold_every_film_once(quick_site: Site) -> None:
    client = quick_site.client()
    address, seen = "/search?genre=Western", list[str]()
    while address:
        html = client.get(address).text
        seen += re.findall(r'<h3><a href="/films/([^"]*)"', html)
        following = re.search(r'<a href="([^"]*)" rel="next">', html)
        address = following[1].replace("&amp;", "&") if following else ""
    expected = [str(item) for item, movie in matinee.load_movies("demo").items() if "Western" in movie.genres]
    assert sorted(seen) == sorted(expected)
    assert "The list ends before this page" in client.get("/search?q=alien&part=99").text
