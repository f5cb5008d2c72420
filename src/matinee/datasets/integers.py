"""Finds integers in a text that a parser of integers would change: "0101", "+101" and "-0"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

BLOCK = 1 << 19
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
    # Read and not mapped: the pages of a mapped file would count as memory of the process.
    with source.open("rb", buffering=0) as file:
        last = b"\n"
        while read := file.read(BLOCK):
            block = last + read
            yield block
            last = block[-OVERLAP:]


def _is_odd(block: bytes, separator: str) -> bool:
    # Only what can be there is looked for, and only with literal beginnings: that is several times as fast.
    ends = [separator, "\n", *(['"'] if b'"' in block else [])]
    odd = {"0": "0[0-9]", "+": "[+]", "-": "-0"}
    starts = [start for start in odd if start.encode() in block]
    pairs = [(end, start) for end in ends for start in starts if _has_pair(block, end + start)]
    patterns = [re.escape(end) + odd[start] for end, start in pairs]
    if b" " in block:
        patterns += [f"{re.escape(end)} (?:[+]|-0|0[0-9])" for end in ends if _has_pair(block, f"{end} ")]
    if not patterns:
        return False
    # Latin-1 has a character for each byte, and the bytes looked for are the same in UTF-8.
    text = pl.Series([block.decode("latin-1")])
    return bool(text.str.contains("|".join(patterns))[0])


def _has_pair(block: bytes, pair: str) -> bool:
    """Whether two characters stand one after the other: as numbers of two bytes, numpy compares them fast."""
    wanted = ord(pair[0]) | ord(pair[1]) << 8
    # Cut off, not skipped: numpy is slow where numbers begin at odd addresses.
    parts = (block, block[1:])
    return any(bool((np.frombuffer(part, "<u2", len(part) // 2) == wanted).any()) for part in parts)
