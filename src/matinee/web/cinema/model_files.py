"""Finds the file to serve: the fitted model, or the one that a refresh has made from it.

The name of a refreshed file says which fitted file it was made from. So a new fit is served at once, and what
was made from the old one no longer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class ModelFile:
    """A model file as it was at one moment.

    Attributes
    ----------
    path : Path
    signature : tuple of int
        Numbers that change when the file is replaced.
    """

    path: Path
    signature: tuple[int, int, int]

    def refreshed_in(self, folder: Path) -> Path:
        """Where a refresh of this model is, or will be."""
        return folder / ("-".join(f"{number:x}" for number in self.signature) + SUFFIX)


def fitted_file(path: Path) -> ModelFile | None:
    """The model file at a path; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return ModelFile(path, (found.st_ino, found.st_mtime_ns, found.st_size))


def served_file(path: Path, folder: Path | None) -> ModelFile | None:
    """The file to serve for a fitted one: the refresh of it in a folder if there is one, or itself."""
    fitted = fitted_file(path)
    if fitted is None or folder is None:
        return fitted
    return fitted_file(fitted.refreshed_in(folder)) or fitted


def forget_refreshed(folder: Path, kept: Path | None = None) -> None:
    """Remove all refreshed models in a folder but one."""
    for file in folder.glob(f"*{SUFFIX}"):
        if file != kept:
            file.unlink(missing_ok=True)
