"""Names of accounts: how they are shown, how they are looked up, and which of them look alike."""

from __future__ import annotations

import unicodedata
from functools import cache

from confusable_homoglyphs import confusables

from matinee.errors import DataError

SHORTEST_NAME, LONGEST_NAME = 2, 64
# Longer than a name may be, as casefolding and normalisation turn some letters into several.
LONGEST_FOLDED = 256


def checked_name(name: str) -> str:
    """The name as it is shown. Raises a DataError if the name is not allowed."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not SHORTEST_NAME <= len(shown) <= LONGEST_NAME or not shown.isprintable():
        raise DataError(f"a name needs {SHORTEST_NAME} to {LONGEST_NAME} letters")
    return shown


def folded_name(name: str) -> str:
    """The name as it is looked up. Names that differ only in case or in the form of letters are the same."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()[:LONGEST_FOLDED].replace("\0", "")


def lookalike(name: str) -> str:
    """The same text for names that look alike: ``"аdmin"``, with a Cyrillic letter, gives ``"admin"``.

    Only letters that look like an ASCII letter or digit count. Two ASCII letters never do, so that nobody is
    refused "anna1" because of "annal".
    """
    return "".join(_latin(letter) for letter in folded_name(name)).casefold()[:LONGEST_FOLDED]


@cache
def _latin(letter: str) -> str:
    """The ASCII letter or digit that a letter looks like (Unicode Technical Standard 39); itself if none."""
    if letter.isascii():
        return letter
    found = confusables.is_confusable(letter, greedy=True)
    alike = [one["c"] for one in found[0]["homoglyphs"]] if found else []
    return min((one for one in alike if len(one) == 1 and one.isascii() and one.isalnum()), default=letter)
