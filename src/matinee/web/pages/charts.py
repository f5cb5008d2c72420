"""Bar charts: the positions of bars and labels, which a template draws as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matinee.web.cinema.statistics import Distribution
from matinee.web.languages import decimal, gettext
from matinee.web.rendering.wording import counted, in_halves, in_stars

WIDTH, HEIGHT = 360.0, 150.0
# Room for the labels below the bars, and for the greatest value above them.
BELOW, ABOVE, GAP = 22.0, 18.0, 0.18
# A bar of one among thousands must still be visible.
LEAST = 1.0


@dataclass(frozen=True)
class Bar:
    """A bar, the label below it (may be empty), and its name and value in the table."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    name: str
    value: int


@dataclass(frozen=True)
class Chart:
    """A chart of bars.

    Attributes
    ----------
    key : str
        Tells its parts from those of other charts on the page.
    title, description : str
        What the chart shows, and what a reader can see in it.
    columns : tuple of str
        The column heads of the table with the same numbers.
    bars : tuple of Bar
    most : int
        The greatest value.
    """

    key: str
    title: str
    description: str
    columns: tuple[str, str]
    bars: tuple[Bar, ...]
    most: int
    width: float = WIDTH
    height: float = HEIGHT
    floor: float = HEIGHT - BELOW


def bar_chart(
    key: str,
    title: str,
    description: str,
    columns: tuple[str, str],
    entries: Sequence[tuple[str, str, int]],
) -> Chart:
    """A chart of entries: the label below the bar, the name in the table, and the value."""
    most = max((value for _, _, value in entries), default=0)
    step = WIDTH / max(len(entries), 1)
    room = HEIGHT - BELOW - ABOVE
    bars = []
    for place, (label, name, value) in enumerate(entries):
        height = max(LEAST, room * value / most) if value else 0.0
        x, width = step * (place + GAP / 2), step * (1 - GAP)
        middle, y = step * (place + 0.5), HEIGHT - BELOW - height
        x, y, width, height, middle = (round(number, 2) for number in (x, y, width, height, middle))
        bars.append(Bar(x, y, width, height, middle, label, name, value))
    return Chart(key, title, description, columns, tuple(bars), most)


def star_chart(key: str, title: str, distribution: Distribution) -> Chart:
    """A chart of how often each number of stars was given."""
    entries = [(in_halves(stars), in_stars(stars), count) for stars, count, _ in distribution.bars]
    description = gettext("There are no ratings yet.")
    if distribution.mean is not None:
        most = max(distribution.bars, key=lambda bar: bar[1])
        description = gettext(
            "%(ratings)s, %(mean)s stars on average; most often given: %(stars)s, %(times)s."
        ) % {
            "ratings": counted(distribution.n_ratings, "rating"),
            "mean": decimal(distribution.mean),
            "stars": in_stars(most[0]),
            "times": counted(most[1], "time"),
        }
    return bar_chart(key, title, description, (gettext("Stars"), gettext("Ratings")), entries)
