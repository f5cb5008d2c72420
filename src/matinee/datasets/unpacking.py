"""Unpacks files into memory: gzip, bzip2, xz, Zstandard, and zip archives with one table in them."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from matinee.datasets.archives import ZIP_DAMAGE
from matinee.datasets.disk import size_in_words
from matinee.errors import DataError, MissingExtraError

# Ratings unpack to three to ten times their packed size; what unpacks to far more was made to fill a memory.
LARGEST_RATIO = 50
SMALLEST_LIMIT = 64_000_000
# A gzipped Parquet file in a zip archive is unpacked twice; nobody packs more often.
MOST_LAYERS = 3
BLOCK = 1 << 20
ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
# The suffixes of files in an archive that may be the table; others are read-me files, licences and pictures.
TABLES = {
    ".arrow", ".base", ".csv", ".dat", ".data", ".feather", ".inter", ".ipc", ".item", ".json", ".jsonl",
    ".mtx", ".ndjson", ".parquet", ".rating", ".ratings", ".test", ".train", ".tsv", ".txt",
}  # fmt: skip
# The module of Python 3.14, and the package that does the same before.
ZSTANDARD_MODULES = ("compression.zstd", "zstandard")
NO_TABLES = ("readme", "license", "licence")


class Compression(NamedTuple):
    """A way to compress a single stream of bytes.

    Attributes
    ----------
    name : str
    magic : bytes
        The first bytes of a file that is compressed so.
    opened : callable
        Takes the packed bytes as a file; returns a file of the unpacked ones.
    """

    name: str
    magic: bytes
    opened: Callable[[IO[bytes]], Any]


def _zstandard(packed: IO[bytes]) -> Any:
    for name in ZSTANDARD_MODULES:
        try:
            return importlib.import_module(name).open(packed, "rb")
        except ImportError:
            continue
    raise MissingExtraError(
        "Zstandard files need the package zstandard before Python 3.14, which is not installed; "
        'run: python -m pip install "matinee[zst]"'
    )


COMPRESSIONS = (
    Compression("gzip", b"\x1f\x8b", lambda packed: gzip.GzipFile(fileobj=packed)),
    Compression("bzip2", b"BZh", bz2.BZ2File),
    Compression("xz", b"\xfd7zXZ\x00", lzma.LZMAFile),
    Compression("Zstandard", b"\x28\xb5\x2f\xfd", _zstandard),
)
DAMAGE = (*ZIP_DAMAGE, OSError, lzma.LZMAError)


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is packed."""
    return head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC)) or _compression(head) is not None


def unpacked(packed: bytes, *, table: str, limit: int | None) -> bytes:
    """The content of a packed file.

    Parameters
    ----------
    packed : bytes
    table : str
        The name, without suffix, of the file to take from a zip archive that holds several.
    limit : int or None
        The most bytes to unpack; None for 50 times the packed size, and at least 64 MB.

    Raises
    ------
    DataError
        If the content is damaged, larger than the limit, or no single table.
    MissingExtraError
        For Zstandard, if nothing installed reads it.
    """
    most = max(SMALLEST_LIMIT, LARGEST_RATIO * len(packed)) if limit is None else limit
    for _ in range(MOST_LAYERS):
        if not is_packed(packed):
            break
        compression = _compression(packed)
        try:
            if compression is None:
                packed = _from_zip(packed, table, most)
            else:
                with compression.opened(io.BytesIO(packed)) as stream:
                    packed = _bounded(stream, most)
        except DataError:
            raise
        except Exception as error:
            # The package zstandard has an error of its own.
            if not isinstance(error, DAMAGE) and type(error).__name__ != "ZstdError":
                raise
            name = "zip" if compression is None else compression.name
            raise DataError(f"the {name} file is truncated or damaged ({error})") from error
    return packed


def _compression(head: bytes) -> Compression | None:
    return next((each for each in COMPRESSIONS if head.startswith(each.magic)), None)


def _bounded(stream: Any, most: int) -> bytes:
    """All that a stream gives; a DataError if it is more than ``most`` bytes."""
    blocks, size = [], 0
    while block := stream.read(BLOCK):
        size += len(block)
        if size > most:
            raise DataError(
                f"unpacks to more than {size_in_words(most)}, far more than a file of its size should; "
                "if that is meant, allow it with max_unpacked=…, a number of bytes"
            )
        blocks.append(block)
    return b"".join(blocks)


def _from_zip(packed: bytes, table: str, most: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entry = _the_table(archive.infolist(), table)
        if entry.flag_bits & 1:
            raise DataError("the zip archive is protected by a password; unpack it first")
        with archive.open(entry) as stream:
            return _bounded(stream, most)


def _the_table(entries: list[zipfile.ZipInfo], table: str) -> zipfile.ZipInfo:
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise DataError("is a workbook or document of an office program; save the table as CSV")
    found = [entry for entry in entries if _may_be_table(entry)]
    if len(found) > 1:
        # MovieLens' and Letterboxd's archives hold a ratings.csv among others; the one nearest to the top.
        named = [entry for entry in found if PurePosixPath(entry.filename).stem.lower() == table]
        depth = min((entry.filename.count("/") for entry in named), default=0)
        found = [entry for entry in named if entry.filename.count("/") == depth] or found
    if len(found) == 1:
        return found[0]
    listed = ", ".join(entry.filename for entry in found[:5]) or "no table"
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    raise DataError(f"the zip archive holds {listed}{more}; expected one table; unpack it and name the file")


def _may_be_table(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    hidden = path.parts[0] == "__MACOSX" or path.name.startswith(".")
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    is_named_so = bool(suffixes & TABLES) or not suffixes
    return not (entry.is_dir() or hidden or path.stem.lower() in NO_TABLES) and is_named_so
