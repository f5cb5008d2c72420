"""Pages in the language of their visitor: every text has its translation, and the visitor's choice counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import matinee
from matinee.web import languages
from matinee.web.cinema.statistics import STARS
from matinee.web.pages.ratings import ORDERS
from matinee.web.rendering import wording
from matinee.web.rendering.messages import MESSAGES
from tests.web.site import Site, headings

PACKAGE = Path(languages.__file__).parent
TEMPLATES = "**/templates/**.html"
with (languages.FOLDER / "de" / "LC_MESSAGES" / "matinee.po").open("rb") as file:
    GERMAN = read_po(file, locale="de")
UNITS = ("film", "rating", "time", "factor", "iteration", "second", "minute", "hour", "day")


def marked() -> Iterator[Any]:
    """All texts that templates and modules mark for translation: text, or a pair of one and many."""
    found = extract_from_dir(
        PACKAGE,
        method_map=[(TEMPLATES, "jinja2.ext:babel_extract"), ("**.py", "python")],
        options_map={TEMPLATES: {"encoding": "utf-8", "newstyle_gettext": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
    )
    for _, _, text, _, _ in found:
        yield text
    yield from (words for words, _ in ORDERS.values())
    yield from MESSAGES
    yield from {genre for movie in matinee.load_movies("demo").values() for genre in movie.genres}
    yield from ((f"%(number)s {unit}", f"%(number)s {unit}s") for unit in UNITS)


@pytest.mark.filterwarnings("ignore")
def test_every_text_has_a_german_translation_with_the_same_blanks_and_tags() -> None:
    def parts(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)s|%%|</?\w+", text))

    n_checked = 0
    for text in marked():
        message = GERMAN.get(text)
        assert message is not None and message.string and not message.fuzzy, text
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        sources = [text] if isinstance(text, str) else list(text)
        for source, translated in zip(sources, strings, strict=True):
            assert translated and parts(source) == parts(translated), source
        n_checked += 1
    assert n_checked > 300


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.5", "de"),
        ("en-GB,en;q=0.9,de;q=0.5", "en"),
        ("fr;q=0.9,de;q=0.8,en;q=0.1", "de"),
        ("ja", "en"),
        ("de;q=0", "en"),
        ("de;q=x,en", "en"),
        (";;,,q=" * 200, "en"),
        ("\u00e4", "en"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_prefers(
    quick_site: Site, header: str, expected: str
) -> None:
    html = quick_site.client().get("/login", headers={"Accept-Language": header.encode()}).text
    assert f'<html lang="{expected}"' in html
    assert ("<h1>Anmelden</h1>" in html) == (expected == "de")


def test_the_language_that_was_chosen_stays_through_logging_in_and_out(quick_site: Site) -> None:
    browser = quick_site.browser()
    assert (
        browser.post("/language", language="de", next="/search?q=alien").headers["location"]
        == "/search?q=alien"
    )
    for step in (lambda: None, lambda: browser.register("Ada"), lambda: browser.post("/logout")):
        step()
        assert '<html lang="de"' in browser.get("/search?q=alien", headers={"Accept-Language": "en"}).text
    browser.post("/language", language="en")
    assert '<html lang="en"' in browser.get("/", headers={"Accept-Language": "de"}).text
    assert browser.post("/language", language="tlh").status_code == 404
    assert browser.post("/language", language="de", next="//evil.example").headers["location"] == "/"


def test_two_visitors_are_answered_each_in_their_own_language(quick_site: Site) -> None:
    german, english = quick_site.client(), quick_site.client()
    for _ in range(3):
        assert (
            "Filme, die meistbewerteten zuerst"
            in german.get("/search", headers={"Accept-Language": "de"}).text
        )
        assert "films, the most rated first" in english.get("/search").text


def test_numbers_days_genres_and_messages_are_german_on_a_german_page(
    quick_site: Site, items: dict[str, str]
) -> None:
    browser = quick_site.browser()
    browser.post("/language", language="de")
    for title, stars in (("Alien", "5"), ("Aliens", "0.5"), ("Notting Hill", "1")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    report = browser.get("/report").text
    assert "<dd>6.000</dd>" in report and re.search(
        r"\d{3}\.\d{3} Bewertungen, im Mittel \d,\d Sterne", unescape(report)
    )
    film = browser.get(f"/films/{items['Blade Runner']}").text
    assert "Science-Fiction</a>" in film and "Weil du" in film
    assert re.search(r"<strong>\d,\d Sterne</strong>", film)
    assert "ein halber Stern" in browser.get(f"/?changed={items['Aliens']}").text
    assert 'value="Sci-Fi"' in browser.get("/").text
    assert headings(browser.get("/?genre=Sci-Fi").text, "suggestions")
    refused = browser.post("/register", name="A", password="several words").text
    assert "ein Name braucht 2 bis 64 Zeichen" in refused
    assert "Hier ist nichts" in browser.get("/nowhere").text


def test_in_english_nothing_of_the_wording_has_changed() -> None:
    assert [wording.in_stars(stars) for stars in STARS[:4]] == [
        "half a star",
        "1 star",
        "1½ stars",
        "2 stars",
    ]
    assert wording.counted(1, "film") == "1 film" and wording.counted(1234, "film") == "1,234 films"
    assert wording.day(1_709_596_800_000) == "5 March 2024"
    assert wording.in_range(2.6, 4.8) == "2½ to 5"
    assert languages.decimal(3.25, 2) == "3.25" and languages.signed(-0.54) == "−0.5"
    assert wording.age(0, now=7300) == "2 hours ago"


def test_what_comes_from_elsewhere_is_escaped_in_every_language(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    nasty = "<script>alert(1)</script>"
    movies = tmp_path / "movies.dat"
    movies.write_text(f'1::{nasty} (1980)::{nasty}|"><b>\n2::Plain (1981)::Drama\n', encoding="utf-8")
    browser = make_site(movies=str(movies)).browser()
    for language in languages.LANGUAGES:
        browser.post("/language", language=language)
        browser.post("/films/1/rating", rating="5")
        browser.post("/films/2/watchlist")
        paths = ["/", "/?changed=1", "/films/1", "/films/1/like", "/search?q=alert", f"/search?q={nasty}"]
        for path in (*paths, f"/search?genre={nasty}", "/ratings", "/watchlist", "/taste", "/report"):
            html = browser.get(path).text
            assert f'<html lang="{language}"' in html
            assert "<script>alert" not in html and '"><b>' not in html, path
