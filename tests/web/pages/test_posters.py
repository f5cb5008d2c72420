"""Posters: the same for the same film, legible, and with room for every title."""

from __future__ import annotations

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import matinee
from matinee.web.cinema.films import Film
from matinee.web.pages.motifs import MOTIFS
from matinee.web.pages.posters import (
    HEIGHT,
    LINE,
    MARGIN,
    OTHERS,
    PALETTES,
    TELLING,
    TITLE_TOP,
    WIDTH,
    Palette,
    fitted_title,
    most_telling,
    palette_of,
    poster_of,
)

GENRES = sorted({genre for movie in matinee.load_movies("demo").values() for genre in movie.genres})


def film(title: str, *genres: str) -> Film:
    return Film("1", title, 1979, genres, 10, 0)


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [*PALETTES.values(), *OTHERS])
def test_the_title_stands_out_from_its_ground(palette: Palette) -> None:
    dark, light = sorted((luminance(palette.ground), luminance(palette.ink)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_every_genre_has_colours_of_its_own() -> None:
    assert set(GENRES) <= set(PALETTES) == set(TELLING)
    assert len(set(PALETTES.values())) == len(PALETTES)
    assert palette_of("Telenovela") is palette_of("Telenovela")
    assert most_telling(("Action", "Adventure", "Sci-Fi")) == "Sci-Fi"
    assert most_telling(()) == "" and most_telling(("Telenovela",)) == "Telenovela"


def test_a_film_has_one_poster_and_films_of_a_genre_have_several() -> None:
    assert poster_of(film("Alien", "Horror")) == poster_of(film("Alien", "Horror"))
    drawn = {poster_of(film(f"Film {number}", "Horror")).shapes for number in range(100)}
    assert len(drawn) > 3 * len(MOTIFS)


@given(st.text(string.ascii_letters + string.digits + " :',.-éßñЖ東ｗ", min_size=1, max_size=60))
def test_titles_of_up_to_sixty_letters_are_there_in_full_and_have_room(title: str) -> None:
    words = title.split()
    size, lines = fitted_title(title)
    assert "".join(lines).replace(" ", "") == "".join(words)
    assert size >= 9
    baselines = [line.y for line in poster_of(film(title)).lines]
    assert all(y - 0.8 * size >= TITLE_TOP and y + 0.25 * size <= HEIGHT - 2 for y in baselines)
    steps = [after - before for before, after in itertools.pairwise(baselines)]
    assert all(step == pytest.approx(size * LINE, abs=0.02) for step in steps)


def test_a_title_without_end_is_cut_rather_than_spilt() -> None:
    size, lines = fitted_title("word " * 1_000)
    assert len(lines) * LINE * size <= HEIGHT - TITLE_TOP - MARGIN / 2
    assert lines[-1].endswith("…")
    assert WIDTH > 2 * MARGIN
