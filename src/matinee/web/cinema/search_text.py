"""Prepares text for searching: removes accents, case and punctuation."""

from __future__ import annotations

import re
import unicodedata

# Unicode does not count these as letters with an accent, but people type them without it.
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})
# Many people type "schindlers" for "Schindler's".
_APOSTROPHES = re.compile(r"['’ʼ`´]")
_WORD = re.compile(r"\w+")


def without_accents(text: str) -> str:
    """The text without accents and in lower case: ``"Amélie"`` and ``"AMELIE"`` both become ``"amelie"``."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(_LETTERS)


def words(text: str) -> list[str]:
    """The words of a text in their order, without accents and in lower case."""
    # Apostrophes go first: NFKD turns ´ into a space and a combining accent, which would split the word.
    return _WORD.findall(without_accents(_APOSTROPHES.sub("", text)))
