"""Pages say of whom the ratings are: of people, or of the simulated viewers of the built-in cinema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import matinee
from matinee.web.store import visitor_counts
from tests.web.server_process import HANG_SECONDS
from tests.web.site import Site

PATHS = ("/", "/films/1", "/report", "/search", "/login")


def test_the_viewers_of_the_built_in_cinema_are_called_simulated_on_every_page(quick_site: Site) -> None:
    client = quick_site.client()
    pages = {path: client.get(path).text for path in PATHS}
    for path, html in pages.items():
        assert "simulated viewers. The films are real; the viewers are not." in html, path
        assert "people with your taste" not in html and ">People<" not in html, path
    assert "the 6,000 viewers are simulated" in pages["/"]
    assert "How the simulated viewers rated it" in pages["/films/1"]
    assert "<dt>Simulated viewers</dt><dd>6,000</dd>" in pages["/report"]


def test_people_are_not_called_simulated(make_site: Callable[..., Site], tmp_path: Path) -> None:
    movies = tmp_path / "movies.csv"
    matinee.load_movies("demo").to_frame().select("item", "title").rename({"item": "movieId"}).write_csv(
        movies
    )
    client = make_site(movies=str(movies)).client()
    for path in PATHS:
        assert "simulated" not in client.get(path).text, path


def test_a_report_without_visitors_says_so_and_has_no_empty_chart(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Counts that take longer are not made again for every page.
    monkeypatch.setattr(visitor_counts, "QUICK_SECONDS", HANG_SECONDS)
    empty = quick_site.client().get("/report").text
    assert empty.count('<figure class="chart">') == 1
    assert "No visitor has rated a film yet." in empty and "Nothing was rated in the last 30 days." in empty
    quick_site.browser().post("/films/1/rating", rating="4")
    full = quick_site.client().get("/report").text
    assert full.count('<figure class="chart">') == 3 and "Nothing was rated" not in full
