"""The languages of pages, by gettext: which one a request asks for, and its texts, numbers and days."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from datetime import date
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import negotiate_locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from starlette.requests import HTTPConnection

# English is what the sources are written in; every other language has a file in the folder.
SOURCE = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}
FOLDER = Path(__file__).parent / "locale"
DOMAIN = "matinee"

_language: ContextVar[str] = ContextVar("language", default=SOURCE)


def language() -> str:
    """The language of the present request."""
    return _language.get()


def speak(connection: HTTPConnection) -> None:
    """From now on, and until the request ends, speak the language that its visitor has chosen or prefers."""
    cookie = connection.state.cookie
    chosen = None if cookie is None else cookie.language
    asked = [chosen] if chosen else list(_accepted(connection.headers.get("accept-language", "")))
    _language.set(negotiate_locale(asked, list(LANGUAGES), sep="-") or SOURCE)


def gettext(text: str) -> str:
    """A text in the present language."""
    return _texts(language()).gettext(text) if text else ""


def ngettext(one: str, many: str, number: int) -> str:
    """One of two texts in the present language, as the number demands."""
    return _texts(language()).ngettext(one, many, number)


def digits(number: float) -> str:
    """A whole number: ``"1,234"``, in German ``"1.234"``."""
    return format_decimal(number, "#,##0", locale=language())


def decimal(number: float, places: int = 1) -> str:
    """A number with decimals: ``"3.5"``, in German ``"3,5"``."""
    return format_decimal(number, f"0.{'0' * places}", locale=language())


def signed(number: float) -> str:
    """A number with its sign and one decimal: ``"+0.5"``, ``"−0.5"``."""
    text = decimal(abs(number))
    return f"{'−' if round(number, 1) < 0 else '+'}{text}"


def day_in_words(moment: date) -> str:
    """``"5 March 2024"``, in German ``"5. März 2024"``."""
    return format_date(moment, gettext("d MMMM y"), locale=language())


def short_day(moment: date) -> str:
    """``"5 Mar"``, in German ``"5. März"``."""
    return format_date(moment, gettext("d MMM"), locale=language())


@cache
def _texts(code: str) -> NullTranslations:
    path = FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    if code == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _accepted(header: str) -> Iterator[str]:
    """The languages of an Accept-Language header, the most wanted first."""
    found = []
    for place, part in enumerate(header[:500].split(",")):
        code, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if code.strip() and quality > 0:
            found.append((-quality, place, code.strip()))
    for _, _, code in sorted(found):
        yield code
