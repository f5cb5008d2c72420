"""Ratings from sparse matrices in the MatrixMarket format, of users × items; coordinates count from 1."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from matinee.datasets.files import DataFile
from matinee.datasets.names import shorten
from matinee.datasets.reading import Reading
from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.ids import MAX_IDS

MAGIC = b"%%MatrixMarket"
EXPECTED = "expected '%%MatrixMarket matrix coordinate real general', of users × items"


def is_matrix_market(file: DataFile) -> bool:
    """Whether a file begins as the format wants it."""
    return file.head.startswith(MAGIC)


def ratings_of_matrix(file: DataFile, reading: Reading) -> Ratings:
    """The entries of a matrix; rows and columns without entries become users and items without ratings."""
    lines = file.lines()
    words = next(lines)[1].split()[1:]
    lowered = [word.lower() for word in words]
    if lowered[:2] != ["matrix", "coordinate"] or lowered[3:] != ["general"] or lowered[2] == "complex":
        raise file.error(f"a matrix of the kind {' '.join(words)!r}; {EXPECTED}", 1)
    number, sizes = next(
        ((number, text) for number, text in lines if text.strip() and not text.startswith("%")), (1, "")
    )
    if not re.fullmatch(r"\s*\d+\s+\d+\s+\d+\s*", sizes):
        raise file.error(f"{shorten(sizes)!r}; expected the numbers of rows, columns and entries", number)
    n_users, n_items, n_entries = map(int, sizes.split())
    if max(n_users, n_items) > MAX_IDS:
        raise file.error(f"{sizes.strip()!r} is a matrix too large; at most {MAX_IDS:,} rows", number)
    entries = _entries(file, number, is_pattern=lowered[2] == "pattern")
    if len(entries) != n_entries:
        raise file.error(f"holds {len(entries):,} of {n_entries:,} entries; is it whole?")
    for name, size in (("user", n_users), ("item", n_items)):
        if not entries[name].is_between(1, size).all():
            raise file.error(f"an entry is outside its {n_users:,} rows and {n_items:,} columns")
    try:
        return Ratings.from_arrays(
            entries["user"],
            entries["item"],
            entries["rating"],
            registered_users=np.arange(1, n_users + 1),
            registered_items=np.arange(1, n_items + 1),
            duplicates=reading.duplicates,
        )
    except DataError as error:
        raise file.error(str(error)) from error


def _entries(file: DataFile, n_lines_before: int, *, is_pattern: bool) -> pl.DataFrame:
    """The columns user, item and rating of the entries; any blanks may be between them."""
    types = {"user": pl.Int64, "item": pl.Int64} | ({} if is_pattern else {"rating": pl.Float64})
    body = b"\n".join(file.content().split(b"\n", n_lines_before)[n_lines_before:])
    body = re.sub(rb"[ \t\r]+(?=\n|$)|(?<=\n)[ \t]+|^[ \t]+", b"", body)
    try:
        frame = pl.read_csv(
            re.sub(rb"[ \t]+", b" ", body),
            has_header=False,
            separator=" ",
            quote_char=None,
            schema=types,
            raise_if_empty=False,
        )
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise file.error(f"an entry is not {'row column' if is_pattern else 'row column value'}") from error
    if sum(frame.null_count().row(0)):
        raise file.error(f"an entry is not {'row column' if is_pattern else 'row column value'}")
    return frame.with_columns(rating=pl.lit(1.0)) if is_pattern else frame
