"""The reviews of Steam that McAuley's group publishes: a dictionary as Python writes it on each line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

import polars as pl

from matinee.datasets.files import DataFile
from matinee.datasets.names import shorten
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_frame
from matinee.datasets.written_ids import narrowest
from matinee.ratings import Ratings

HEAD = re.compile(rb"\s*\{\s*u?(?:'|\"[^\"]*\"\s*:\s*u')")
TEXT = r"""[uUbB]?(?:'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")"""
# A key, and its value, which is text, a number, True, False or None.
PAIR = re.compile(rf"({TEXT})\s*:\s*({TEXT}|[-+.\w]+)")
LINE = re.compile(rf"\s*\{{\s*{PAIR.pattern}(?:\s*,\s*{PAIR.pattern})*\s*\}}\s*")
ROLES = {"username": "user", "product_id": "item", "hours": "rating", "date": "timestamp"}
# As the keys are written, by Python 2 or 3.
WANTED = {f"{mark}'{name}'": role for mark in ("u", "") for name, role in ROLES.items()}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SCHEMA = {"user": pl.String, "item": pl.String, "rating": pl.Float32, "timestamp": pl.String}
# As many reviews become columns at once, which take less memory than Python's objects.
BLOCK = 500_000
EXPECTED = "expected {'username': …, 'product_id': …} with texts and numbers, on one line"


def is_steam(file: DataFile) -> bool:
    """Whether a file begins like a dictionary of Python, and not like JSON."""
    return HEAD.match(file.head) is not None


def ratings_of_steam(file: DataFile, reading: Reading) -> Ratings:
    """Who reviewed what, which counts 1; with ``columns={"rating": "hours"}`` the hours that they had played.

    Reviews whose author is not named are left out, which a note says, and so are those without hours where
    the hours are asked for.
    """
    takes_hours = (reading.columns or {}).get("rating") == "hours"
    lines = _reviews(file)
    blocks = []
    while block := list(islice(lines, BLOCK)):
        blocks.append(pl.DataFrame(block, schema=SCHEMA, orient="row"))
    frame = pl.concat(blocks) if blocks else pl.DataFrame(schema=SCHEMA)
    frame = frame.with_columns(narrowest(frame["item"]))
    is_kept = frame["user"].str.strip_chars() != ""
    if takes_hours:
        is_kept &= frame["rating"].is_not_null()
    if left_out := len(frame) - int(is_kept.sum()):
        without = "an author or hours" if takes_hours else "an author"
        file.notes.append(f"{left_out:,} reviews without {without} are left out")
    columns = {"user": "user", "item": "item", "rating": "rating" if takes_hours else None}
    wanted = Reading({**columns, "timestamp": "timestamp"}, None, reading.timestamps, reading.duplicates)
    return ratings_of_frame(file, frame.filter(is_kept), wanted)


def _reviews(file: DataFile) -> Iterator[tuple[str, str, float | None, str | None]]:
    """User, item, hours and date of each review."""
    for number, line in file.lines():
        if not line.strip():
            continue
        found = _fields(line)
        if found is None or not found.get("item"):
            raise file.error(f"{shorten(line)!r}; {EXPECTED}", number)
        hours, date = found.get("rating"), found.get("timestamp")
        yield found.get("user") or "", found["item"], None if hours is None else float(hours), date


def _fields(line: str) -> dict[str, str] | None:
    """The wanted values of a dictionary, as text; None if the line is none of plain values."""
    if not LINE.fullmatch(line):
        return None
    pairs = PAIR.findall(line)
    found = {WANTED[key]: _value(value) for key, value in pairs if key in WANTED and value != "None"}
    return found if NUMBER.fullmatch(found.get("rating", "0")) else None


def _value(text: str) -> str:
    if text[-1] not in "'\"":
        return text
    if "\\" not in text:
        return text.lstrip("uUbB")[1:-1]
    try:
        written = ast.literal_eval(text.lstrip("bB"))
    except (SyntaxError, ValueError):
        return text.lstrip("uUbB")[1:-1]
    # Python 2 wrote some letters as the two halves that UTF-16 has for them.
    return str(written).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
