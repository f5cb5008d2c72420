"""`DataFile`, a file of data on disk: its bytes unpacked, its text in UTF-8, and its name for errors."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matinee.datasets.encodings import UTF8_MARK, as_utf8, is_utf8, utf16_of
from matinee.datasets.foreign import what_it_is
from matinee.datasets.unpacking import is_packed, unpacked
from matinee.errors import DataError, MissingExtraError

# The first bytes of the formats that are not text.
PARQUET_MAGIC = b"PAR1"
ARROW_FILE_MAGIC, ARROW_STREAM_MAGIC = b"ARROW1", b"\xff\xff\xff\xff"
# Enough for hundreds of lines, and for any line that is not much too long.
HEAD_SIZE = 1 << 16


class DataFile:
    """A file to read from. Plain UTF-8 text and Parquet stay on disk; anything else is taken into memory.

    Parameters
    ----------
    path : str or path-like
    encoding : str, optional
        The encoding of the text. If not given it is UTF-8, else UTF-16, else Latin-1.
    max_unpacked : int, optional
        The most bytes that a packed file may unpack to, in place of a limit that depends on its size.
    table : str
        The name, without suffix, of the file to take from a zip archive that holds several.

    Attributes
    ----------
    notes : list of str
        What was taken for granted.

    Raises
    ------
    DataError
        If it is missing, a folder, unreadable, empty, damaged, or of a format that cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        encoding: str | None = None,
        max_unpacked: int | None = None,
        table: str = "ratings",
    ) -> None:
        self.path = _path_of(path)
        self.name = os.fspath(self.path)
        self.notes: list[str] = []
        self._encoding = encoding
        self._in_memory: bytes | None = None
        try:
            with self.path.open("rb") as file:
                self.head = file.read(HEAD_SIZE)
                if not self.path.is_file():  # a pipe, which cannot be read twice
                    self.keep(self.head + file.read())
            if is_packed(self.head):
                self.keep(unpacked(self.content(), table=table, limit=max_unpacked))
        except FileNotFoundError as error:
            raise DataError(f"{self.name}: there is no such file") from error
        except IsADirectoryError as error:
            raise DataError(f"{self.name} is a folder; expected a file{_hint(self.path)}") from error
        except MissingExtraError as error:
            raise MissingExtraError(f"{self.name}: {error}") from error
        except DataError as error:
            raise self.error(str(error)) from error
        except (OSError, ValueError) as error:
            raise DataError(f"{self.name}: cannot be read ({error})") from error
        self._recognise()

    @property
    def is_parquet(self) -> bool:
        """Whether the content is in the Parquet format."""
        return self.head.startswith(PARQUET_MAGIC)

    @property
    def is_arrow(self) -> bool:
        """Whether the content is in the Arrow IPC format, of files or of streams."""
        return self.head.startswith((ARROW_FILE_MAGIC, ARROW_STREAM_MAGIC))

    def source(self) -> Path | bytes:
        """The source for a reader to open: the path, so that it can map the file, or the bytes."""
        return self.path if self._in_memory is None else self._in_memory

    def content(self) -> bytes:
        """All bytes, unpacked, and text as UTF-8."""
        return self.path.read_bytes() if self._in_memory is None else self._in_memory

    def keep(self, content: bytes) -> None:
        """Read this from now on in place of what is on disk."""
        self._in_memory = content
        self.head = content[:HEAD_SIZE]

    def settle_encoding(self) -> bool:
        """Make sure that the text is UTF-8 to its last byte; whether it had to be changed for that."""
        if self._encoding is not None or is_utf8(self.content()):
            return False
        self._take_as("latin-1")
        return True

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines without line ends, with their numbers from 1; a DataError for a line that is not text."""
        stream = self.path.open("rb") if self._in_memory is None else io.BytesIO(self._in_memory)
        with stream:
            for number, line in enumerate(stream, start=1):
                content = line.removeprefix(UTF8_MARK) if number == 1 else line
                yield number, self._text(content, number).rstrip("\r\n")

    def error(self, message: str, line: int | None = None) -> DataError:
        """The error to raise, which names the file and the line."""
        place = self.name if line is None else f"{self.name}, line {line}"
        return DataError(f"{place}: {message}")

    def _text(self, line: bytes, number: int) -> str:
        if b"\0" in line:
            raise self.error("holds binary data (a NUL byte); expected text", number)
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise self.error(f"is not UTF-8 text (byte {error.start + 1})", number) from error

    def _recognise(self) -> None:
        if not self.head.strip():
            raise self.error("the file is empty")
        if self.is_parquet or self.is_arrow:
            return
        encoding = self._encoding or utf16_of(self.head)
        if encoding is None and (foreign := what_it_is(self.head)):
            raise self.error(f"is {foreign}")
        if encoding is not None:
            self._take_as(encoding)
        elif not is_utf8(self.head, may_be_cut=True) and b"\0" not in self.head:
            self._take_as("latin-1")
        # Line ends of old Macintosh computers, and of some exports.
        if b"\r" in self.head and b"\n" not in self.head:
            self.keep(self.content().replace(b"\r", b"\n"))

    def _take_as(self, encoding: str) -> None:
        try:
            self.keep(as_utf8(self.content(), encoding))
        except DataError as error:
            raise self.error(str(error)) from error
        if encoding == "latin-1" and self._encoding is None:
            self.notes.append("the text is not UTF-8, and was read as Latin-1; encoding=… names another")
        if not self.head.strip():
            raise self.error("the file is empty")


def _path_of(path: Any) -> Path:
    try:
        return Path(os.fsdecode(path))
    except TypeError:
        given = type(path).__name__
        raise DataError(f"expected the path of a file, got {given}{_remedy(path)}") from None


def _remedy(given: Any) -> str:
    if hasattr(given, "read"):
        return "; write it to a file first, or read it into a frame for Ratings.from_frame(…)"
    if hasattr(given, "columns") or hasattr(given, "__arrow_c_stream__"):
        return "; make ratings of a frame with Ratings.from_frame(…)"
    return ""


def _hint(folder: Path) -> str:
    """The file in a folder that is probably meant."""
    names = ("ratings.csv", "ratings.dat", "u.data", "ratings.parquet")
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is not None:
        return f", such as {found}"
    if any(folder.glob("*.parquet")):
        return "; read its parts into one frame, for Ratings.from_frame(…)"
    return ""
