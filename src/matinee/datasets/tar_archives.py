"""Unpacks tar.gz archives from strangers, as `archives` unpacks zip archives."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path

from matinee.datasets.archives import MOST_ENTRIES, ArchiveError, refused
from matinee.datasets.disk import disk_errors_explained, size_in_words

DAMAGE = (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)
BLOCK = 1 << 20


def unpack_tar(archive: Path, folder: Path, *, largest: int) -> None:
    """Unpack a tar.gz archive into a new folder.

    Entries are checked as they come, since to read an archive twice takes twice as long.

    Parameters
    ----------
    archive : Path
    folder : Path
        The folder to make; it must not exist. After an error it may hold a part of the files, and the caller
        removes it.
    largest : int
        The largest size that all files together may have, in bytes.

    Raises
    ------
    ArchiveError
        If the archive is damaged, the path of an entry leaves the folder, an entry is neither a file nor a
        folder, or the files are larger than ``largest``.
    DataError
        If the disk has no room, or the folder cannot be written to.
    """
    with disk_errors_explained(folder.parent, None):
        folder.mkdir()
        try:
            _write_entries(archive, folder, largest)
        except DAMAGE as error:
            message = f"{archive}: not a whole tar.gz archive; run it again to download it afresh ({error})"
            raise ArchiveError(message) from error


def _write_entries(archive: Path, folder: Path, largest: int) -> None:
    size = 0
    with tarfile.open(archive, "r:gz") as opened:
        for number, entry in enumerate(opened, start=1):
            _check_entry(archive, entry)
            size += entry.size
            if size > largest:
                sizes = f"more than the {size_in_words(largest)} that were expected"
                raise refused(archive, f"unpacked it would take {sizes}")
            if number > MOST_ENTRIES:
                raise refused(archive, f"it holds more than {MOST_ENTRIES} files")
            target = folder / entry.name
            if entry.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            if target.exists():
                raise refused(archive, "two of its entries have the same name; expected each once")
            target.parent.mkdir(parents=True, exist_ok=True)
            source = opened.extractfile(entry)
            assert source is not None  # of a file
            with source, target.open("xb") as file:
                shutil.copyfileobj(source, file, BLOCK)


def _check_entry(archive: Path, entry: tarfile.TarInfo) -> None:
    name = entry.name
    escapes = name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name
    if escapes or not name:
        raise refused(archive, f"entry {name!r} would be written outside the folder; expected relative paths")
    if not (entry.isreg() or entry.isdir()):
        raise refused(archive, f"entry {name!r} is a link or a device; expected files and folders")


def require_whole_gzip(packed: Path) -> None:
    """Check a packed file to its end, by the sum that gzip keeps there.

    Raises
    ------
    ArchiveError
        If it is damaged, or not packed by gzip.
    """
    try:
        with gzip.open(packed) as opened:
            while opened.read(BLOCK):
                pass
    except DAMAGE as error:
        message = f"{packed}: not a whole gzip file; run it again to download it afresh ({error})"
        raise ArchiveError(message) from error
