"""Draws posters from a film's title, year and genres. The same film always gets the same poster."""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache

from matinee.web.cinema.films import Film
from matinee.web.pages.motifs import MOTIFS, Shape

WIDTH, HEIGHT, MARGIN = 200, 300, 16
# The title is below the drawing, on the plain background.
TITLE_TOP, TITLE_HEIGHT, LINE = 172, 114, 1.12
# A word that is too long for a line is broken, as smaller letters could not be read.
LARGEST, SMALLEST_WHOLE, SMALLEST = 38, 14, 9
# Longer titles are cut. The full title stands beside the poster.
LONGEST_TITLE = 120


@dataclass(frozen=True)
class Palette:
    """The colours of a genre. The contrast of the ink to the ground is at least 4.5."""

    ground: str
    shape: str
    accent: str
    ink: str


PALETTES = {
    "Action": Palette("#7f1d1d", "#b91c1c", "#fbbf24", "#fff7ed"),
    "Adventure": Palette("#14532d", "#2f7d4f", "#facc15", "#f7fee7"),
    "Animation": Palette("#fde68a", "#f97316", "#0e7490", "#3b1d0a"),
    "Children": Palette("#bae6fd", "#38bdf8", "#f43f5e", "#0c2a4d"),
    "Comedy": Palette("#fcd34d", "#fb7185", "#7c3aed", "#3a1703"),
    "Crime": Palette("#1f2430", "#3f4a5f", "#dc2626", "#f1f5f9"),
    "Documentary": Palette("#e7e2d6", "#b9ae97", "#3f6212", "#26221a"),
    "Drama": Palette("#3b2f4a", "#6d5a86", "#e8a87c", "#faf5ff"),
    "Fantasy": Palette("#312e81", "#6366f1", "#f0abfc", "#eef2ff"),
    "Film-Noir": Palette("#111111", "#3a3a3a", "#e5e5e5", "#f5f5f5"),
    "Horror": Palette("#190b0b", "#5f1414", "#b5c99a", "#fde8e8"),
    "Musical": Palette("#831843", "#db2777", "#fde047", "#fff1f7"),
    "Mystery": Palette("#0f3036", "#1f5b63", "#e2b659", "#ecfeff"),
    "Romance": Palette("#fbcfd4", "#f08a9b", "#9f1239", "#4c0519"),
    "Sci-Fi": Palette("#07203f", "#155e8a", "#5eead4", "#e6f7ff"),
    "Thriller": Palette("#252319", "#57523a", "#f59e0b", "#fefce8"),
    "War": Palette("#3a3d29", "#646a45", "#c2410c", "#f4f3e6"),
    "Western": Palette("#f0c48a", "#c2773c", "#7c2d12", "#3b1605"),
}
# The genre that says most about a film comes first; nearly every film is a drama.
TELLING = (
    *("Film-Noir", "Western", "Musical", "Animation", "Horror", "Sci-Fi", "War", "Documentary", "Fantasy"),
    *("Mystery", "Crime", "Romance", "Children", "Thriller", "Adventure", "Action", "Comedy", "Drama"),
)
# For genres that are not above, chosen by the genre's name, and for films without a genre.
OTHERS = (
    Palette("#1e3a5f", "#3f6ea3", "#f6c177", "#f1f7ff"),
    Palette("#d7e5d0", "#8fb58a", "#7a3e9d", "#1d2b1a"),
    Palette("#4a1d3d", "#84406f", "#f2c14e", "#fff0fa"),
    Palette("#e6d5c3", "#c19a76", "#1d4e63", "#33210f"),
)


@dataclass(frozen=True)
class Line:
    """A line of the title, and the height of its baseline."""

    text: str
    y: float


@dataclass(frozen=True)
class Poster:
    """A poster for a template to draw.

    Attributes
    ----------
    palette : Palette
    shapes : tuple of Shape
        The drawing above the title.
    lines : tuple of Line
    size : float
        The size of the title's letters, in units of the poster, which is 200 wide and 300 high.
    year, genre : str
        May be empty.
    """

    palette: Palette
    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]
    size: float
    year: str
    genre: str


@lru_cache(maxsize=4096)
def poster_of(film: Film) -> Poster:
    """The poster of a film."""
    genre = most_telling(film.genres)
    seed = zlib.crc32(film.title.encode("utf-8", "surrogatepass"))
    palette = palette_of(genre)
    shapes = MOTIFS[seed % len(MOTIFS)](seed // len(MOTIFS), palette.shape, palette.accent)
    size, texts = fitted_title(film.title)
    # The last line touches the lower margin.
    bottom = TITLE_TOP + TITLE_HEIGHT - 0.24 * size
    baselines = [bottom - size * LINE * (len(texts) - 1 - place) for place in range(len(texts))]
    lines = tuple(Line(text, round(y, 2)) for text, y in zip(texts, baselines, strict=True))
    return Poster(palette, shapes, lines, size, str(film.year or ""), genre)


def most_telling(genres: tuple[str, ...]) -> str:
    """The genre that decides the colours of the poster; empty for a film without genres."""
    return next((genre for genre in TELLING if genre in genres), genres[0] if genres else "")


def palette_of(genre: str) -> Palette:
    """The colours of a genre, which never change."""
    known = PALETTES.get(genre)
    return known or OTHERS[zlib.crc32(genre.encode("utf-8", "surrogatepass")) % len(OTHERS)]


def fitted_title(title: str) -> tuple[int, list[str]]:
    """The largest size of letters at which a title fits below the drawing, and its lines at that size."""
    text = " ".join(title.split())
    if len(text) > LONGEST_TITLE:
        text = f"{text[: LONGEST_TITLE - 1]}…"
    tried = [(size, False) for size in range(LARGEST, SMALLEST_WHOLE - 1, -1)]
    tried += [(size, True) for size in range(SMALLEST_WHOLE + 4, SMALLEST - 1, -1)]
    lines: list[str] | None = [text]
    for size, break_words in tried:
        lines = _lines(text.split(" "), (WIDTH - 2 * MARGIN) / size, break_words=break_words)
        if lines is not None and len(lines) * LINE * size <= TITLE_HEIGHT:
            return size, lines
    return SMALLEST, (lines or [text])[: int(TITLE_HEIGHT / (LINE * SMALLEST))]


def _lines(words: list[str], room: float, *, break_words: bool) -> list[str] | None:
    """Words in lines of at most this many em; None if a word is too long and must not be broken."""
    lines: list[str] = []
    for gap, piece in _pieces(words):
        if lines and _em(f"{lines[-1]}{gap}{piece}") <= room:
            lines[-1] += f"{gap}{piece}"
            continue
        rest = piece
        while _em(rest) > room:
            if not break_words:
                return None
            fits = next(end for end in range(len(rest) - 1, 0, -1) if end == 1 or _em(rest[:end]) <= room)
            lines.append(rest[:fits])
            rest = rest[fits:]
        lines.append(rest)
    return lines


def _pieces(words: list[str]) -> list[tuple[str, str]]:
    """The pieces that must not be split, each with the gap before it. A line may also end at a hyphen."""
    return [
        (" " if place == 0 else "", piece)
        for word in words
        for place, piece in enumerate(re.findall(r"[^-]*-+|[^-]+", word))
    ]


def _em(text: str) -> float:
    """The greatest width of a bold text in em, in the widest of the common system fonts."""
    return sum(_letter_em(letter) for letter in text)


# Measured on the bold letters of DejaVu Sans and Verdana, the widest of the common system fonts.
WIDTHS = {
    **dict.fromkeys("ijlIJ|", 0.40),
    **dict.fromkeys(" .,:;'’·", 0.42),
    **dict.fromkeys("ft()[]-/!", 0.50),
    **dict.fromkeys("r?*", 0.54),
    **dict.fromkeys("scz", 0.62),
    **dict.fromkeys("aekovxy", 0.69),
    **dict.fromkeys("mM", 1.07),
    **dict.fromkeys("wW%@&…—", 1.13),
}
CAPITAL, SMALL_LETTER, OTHER = 0.86, 0.74, 1.3


@lru_cache(maxsize=4096)
def _letter_em(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    base = unicodedata.normalize("NFD", letter)[0]
    if base in WIDTHS:
        return WIDTHS[base]
    if not base.isascii():
        return OTHER
    return CAPITAL if base.isupper() else SMALL_LETTER
