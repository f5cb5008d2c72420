"""Finds integers in a text that a parser of integers would change: "0101", "+101" and "-0"."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

BLOCK = 1 << 22
# The bytes of two blocks that are looked at together: what ends a field, a blank, and the start of a number.
OVERLAP = 4


def has_odd_integers(source: Path | bytes, separator: str) -> bool:
    """Whether a field of a separated text begins with a plus, or with a zero before another digit.

    Parameters
    ----------
    source : Path or bytes
    separator : str
        One character.
    """
    return any(_is_odd(block, separator) for block in _blocks(source))


def _blocks(source: Path | bytes) -> Iterator[bytes]:
    # The first field has no line end before it.
    if isinstance(source, bytes):
        yield b"\n" + source[:OVERLAP]
        yield from (source[start : start + BLOCK + OVERLAP] for start in range(0, len(source), BLOCK))
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield b"\n" + mapped[:OVERLAP]
        yield from (mapped[start : start + BLOCK + OVERLAP] for start in range(0, len(mapped), BLOCK))


def _is_odd(block: bytes, separator: str) -> bool:
    # The regular expressions of polars look for many literals at once, and are fastest if these are few: so
    # only for those that can be there.
    ends = [separator, "\n", *(['"'] if b'"' in block else [])]
    if b" " in block:
        ends += [f"{end} " for end in ends]
    starts = ["0[0-9]", *([r"\+"] if b"+" in block else []), *(["-0"] if b"-" in block else [])]
    pattern = "|".join(re.escape(end) + start for end in ends for start in starts)
    # Latin-1 has a character for each byte, and the bytes looked for are the same in UTF-8.
    return bool(pl.Series([block.decode("latin-1")]).str.contains(pattern)[0])
