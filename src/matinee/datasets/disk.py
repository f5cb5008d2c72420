"""Checks for room on the disk beforehand, and explains the error if the disk is full anyway."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matinee.errors import DataError

# A quota and a limit on the size of a file stop a write just as a full disk does, and the remedy is the same.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def require_room(folder: Path, needed: int) -> None:
    """Raise a DataError unless the disk that holds the folder has this much room.

    Parameters
    ----------
    folder : Path
        An existing folder.
    needed : int
        The room needed, in bytes.

    Raises
    ------
    DataError
        If there is too little room; the message has the folder, the room needed and the room free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{folder}: {size_in_words(needed)} are needed on its disk and {size_in_words(free)} are free; "
            f"make room there, or name another folder in MATINEE_CACHE"
        )


@contextmanager
def disk_errors_explained(folder: Path, needed: int | None) -> Iterator[None]:
    """Turn an error of the file system in the block into a DataError that names the folder.

    Parameters
    ----------
    folder : Path
        The folder that the block reads and writes.
    needed : int or None
        The room that the block needs, in bytes; None if it is not known.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            room = "more room" if needed is None else f"room for {size_in_words(needed)}"
            remedy = f"make {room} there, or name another folder in MATINEE_CACHE"
            raise DataError(f"{folder}: its disk is full ({reason}); {remedy}") from error
        place = error.filename or folder
        raise DataError(
            f"{place}: cannot be used ({reason}); make it usable, or name another folder"
        ) from error


def size_in_words(n_bytes: int) -> str:
    """A number of bytes in words: ``"17 bytes"``, ``"5.9 MB"``."""
    if n_bytes < 100_000:
        return f"{n_bytes:,} bytes"
    return f"{n_bytes / 1e6:,.1f} MB"
