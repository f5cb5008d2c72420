"""Numbers, times and lists in words, as pages show them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

MINUTE, HOUR, DAY = 60, 3600, 86_400


def in_halves(stars: float) -> str:
    """Stars as a short number: ``"½"``, ``"4"``, ``"4½"``."""
    whole, is_half = int(stars), stars % 1 != 0
    return f"{whole or ''}{'½' if is_half else ''}" or "0"


def in_stars(stars: float) -> str:
    """Stars in words: ``"half a star"``, ``"1 star"``, ``"4½ stars"``."""
    if stars == 0.5:
        return "half a star"
    return f"{in_halves(stars)} star{'s' * (stars != 1)}"


def in_range(low: float, high: float) -> str:
    """Two numbers of stars, to the nearest half: ``"3½ to 5"``."""
    return f"{in_halves(round(2 * low) / 2)} to {in_halves(round(2 * high) / 2)}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: ``"1 film"``, ``"1,234 films"``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(milliseconds: float) -> str:
    """The day of a time in Unix milliseconds, in UTC: ``"5 March 2024"``."""
    return day_in_words(datetime.fromtimestamp(milliseconds / 1000, UTC).date())


def day_in_words(moment: date) -> str:
    """``"5 March 2024"``."""
    return f"{moment.day} {moment:%B %Y}"


def age(seconds_since_epoch: float, now: float | None = None) -> str:
    """How long ago a time was: ``"3 hours ago"``."""
    passed = max(0.0, (time.time() if now is None else now) - seconds_since_epoch)
    for length, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if passed >= length:
            return f"{counted(int(passed // length), name)} ago"
    return "less than a minute ago"


def joined(parts: list[str]) -> str:
    """``"a"``, ``"a and b"``, ``"a, b and c"``."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
