"""Writes a file whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from matinee.errors import DataError

try:
    import fcntl
except ImportError:  # Windows, where what a killed process left stays
    fcntl = None  # type: ignore[assignment]

# The umask can only be read by setting it for the whole process: done once, before there are other threads.
_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The path of a temporary file; it takes the place of ``path`` once it is whole.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    try:
        with unfinished(path) as part:
            yield part
            put_in_place(part, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be written: {error}") from error


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """The path of a file to write in a hidden folder beside ``path``; the folder is removed in the end.

    What killed processes left there while they wrote the same file is removed first.
    """
    _remove_abandoned(path)
    folder, lock = _locked_folder(path)
    try:
        yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def put_in_place(part: Path, path: Path) -> None:
    """Move a whole file to its place, with the permissions of the file it replaces, or else of a new file."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_UMASK
    part.chmod(mode)
    part.replace(path)


def _locked_folder(path: Path) -> tuple[Path, int]:
    """A new folder, and a descriptor of its lock, which the system gives back when this process dies."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        if fcntl is None:
            return folder, os.open(os.devnull, os.O_RDONLY)
        lock = os.open(folder, os.O_RDONLY)
        # Not every file system has locks; on those that don't, nothing is ever removed for lack of one.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have taken it for abandoned before it was locked.
        if folder.exists():
            return folder, lock
        os.close(lock)


def _remove_abandoned(path: Path) -> None:
    if fcntl is None or not path.parent.is_dir():
        return
    # The names of mkdtemp, and of the temporary files of older versions.
    name = re.compile(rf"\.{re.escape(path.name)}\.([a-z0-9_]{{8}}|\d+)\.part")
    for found in path.parent.iterdir():
        if name.fullmatch(found.name) and not found.is_symlink():
            # Somebody else's is theirs to remove.
            with suppress(OSError):
                _remove_unless_locked(found)


def _remove_unless_locked(found: Path) -> None:
    descriptor = os.open(found, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()
    finally:
        os.close(descriptor)
