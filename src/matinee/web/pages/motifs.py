"""The drawings on posters: a few simple shapes each, which a number turns and moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

# The drawing is as wide as the poster, and this high.
WIDTH, HEIGHT = 200, 160


@dataclass(frozen=True)
class Shape:
    """A path, its colour, and how opaque it is."""

    path: str
    fill: str
    opacity: float = 1.0


def _circle(x: float, y: float, radius: float) -> str:
    arc = f"a{radius:g} {radius:g} 0 1 0"
    return f"M{x - radius:g} {y:g}{arc} {2 * radius:g} 0{arc} {-2 * radius:g} 0z"


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in points) + "z"


def _digits(number: int, *bases: int) -> list[int]:
    """Splits a number into one choice for each base, each below its base."""
    found = []
    for base in bases:
        number, digit = divmod(number, base)
        found.append(digit)
    return found


def sun(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """A disc low over hills."""
    across, height, slope = _digits(number, 5, 4, 3)
    x, y = 60 + 20 * across, 78 + 8 * height
    hill = f"M0 {118 + 8 * slope}Q60 {84 + 6 * slope} 116 128T200 {112 - 6 * slope}V160H0z"
    near = f"M0 140Q70 {112 + 6 * slope} 200 146V160H0z"
    return Shape(_circle(x, y, 34), accent), Shape(hill, shape), Shape(near, shape, 0.6)


def rings(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Discs within discs, off centre."""
    angle, start = _digits(number, 12, 3)
    x = 100 + 8 * math.cos(angle * math.pi / 6)
    y = 84 + 8 * math.sin(angle * math.pi / 6)
    steps = [Shape(_circle(x, y, 74 - 4 * start), shape, 0.35), Shape(_circle(x, y, 52), shape, 0.6)]
    inner = Shape(_circle(2 * x - 100, 2 * y - 84, 28), shape)
    return (*steps, inner, Shape(_circle(3 * x - 200, 3 * y - 168, 10), accent))


def stripes(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Slanted bands, one of them bright."""
    bright, lean = _digits(number, 5, 5)
    shift = -48 + 24 * lean
    bands = []
    for place in range(5):
        x = 6 + 38 * place
        band = _polygon((x, 28), (x + 22, 28), (x + 22 + shift * 0.4, 150), (x + shift * 0.4, 150))
        bands.append(Shape(band, accent if place == bright else shape))
    return tuple(bands)


def peaks(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Three triangles, one behind the other."""
    left, middle, moon = _digits(number, 4, 4, 3)
    far = _polygon((-10, 158), (46 + 8 * left, 66), (120, 158))
    mid = _polygon((50, 158), (112 + 6 * middle, 44 + 6 * left), (190, 158))
    near = _polygon((110, 158), (160, 92 + 6 * middle), (220, 158))
    disc = _circle(34 + 66 * moon, 50, 13)
    return Shape(disc, accent), Shape(far, shape, 0.55), Shape(mid, shape, 0.8), Shape(near, shape)


def beam(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Light from one point, like a projector's."""
    side, height, n_more = _digits(number, 2, 4, 3)
    y = 56 + 10 * height
    ends = [(200, 30), (200, 74), (200, 112), (200, 158)]
    rays = [_polygon((18, y), ends[place], ends[place + 1]) for place in range(3)]
    lamp = _circle(18, y, 10)
    if side:
        rays = [_polygon((182, y), *((200 - x, z) for x, z in ends[place : place + 2])) for place in range(3)]
        lamp = _circle(182, y, 10)
    strengths = (0.9, 0.55, 0.3) if n_more else (0.3, 0.55, 0.9)
    drawn = [Shape(ray, shape, strength) for ray, strength in zip(rays, strengths, strict=True)]
    return (*drawn, Shape(lamp, accent))


def windows(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Rows of squares, one of them lit."""
    (lit,) = _digits(number, 15)
    squares = []
    for place in range(15):
        x, y = 18 + 34 * (place % 5), 46 + 36 * (place // 5)
        path = f"M{x} {y}h26v28h-26z"
        squares.append(Shape(path, accent if place == lit else shape, 1.0 if place == lit else 0.75))
    return tuple(squares)


def waves(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Water under a disc."""
    across, phase = _digits(number, 6, 4)
    drawn = [Shape(_circle(50 + 20 * across, 70, 26), accent)]
    for place in range(4):
        y, dip = 84 + 20 * place, 12 if (place + phase) % 2 else -12
        path = f"M0 {y}Q50 {y + dip} 100 {y}T200 {y}V{y + 13}Q150 {y + 13 - dip} 100 {y + 13}T0 {y + 13}z"
        drawn.append(Shape(path, shape, 0.55 + 0.15 * place))
    return tuple(drawn)


def overlap(number: int, shape: str, accent: str) -> tuple[Shape, ...]:
    """Two large discs that meet, and a small one."""
    nearness, tilt, small = _digits(number, 4, 5, 4)
    apart, fall = 30 + 6 * nearness, -16 + 8 * tilt
    left, right = _circle(100 - apart, 92 - fall, 46), _circle(100 + apart, 92 + fall, 46)
    spot = _circle(40 + 40 * small, 46, 8)
    return Shape(left, shape), Shape(right, accent, 0.8), Shape(spot, accent)


Motif = Callable[[int, str, str], tuple[Shape, ...]]
MOTIFS: tuple[Motif, ...] = (sun, rings, stripes, peaks, beam, windows, waves, overlap)
