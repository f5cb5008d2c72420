"""Recognises files that cannot be read, so that the error says what they are and what to do."""

from __future__ import annotations

import re
from typing import NamedTuple

SAVE_AS_TABLE = "save the table as CSV or Parquet"
# The first bytes of a tar archive are a file name; the mark is behind it.
TAR_MAGIC, TAR_PLACE = b"ustar", 257


class Foreign(NamedTuple):
    """A kind of file that cannot be read.

    Attributes
    ----------
    pattern : bytes
        A regular expression that the first bytes of such a file match.
    text : str
        What the file is, and the remedy.
    """

    pattern: bytes
    text: str


FOREIGN = (
    Foreign(rb"Obj\x01", f"an Avro file; {SAVE_AS_TABLE}"),
    Foreign(rb"ORC", f"an ORC file; {SAVE_AS_TABLE}"),
    Foreign(rb"\x89HDF\r\n", f"an HDF5 file; {SAVE_AS_TABLE}"),
    Foreign(rb"SQLite format 3\x00", f"an SQLite database; {SAVE_AS_TABLE}"),
    Foreign(rb"\xd0\xcf\x11\xe0", f"an old Excel or Office file; {SAVE_AS_TABLE}"),
    Foreign(rb"\x93NUMPY", "an array of numpy; load it, and give the columns to Ratings.from_arrays"),
    Foreign(rb"\x80[\x02-\x05][\x95c}\]]", "a pickle, which may run code; load it, for Ratings.from_frame"),
    Foreign(rb".{7}\x00\{\"", "a model file in the safetensors format; expected a table"),
    Foreign(rb"(RDX[23]|X)\n", f"a file of R; {SAVE_AS_TABLE}"),
    Foreign(rb"FEA1", f"a Feather file of the first version; {SAVE_AS_TABLE}"),
    Foreign(rb"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    Foreign(rb"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    Foreign(rb"\x1f\x9d|\x04\x22\x4d\x18|LZIP", "compressed in a way not known here; unpack it first"),
    Foreign(rb"%PDF-", f"a PDF document; {SAVE_AS_TABLE}"),
    Foreign(rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture; expected a table"),
    Foreign(
        rb"version https://git-lfs\.github\.com/spec/",
        "a pointer of Git LFS, not the file itself; fetch it with 'git lfs pull'",
    ),
    Foreign(
        rb"(?i)\s*(<!doctype html|<html|<head)",
        "a web page, perhaps an error or a login in place of a download; download the file itself",
    ),
    Foreign(rb"\s*<\?xml|\s*<!DOCTYPE", f"an XML document; {SAVE_AS_TABLE}"),
)


def what_it_is(head: bytes) -> str | None:
    """What a file with these first bytes is, and the remedy; None if it may be a table."""
    if head[TAR_PLACE:].startswith(TAR_MAGIC):
        return "a tar archive; unpack it first"
    head = head.removeprefix(b"\xef\xbb\xbf")
    return next((kind.text for kind in FOREIGN if re.match(kind.pattern, head, re.DOTALL)), None)
