"""Titles on posters, measured in the browser that draws them."""

from __future__ import annotations

import random
import string

import pytest
from playwright.sync_api import Browser

import matinee
from matinee.web.cinema.films import Film
from matinee.web.pages.posters import MARGIN, WIDTH, poster_of
from matinee.web.rendering.templating import template_module
from tests.web.end_to_end.conftest import HANG_MILLISECONDS

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

MEASURE = (
    "() => [...document.querySelectorAll('text')].map((text) => [text.textContent, text.getBBox().width])"
)


def test_no_title_is_wider_than_its_poster(chromium: Browser) -> None:
    choose = random.Random(1)
    letters = string.ascii_letters + string.digits + "     :-'&"
    titles = [movie.title for movie in matinee.load_movies("demo").values()]
    titles += ["".join(choose.choices(letters, k=choose.randint(1, 60))).strip() or "M" for _ in range(300)]
    titles += ["M", "W" * 60, "m" * 60, "Éééééééééé", "ЖЖЖЖ ЖЖЖ", "東京物語"]
    draw = template_module("parts/films.html").poster
    films = [Film(str(place), title, 1979, ("Drama",), 1, 0) for place, title in enumerate(titles)]
    page = chromium.new_page()
    page.set_default_timeout(HANG_MILLISECONDS)
    page.set_content("".join(draw(film, poster_of(film)) for film in films))
    page.add_style_tag(content=".poster { font-family: system-ui, sans-serif }")
    measured = page.evaluate(MEASURE)
    page.close()
    assert len(measured) >= len(titles)
    assert [one for one in measured if one[1] > WIDTH - 2 * MARGIN + 1] == []
