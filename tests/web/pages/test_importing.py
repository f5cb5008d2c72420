"""Ratings from another site: shown first, and stored if the visitor agrees."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import matinee
from tests.web.site import Browser, Site

LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2020-01-01,Alien,1979,https://boxd.it/1,5
2020-01-02,Amelie,2001,https://boxd.it/2,2.5
2020-01-03,Blade Runner: The Final Cut,1982,https://boxd.it/3,4
2020-01-04,<script>alert(1)</script>,1999,https://boxd.it/4,1
"""
IMDB = """Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres
tt0078748,9,2020-01-02,Alien,https://…,movie,8.5,117,1979,Horror
tt0073195,1,2020-01-02,Jaws,https://…,movie,8.5,117,1975,Horror
"""
MOVIELENS = """movie_id,imdb_id,tmdb_id,rating,average_rating,title
1214,0078748,348,4.5,4.0,Alien (1979)
1387,0073195,578,3.0,4.0,Jaws (1975)
"""


def upload(browser: Browser, content: str | bytes, name: str = "ratings.csv") -> Any:
    return browser.client.post(
        "/ratings/import", data={"csrf_token": browser.csrf_token}, files={"export": (name, content)}
    )


def confirm(browser: Browser, preview: str, **fields: str) -> Any:
    found = re.search(r'name="ratings" value="([^"]*)"', preview)
    assert found
    return browser.post("/ratings/import/confirm", ratings=html.unescape(found[1]), **fields)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LETTERBOXD, {"Alien": 5.0, "Amélie": 2.5, "Blade Runner": 4.0}),
        (IMDB, {"Alien": 4.5, "Jaws": 0.5}),
        (MOVIELENS, {"Alien": 4.5, "Jaws": 3.0}),
    ],
    ids=["letterboxd", "imdb", "movielens"],
)
def test_an_export_is_shown_and_stored_once_it_is_agreed_to(
    site: Site, items: dict[str, str], content: str, expected: dict[str, float]
) -> None:
    browser = site.browser()
    preview = upload(browser, content)
    assert preview.status_code == 200, preview.text
    assert f"{len(expected)} films of" in preview.text
    assert browser.ratings() == {}
    answer = confirm(browser, preview.text)
    assert answer.headers["location"] == f"/ratings?imported={len(expected)}"
    assert browser.ratings() == {items[title]: stars for title, stars in expected.items()}
    assert f"{len(expected)} ratings imported." in browser.get(answer.headers["location"]).text


def rated_at(browser: Browser) -> dict[str, int]:
    """When each item was rated, in Unix milliseconds."""
    return {one["item"]: one["rated_at"] for one in browser.call("GET", "/me/ratings").json()["ratings"]}


def in_milliseconds(*day: int) -> int:
    return int(1000 * datetime(*day, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def test_the_dates_of_an_export_are_kept(site: Site, items: dict[str, str]) -> None:
    browser = site.browser()
    confirm(browser, upload(browser, LETTERBOXD).text)
    expected = {"Alien": (2020, 1, 1), "Amélie": (2020, 1, 2), "Blade Runner": (2020, 1, 3)}
    assert rated_at(browser) == {items[title]: in_milliseconds(*day) for title, day in expected.items()}
    assert "Rated on 3 January 2020" in browser.get("/ratings").text
    other = site.browser()
    confirm(other, upload(other, browser.get("/ratings.csv").content).text)
    assert rated_at(other) == rated_at(browser)


def test_imdbs_dates_are_kept_and_where_there_is_none_or_a_later_one_it_is_now(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    confirm(browser, upload(browser, IMDB.replace("2020-01-02,Jaws", "2999-01-01,Jaws")).text)
    began = in_milliseconds(*datetime.now(UTC).timetuple()[:3])
    assert rated_at(browser)[items["Alien"]] == in_milliseconds(2020, 1, 2)
    assert rated_at(browser)[items["Jaws"]] >= began
    other = quick_site.browser()
    confirm(other, upload(other, MOVIELENS).text)
    assert min(rated_at(other).values()) >= began


def test_what_is_not_here_is_named_and_escaped(quick_site: Site) -> None:
    preview = upload(quick_site.browser(), LETTERBOXD).text
    assert "3 films of 4 rated at Letterboxd are here." in preview
    assert "<h2>Not found here</h2>" in preview
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (1999)" in preview and "<script>alert" not in preview


def test_stars_given_here_stay_unless_they_are_to_be_replaced(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    browser.post(f"/films/{items['Alien']}/rating", rating="1")
    preview = upload(browser, LETTERBOXD).text
    assert "Replace the stars of 1 film that you have rated here already" in preview
    confirm(browser, preview)
    assert browser.ratings()[items["Alien"]] == 1.0
    confirm(browser, preview, replace="1")
    assert browser.ratings()[items["Alien"]] == 5.0


def test_the_whole_archive_of_letterboxd_and_ones_own_download_are_read(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser, other = quick_site.browser(), quick_site.browser()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ratings.csv", LETTERBOXD)
        file.writestr(
            "watchlist.csv", "Date,Name,Year,Letterboxd URI\n2020-01-01,Jaws,1975,https://boxd.it/9\n"
        )
    confirm(browser, upload(browser, archive.getvalue(), "letterboxd.zip").text)
    assert len(browser.ratings()) == 3
    confirm(other, upload(other, browser.get("/ratings.csv").content, "matinee-ratings.csv").text)
    assert other.ratings() == browser.ratings()


@pytest.mark.parametrize("content", [b"", b"no export", b"\x00\xff" * 50, b"PK\x03\x04broken", b"a,b\n1,2\n"])
def test_a_file_that_is_no_export_is_refused_without_a_path_of_the_server(
    quick_site: Site, content: bytes
) -> None:
    answer = upload(quick_site.browser(), content)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert "/tmp" not in answer.text and "matinee-import" not in answer.text


@pytest.mark.parametrize(
    "ratings",
    [
        *(
            "",
            "{",
            "[]",
            "[1]",
            '{"1": 7}',
            '{"1": "x"}',
            '{"1": null}',
            '{"1": [7, null]}',
            '{"1": ["x", 1]}',
        ),
        *('{"1": [4, -1]}', '{"1": [4, 1e99]}', '{"1": [4, "x"]}', '{"1": [4, true]}', '{"1": [4, 9e15]}'),
        '{"1": [4, 9999999999999999]}',
    ],
)
def test_a_form_that_was_tampered_with_stores_nothing(quick_site: Site, ratings: str) -> None:
    browser = quick_site.browser()
    assert browser.post("/ratings/import/confirm", ratings=ratings).status_code == 422
    assert browser.ratings() == {}


def test_a_film_is_found_by_its_id_at_imdb_if_there_are_links(
    make_site: Callable[..., Site], tmp_path: Path, items: dict[str, str]
) -> None:
    movies = matinee.load_movies("demo").to_frame().select("item", "title").rename({"item": "movieId"})
    movies.write_csv(tmp_path / "movies.csv")
    (tmp_path / "links.csv").write_text(f"movieId,imdbId,tmdbId\n{items['Psycho']},0054215,539\n")
    browser = make_site(movies=str(tmp_path / "movies.csv")).browser()
    content = IMDB + "tt0054215,10,2020-01-02,Another title,https://…,movie,8.5,117,1960,Horror\n"
    confirm(browser, upload(browser, content).text)
    assert browser.ratings()[items["Psycho"]] == 5.0


def test_more_ratings_than_are_stored_at_once_are_all_stored(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matinee.web.visits.visit.N_AT_ONCE", 2)
    browser = quick_site.browser()
    confirm(browser, upload(browser, LETTERBOXD).text)
    assert len(browser.ratings()) == 3
