"""The plays of Last.fm 360K: a line for each listener and artist, without a header."""

from __future__ import annotations

import re

import polars as pl

from matinee.datasets.files import DataFile
from matinee.datasets.reading import Reading
from matinee.datasets.tabbed import first_fault, tabbed_lines
from matinee.datasets.tables import ratings_of_frame, ratings_of_table
from matinee.ratings import Ratings

# The hash of a listener, the MusicBrainz id of an artist or nothing, the artist's name, the number of plays.
HEAD = re.compile(rb"[0-9a-f]{40}\t(?:[0-9a-f-]{36})?\t[^\t\n]*\t *\d+ *\r?\n")
FIELDS = ("listener", "id", "artist", "plays")


def is_lastfm(file: DataFile) -> bool:
    """Whether a file begins with a line of Last.fm 360K."""
    return HEAD.match(file.head) is not None


def ratings_of_lastfm(file: DataFile, reading: Reading) -> Ratings:
    """The plays of artists by name, since a third of the artists have no other id.

    Lines that name no listener or no artist are left out, which a note says.
    """
    if reading.columns or reading.separator:
        return ratings_of_table(file, reading)
    lines = tabbed_lines(file, FIELDS).select(pl.all().str.strip_chars())
    plays = lines["plays"].cast(pl.Float32, strict=False)
    if plays.null_count():
        raise first_fault(file, FIELDS, lambda fields: re.fullmatch(r"\s*\d+\s*", fields[-1]))
    is_named = (lines["listener"] != "") & (lines["artist"] != "")
    if left_out := len(lines) - int(is_named.sum()):
        file.notes.append(f"{left_out:,} lines without a listener or an artist are left out")
    frame = lines.select(user="listener", item="artist", rating=plays).filter(is_named)
    return ratings_of_frame(file, frame, Reading(duplicates=reading.duplicates))
