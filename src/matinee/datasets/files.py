"""`DataFile`, a file of data on disk, plain or gzipped: its bytes, its lines, and its name for errors."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from matinee.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
ZIP_MAGIC = b"PK\x03\x04"
UTF16_MAGIC = (b"\xff\xfe", b"\xfe\xff")
# Enough for hundreds of lines, and for any line that is not much too long.
HEAD_SIZE = 1 << 16


class DataFile:
    """A file to read from. Gzipped content is unpacked into memory; plain content stays on disk.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    DataError
        If it is missing, a folder, unreadable, empty, a truncated gzip file, or a zip archive.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(path)
        self._unpacked: bytes | None = None
        try:
            with self.path.open("rb") as file:
                self.head = file.read(HEAD_SIZE)
            if self.head.startswith(GZIP_MAGIC):
                self._unpacked = gzip.decompress(self.path.read_bytes())
                self.head = self._unpacked[:HEAD_SIZE]
        except FileNotFoundError as error:
            raise DataError(f"{self.name}: there is no such file") from error
        except IsADirectoryError as error:
            raise DataError(f"{self.name} is a folder; expected a file") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{self.name}: the gzip file is truncated or damaged ({error})") from error
        except (OSError, ValueError) as error:
            raise DataError(f"{self.name}: cannot be read ({error})") from error
        self._refuse_other_formats()

    @property
    def is_parquet(self) -> bool:
        """Whether the content is in the Parquet format."""
        return self.head.startswith(PARQUET_MAGIC)

    def source(self) -> Path | bytes:
        """The source for a reader to open: the path, so that it can map the file, or the unpacked bytes."""
        return self.path if self._unpacked is None else self._unpacked

    def content(self) -> bytes:
        """All bytes, unpacked."""
        return self.path.read_bytes() if self._unpacked is None else self._unpacked

    def lines(self, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
        """The lines without line ends, with their numbers from 1; a DataError for a line that is not text."""
        stream = self.path.open("rb") if self._unpacked is None else io.BytesIO(self._unpacked)
        with stream:
            for number, line in enumerate(stream, start=1):
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                yield number, self._text(content, number, encoding).rstrip("\r\n")

    def error(self, message: str, line: int | None = None) -> DataError:
        """The error to raise, which names the file and the line."""
        place = self.name if line is None else f"{self.name}, line {line}"
        return DataError(f"{place}: {message}")

    def _text(self, line: bytes, number: int, encoding: str) -> str:
        if b"\0" in line:
            raise self.error("holds binary data (a NUL byte); expected text", number)
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            raise self.error(
                f"is not UTF-8 text (byte {error.start + 1}); convert it first", number
            ) from error

    def _refuse_other_formats(self) -> None:
        if not self.head.strip():
            raise self.error("the file is empty")
        if self.head.startswith(ZIP_MAGIC):
            raise self.error("is a zip archive; unpack it first")
        if self.head.startswith(UTF16_MAGIC):
            raise self.error("is UTF-16 text; expected UTF-8")
