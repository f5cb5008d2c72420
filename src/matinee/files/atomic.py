"""Writes a file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from matinee.errors import DataError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The path of a temporary file beside ``path``; it takes the place of ``path`` once it is whole.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
