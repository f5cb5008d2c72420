"""Titles of movies: as people write them, and as what two sources that write them differently share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# The articles that catalogues put behind the title: English, French, Italian, Spanish, German, Dutch, Danish.
ARTICLES = (
    "The", "A", "An", "L'", "Le", "La", "Les", "Un", "Une", "Il", "Lo", "Gli", "Una", "Uno", "El", "Los",
    "Las", "Der", "Die", "Das", "Ein", "Eine", "De", "Het", "Een", "Den", "Det",
)  # fmt: skip
TRAILING_ARTICLE = re.compile(rf"(a\.k\.a\. )?(.+), ({'|'.join(ARTICLES)})")
# "(1995)", also "(1995) (V)" for a video, and "(2006–2007)" or "(2006-)" for a series.
YEAR = re.compile(r"\s*\((\d{4})(?:[-–]\d{0,4})?\)(?: \(V\))?\s*$")
# What says which cut of a movie it is, in brackets or behind a colon or a dash.
CUT = r"(?:cut|edition|version|restored|remaster(?:ed)?|restoration|redux|uncut|unrated|extended|imax|3-?d)"
EDITION = re.compile(
    rf"\s*[(\[][^()\[\]]*\b{CUT}\b[^()\[\]]*[)\]]"
    rf"|\s*(?::| [-–—])\s*(?:the )?[\w'’ ]*\b{CUT}$"
    r"|\s+redux$",
    re.IGNORECASE,
)
ALTERNATIVE = re.compile(r"\(([^()]+)\)")
ALSO_KNOWN = re.compile(r"^(?:a\.?k\.?a\.?|also known as)\s+", re.IGNORECASE)
SUBTITLE = re.compile(r"\s*(?::| [-–—] ).*")
# Letters that Unicode does not take apart.
LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
NUMERALS = {
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "x": "10",
}


def movie_title(text: str) -> tuple[str, int | None]:
    """The title as people write it, and the year, from a title as MovieLens writes it."""
    found = YEAR.search(text)
    bare = text[: found.start()] if found else text.strip()
    parts = re.split(r"( \([^()]*\))", bare)
    return "".join(map(_article_first, parts)) or text.strip(), int(found[1]) if found else None


def title_keys(title: str) -> list[str]:
    """What the title, and each alternative title in parentheses, is compared by.

    Accents, articles in front, punctuation, editions and Roman numerals make no difference.
    """
    bare = EDITION.sub("", YEAR.sub("", title) or title)
    names = [ALTERNATIVE.sub(" ", bare), *ALTERNATIVE.findall(bare)]
    keys = (_key(ALSO_KNOWN.sub("", movie_title(name.strip())[0])) for name in names)
    return list(dict.fromkeys(key for key in keys if key))


def short_keys(title: str) -> list[str]:
    """The keys of the title without its subtitle: "Star Wars" of "Star Wars: Episode IV - A New Hope"."""
    short = SUBTITLE.sub("", EDITION.sub("", ALTERNATIVE.sub(" ", title)), count=1)
    return title_keys(short)


def _key(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold().translate(LETTERS).replace("&", " and "))
    plain = "".join(_plain(letters))
    words = plain.split()
    if len(words) > 1 and words[0] in _ARTICLE_WORDS:
        words = words[1:]
    return " ".join(NUMERALS.get(word, word) for word in words)


def _plain(letters: str) -> Iterator[str]:
    for letter in letters:
        if unicodedata.combining(letter) or letter in "'’`´":
            continue
        yield letter if letter.isalnum() else " "


def _article_first(part: str) -> str:
    if part.startswith(" (") and part.endswith(")"):
        return f" ({_article_first(part[2:-1])})"
    found = TRAILING_ARTICLE.fullmatch(part)
    if not found:
        return part
    prefix, name, article = found.groups(default="")
    return f"{prefix}{article}{'' if article.endswith(chr(39)) else ' '}{name}"


_ARTICLE_WORDS = {article.lower().rstrip("'") for article in ARTICLES}
