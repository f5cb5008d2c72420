"""Draws docs/static/which-model.svg: which model to take, as one picture.

    python docs/pictures/which_model.py

All text lies on a filled box, so that the picture is as legible on a dark page as on a light one.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "static" / "which-model.svg"
WIDTH, HEIGHT = 560, 440
QUESTION, ANSWER, LABEL = "#dfe7ef", "#0a5a8a", "#f4ead2"
LINE = "#7d8a96"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

Box = tuple[float, float, float, float]  # the middle, the width and the height

# Boxes by name: where they are, what stands in them, and whether they are an answer.
BOXES: dict[str, tuple[Box, tuple[str, ...], bool]] = {
    "data": ((280, 30, 250, 48), ("What do people tell you?",), False),
    "show": ((140, 150, 190, 48), ("What do you show?",), False),
    "catalogue": ((432, 150, 236, 64), ("Up to some 20,000 items,", "most with many users?"), False),
    "recommender": ((70, 275, 136, 68), ("Recommender", "lists, with stars"), True),
    "time": ((222, 275, 138, 64), ("Are seconds", "too long?"), False),
    "bayes": ((134, 400, 168, 68), ("BayesianALS", "with error bars"), True),
    "als": ((290, 400, 108, 68), ("ALS", "tuned"), True),
    "ridge": ((370, 275, 116, 68), ("ItemRidge", "EASE"), True),
    "implicit": ((496, 275, 124, 68), ("ImplicitALS", "iALS"), True),
}
# From a box to another one, and what is answered.
ARROWS = (
    ("data", "show", "stars"),
    ("data", "catalogue", "clicks, plays, purchases"),
    ("show", "recommender", "a list"),
    ("show", "time", "the stars"),
    ("time", "bayes", "no"),
    ("time", "als", "yes"),
    ("catalogue", "ridge", "yes"),
    ("catalogue", "implicit", "no"),
)


def box(place: Box, lines: tuple[str, ...], is_answer: bool) -> str:
    x, y, width, height = place
    fill, ink = (ANSWER, "#ffffff") if is_answer else (QUESTION, "#15202b")
    drawn = [
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="8" '
        f'fill="{fill}"/>'
    ]
    for number, line in enumerate(lines):
        below = y + 6 + 22 * (number - (len(lines) - 1) / 2)
        weight = ' font-weight="600"' if number == 0 and is_answer else ""
        size = (15 if number == 0 else 13) if is_answer else 16
        style = f'fill="{ink}" font-size="{size}"{weight}'
        drawn.append(f'<text x="{x:g}" y="{below:g}" {style}>{escape(line)}</text>')
    return "".join(drawn)


def arrow(start: Box, end: Box, answer: str) -> str:
    x1, y1, x2, y2 = start[0], start[1] + start[3] / 2, end[0], end[1] - end[3] / 2
    middle = (y1 + y2) / 2
    width = 7.6 * len(answer) + 16
    curve = f"M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2 - 8:g}"
    x = (x1 + x2) / 2
    left = x - width / 2
    return (
        f'<path d="{curve}" fill="none" stroke="{LINE}" stroke-width="2" marker-end="url(#head)"/>'
        f'<rect x="{left:g}" y="{middle - 12:g}" width="{width:g}" height="24" rx="12" fill="{LABEL}"/>'
        f'<text x="{x:g}" y="{middle + 5:g}" fill="#3a2f12" font-size="15">{escape(answer)}</text>'
    )


def picture() -> str:
    arrows = "\n".join(arrow(BOXES[start][0], BOXES[end][0], answer) for start, end, answer in ARROWS)
    boxes = "\n".join(box(*drawn) for drawn in BOXES.values())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}" '
        'text-anchor="middle">\n'
        '<defs><marker id="head" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker></defs>\n'
        f"{arrows}\n{boxes}\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
