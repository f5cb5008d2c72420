"""Numbers, times and lists in words, as pages show them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from matinee.web.languages import day_in_words, digits, gettext, ngettext

MINUTE, HOUR, DAY = 60, 3600, 86_400


def in_halves(stars: float) -> str:
    """Stars as a short number: ``"½"``, ``"4"``, ``"4½"``."""
    whole, is_half = int(stars), stars % 1 != 0
    return f"{whole or ''}{'½' if is_half else ''}" or "0"


def in_stars(stars: float) -> str:
    """Stars in words: ``"half a star"``, ``"1 star"``, ``"4½ stars"``."""
    if stars == 0.5:
        return gettext("half a star")
    if stars == 1:
        return gettext("1 star")
    return gettext("%(stars)s stars") % {"stars": in_halves(stars)}


def in_range(low: float, high: float) -> str:
    """Two numbers of stars, to the nearest half: ``"3½ to 5"``."""
    ends = {"low": in_halves(round(2 * low) / 2), "high": in_halves(round(2 * high) / 2)}
    return gettext("%(low)s to %(high)s") % ends


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: ``"1 film"``, ``"1,234 films"``."""
    text = ngettext(f"%(number)s {one}", f"%(number)s {many or one + 's'}", number)
    return text % {"number": digits(number)}


def day(milliseconds: float) -> str:
    """The day of a time in Unix milliseconds, in UTC: ``"5 March 2024"``."""
    return day_in_words(datetime.fromtimestamp(milliseconds / 1000, UTC).date())


def age(seconds_since_epoch: float, now: float | None = None) -> str:
    """How long ago a time was: ``"3 hours ago"``."""
    passed = max(0.0, (time.time() if now is None else now) - seconds_since_epoch)
    for length, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if passed >= length:
            return gettext("%(time)s ago") % {"time": counted(int(passed // length), name)}
    return gettext("less than a minute ago")


def joined(parts: list[str]) -> str:
    """``"a"``, ``"a and b"``, ``"a, b and c"``."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
