"""Turns text of any usual encoding into UTF-8."""

from __future__ import annotations

import codecs

from matinee.errors import DataError

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# So many bytes show whether every second one is zero, as in UTF-16 text in a Latin script.
SAMPLE = 64


def is_utf8(content: bytes, *, may_be_cut: bool = False) -> bool:
    """Whether the bytes are UTF-8; ``may_be_cut`` allows for a last character that is not whole."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content, final=not may_be_cut)
    except UnicodeDecodeError:
        return False
    return True


def utf16_of(head: bytes) -> str | None:
    """The encoding of the text that begins so, if it is UTF-16; None otherwise."""
    if head.startswith(UTF16_MARKS):
        return "utf-16"
    sample = head[:SAMPLE]
    if len(sample) >= 4 and not any(sample[1::2]) and all(sample[::2]):
        return "utf-16-le"
    return "utf-16-be" if len(sample) >= 4 and not any(sample[::2]) and all(sample[1::2]) else None


def as_utf8(content: bytes, encoding: str) -> bytes:
    """The text in UTF-8.

    Raises
    ------
    DataError
        If there is no such encoding, or the bytes are not of it.
    """
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError as error:
        raise DataError(
            f"encoding={encoding!r} is not known; expected one such as 'utf-8' or 'latin-1'"
        ) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"line {line} is not {encoding} text (byte {error.start + 1} of the file); name its encoding"
        ) from error
    except UnicodeEncodeError as error:
        raise DataError(f"is not {encoding} text ({error.reason})") from error
