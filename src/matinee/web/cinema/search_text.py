"""Text as it is searched: without accents, case and punctuation."""

from __future__ import annotations

import re
import unicodedata

# Letters that are no letter with an accent to Unicode, but are to somebody who types.
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})
# "Schindler's" is typed "schindlers" as often as not.
_APOSTROPHES = re.compile(r"['’ʼ`´]")
_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """The text without accents and case: ``"Amélie"`` and ``"AMELIE"`` are one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(_LETTERS)


def words(text: str) -> list[str]:
    """The folded words of a text, in their order."""
    # Compatibility forms may hold an acute accent that stands alone; it is looked for before it comes apart.
    return _WORD.findall(folded(_APOSTROPHES.sub("", text)))
