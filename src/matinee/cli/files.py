"""Writes the files of commands, each completely or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl

from matinee.errors import DataError
from matinee.files.atomic import replaced

TABLE_FORMATS = (".csv", ".parquet")
PICTURE_FORMATS = (".png", ".svg")


def require_writable(path: Path) -> Path:
    """The path, if a file can be written there; commands check it before they start to work.

    Raises
    ------
    DataError
        If the folder is missing or may not be written to, or if the path is a folder or a device.
    """
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"{path} cannot be written: there is no folder {folder}; make it first")
    if path.is_dir():
        raise DataError(f"{path} cannot be written: it is a folder; expected the name of a file")
    # A file in place of a device such as /dev/null would harm the machine.
    if path.exists() and not path.is_file():
        raise DataError(f"{path} cannot be written: it is not a regular file")
    if not os.access(folder, os.W_OK):
        raise DataError(f"{path} cannot be written: permission denied in {folder}")
    return path


def require_table_format(path: Path) -> Path:
    """The path, if its name ends in a format that `write_table` knows; raises a DataError otherwise."""
    if path.suffix.lower() not in TABLE_FORMATS:
        raise DataError(f"{path}: expected a name that ends in {' or '.join(TABLE_FORMATS)}")
    return path


def require_picture_format(path: Path) -> Path:
    """The path, if its name ends in a format of pictures; raises a DataError otherwise."""
    if path.suffix.lower() not in PICTURE_FORMATS:
        raise DataError(f"{path}: expected a name that ends in {' or '.join(PICTURE_FORMATS)}")
    return path


def require_folder(path: Path) -> Path:
    """The path of a folder, which is made if it is missing; raises a DataError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path} cannot be made a folder: {error.strerror}") from error
    return path


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV or Parquet, depending on the suffix of the path."""
    with replaced(require_writable(require_table_format(path))) as part:
        if path.suffix.lower() == ".csv":
            frame.write_csv(part)
        else:
            frame.write_parquet(part)


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write one JSON document."""
    write_text(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8."""
    with replaced(require_writable(path)) as part:
        part.write_text(text, encoding="utf-8")


def write_picture(figure: Any, path: Path, *, dpi: int) -> None:
    """Write a matplotlib figure as PNG or SVG, depending on the path's suffix; the bytes are reproducible."""
    import matplotlib

    kind = path.suffix.removeprefix(".").lower()
    metadata = {"Date": None} if kind == "svg" else None
    with replaced(require_writable(path)) as part, matplotlib.rc_context({"svg.hashsalt": "matinee"}):
        figure.savefig(part, format=kind, dpi=dpi, metadata=metadata)
