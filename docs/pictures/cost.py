"""Draws docs/static/cost-by-rank.svg and cost-by-ratings.svg: seconds per iteration, of docs/benchmarks.md.

python docs/pictures/cost.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "static"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
GROUND, INK, FAINT = "#ffffff", "#222222", "#dddddd"
BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072b2", "#d55e00", "#00805d", "#a8578a", "#6b7680"

Points = list[tuple[float, float]]
Ticks = list[tuple[float, str]]

# MovieLens 1M, 90/10.
N_RATINGS, N_ROWS = 900_188, 6_040 + 3_706
BY_RANK = [(16, 0.00571), (32, 0.0122), (64, 0.0328), (128, 0.111), (256, 0.354)]
BY_RATINGS: list[tuple[str, str, Points]] = [
    ("Matinee", BLUE, [(900_188, 0.0333), (18_953_677, 0.774)]),
    ("cmfrec, CG", GREEN, [(900_188, 0.0753), (18_953_677, 2.43)]),
    ("LensKit", VERMILION, [(900_188, 0.217), (18_953_677, 5.15)]),
    (
        "Matinee on Spark",
        PURPLE,
        [(1_000_047, 0.244), (2_000_105, 0.292), (5_000_030, 1.33), (10_002_316, 2.09), (18_953_677, 3.35)],
    ),
    (
        "Spark's own",
        GREY,
        [(1_000_047, 4.0), (2_000_105, 6.87), (5_000_030, 14.5), (10_002_316, 29.8), (18_953_677, 55.8)],
    ),
]
# Where a name stands beside the end of its line, in pixels down, so that names don't overlap.
MOVED = {"LensKit": -7, "Matinee on Spark": 1, "cmfrec, CG": 10}


def flops(rank: float) -> float:
    return 2 * N_RATINGS * rank**2 + N_ROWS * rank**3 / 3


@dataclass(frozen=True)
class Panel:
    """Logarithmic axes in a rectangle of the picture."""

    left: float
    width: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    top: float = 60
    height: float = 270

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = math.log(x / self.x_range[0]) / math.log(self.x_range[1] / self.x_range[0])
        up = math.log(y / self.y_range[0]) / math.log(self.y_range[1] / self.y_range[0])
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def axes(self, title: str, x_name: str, x_ticks: Ticks, y_ticks: Ticks) -> str:
        bottom, right = self.top + self.height, self.left + self.width
        drawn = [text(self.left - 40, 30, title, anchor="start", size=16, weight=600)]
        for value, name in y_ticks:
            _, y = self.at(self.x_range[0], value)
            drawn.append(f'<path d="M{self.left:g} {y:.1f}H{right:g}" stroke="{FAINT}"/>')
            drawn.append(text(self.left - 8, y + 5, name, anchor="end"))
        for value, name in x_ticks:
            drawn.append(text(self.at(value, self.y_range[0])[0], bottom + 20, name))
        drawn.append(text(self.left + self.width / 2, bottom + 42, x_name))
        return "".join(drawn)

    def line(self, points: Points, colour: str, *, dashed: bool = False) -> str:
        places = " ".join("{:.1f},{:.1f}".format(*self.at(*point)) for point in points)
        style = ' stroke-dasharray="5 5"' if dashed else ""
        drawn = f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2.5"{style}/>'
        if not dashed:
            drawn += "".join(
                '<circle cx="{:.1f}" cy="{:.1f}" r="4.5" fill="{}"/>'.format(*self.at(*point), colour)
                for point in points
            )
        return drawn


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "middle",
    size: int = 14,
    colour: str = INK,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def by_rank() -> str:
    panel = Panel(62, 310, (14, 300), (0.002, 1))
    ticks = [(0.01, "0.01 s"), (0.1, "0.1 s"), (1, "1 s")]
    ranks: Ticks = [(rank, str(rank)) for rank, _ in BY_RANK]
    expected = [(rank, BY_RANK[2][1] * flops(rank) / flops(64)) for rank in (18, 32, 64, 128, 256)]
    drawn = [
        panel.axes("An iteration, by rank", "factors (0.9 million ratings)", ranks, ticks),
        panel.line(expected, GREY, dashed=True),
        panel.line(BY_RANK, BLUE),
        text(*panel.at(26, 0.017), "measured", anchor="end", colour=BLUE),
        text(*panel.at(34, 0.0045), "the formula, through 64", anchor="start", colour=GREY),
    ]
    return "".join(drawn)


def by_ratings() -> str:
    panel = Panel(62, 190, (800_000, 20_000_000), (0.02, 100))
    ticks = [(0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (100, "100 s")]
    x_ticks = [(1_000_000, "1"), (2_000_000, "2"), (5_000_000, "5"), (10_000_000, "10"), (20_000_000, "20")]
    drawn = [panel.axes("An iteration, by ratings", "million ratings (64 factors)", x_ticks, ticks)]
    for name, colour, points in BY_RATINGS:
        x, y = panel.at(*points[-1])
        drawn.append(panel.line(points, colour))
        drawn.append(text(x + 10, y + 5 + MOVED.get(name, 0), name, anchor="start", colour=colour))
    return "".join(drawn)


def draw(name: str, drawn: str) -> None:
    (FOLDER / name).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="390" viewBox="0 0 400 390" '
        f'font-family="{FONT}">\n<rect width="400" height="390" rx="8" fill="{GROUND}"/>\n{drawn}\n</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    draw("cost-by-rank.svg", by_rank())
    draw("cost-by-ratings.svg", by_ratings())
