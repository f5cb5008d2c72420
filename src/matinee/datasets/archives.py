"""Unpacks zip archives from strangers: nothing is written outside the folder, and nothing fills the disk."""

import errno
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from matinee.datasets.disk import disk_errors_explained, require_room, size_in_words
from matinee.errors import DataError

# GroupLens's archives hold at most two dozen files; a million empty files would use up a disk's inodes.
MOST_ENTRIES = 1_000

# The errors that zipfile raises when the bytes are not what they claim to be.
ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
# The error numbers of the system for a damaged offset or a damaged name.
_DAMAGE_NUMBERS = {errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG}


class ArchiveError(DataError):
    """The archive is damaged, or holds entries that no archive of ratings should hold."""


def unpack(archive: Path, folder: Path, *, largest: int) -> None:
    """Unpack a zip archive into a new folder; nothing is written before every entry has been checked.

    ``ZipFile.extractall`` is not used, as it quietly renames a path that leads outside the folder; here such
    a path is an error.

    Parameters
    ----------
    archive : Path
        The zip file.
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
    entries = _read_entries(archive)
    for entry in entries:
        _check_entry(archive, entry)
    _check_together(archive, entries)
    needed = sum(entry.file_size for entry in entries)
    if needed > largest:
        sizes = f"{size_in_words(needed)}; at most {size_in_words(largest)} were expected"
        raise refused(archive, f"unpacked it would take {sizes}")
    require_room(folder.parent, needed)
    with disk_errors_explained(folder.parent, needed):
        folder.mkdir()
        _write_entries(archive, entries, folder)


def _read_entries(archive: Path) -> list[zipfile.ZipInfo]:
    with _damage_explained(archive), zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    if len(entries) > MOST_ENTRIES:
        raise refused(archive, f"it holds {len(entries)} files; at most {MOST_ENTRIES} were expected")
    return entries


def _check_entry(archive: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    # On Windows a backslash separates folders, and a colon names a drive or a hidden stream.
    escapes = name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name
    if escapes or not name:
        raise refused(archive, f"entry {name!r} would be written outside the folder; expected relative paths")
    # The upper half of the attributes is the Unix mode; archives from other systems have 0 there.
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refused(archive, f"entry {name!r} is a link or a device; expected files and folders")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = entry.compress_type
        raise refused(archive, f"entry {name!r} has compression method {method}; expected 0 or 8")


def _check_together(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    # On disks of Windows and macOS "A" and "a" are the same name.
    files = [PurePosixPath(entry.filename.casefold()) for entry in entries if not entry.is_dir()]
    folders = {PurePosixPath("."), *(parent for file in files for parent in file.parents)}
    folders.update(PurePosixPath(entry.filename.casefold()) for entry in entries if entry.is_dir())
    if len(set(files)) < len(files) or folders.intersection(files):
        raise refused(archive, "two of its entries have the same name; expected each once")


def _write_entries(archive: Path, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    with _damage_explained(archive), zipfile.ZipFile(archive) as opened:
        for entry in entries:
            target = folder / entry.filename
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            # zipfile gives no more bytes than the size declared, so the sum that was checked holds; nothing
            # is overwritten, since no two entries share a name.
            with opened.open(entry) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file)


def refused(archive: Path, reason: str) -> ArchiveError:
    """The error for an archive of which nothing is used, for this reason."""
    return ArchiveError(
        f"{archive}: {reason}. Nothing was unpacked: name another mirror in MATINEE_DOWNLOAD_URL"
    )


@contextmanager
def _damage_explained(archive: Path) -> Iterator[None]:
    message = f"{archive}: not a whole zip archive; run it again to download it afresh"
    try:
        yield
    except ZIP_DAMAGE as error:
        raise ArchiveError(f"{message} ({error})") from error
    except OSError as error:
        if error.errno not in _DAMAGE_NUMBERS:
            raise
        raise ArchiveError(f"{message} ({error.strerror})") from error
