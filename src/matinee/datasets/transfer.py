"""Downloads files over HTTP: continues where it was cut off, and tries a limited number of times."""

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from matinee.datasets.disk import disk_errors_explained, require_room, size_in_words
from matinee.errors import DataError
from matinee.progress import Bar, progress_bar

N_TRIES = 5
FIRST_WAIT_SECONDS = 0.5  # doubled after each try: 7.5 seconds of waiting in all before giving up
TIMEOUT_SECONDS = 30.0  # of silence, not of the whole transfer
_CHUNK = 1 << 18
_LONGEST_TEXT = 1 << 16  # a checksum file is one line; a captive portal's page may be anything

_Answer = TypeVar("_Answer")


class _ConnectionCutError(Exception):
    """The connection failed in a way that another try may repair."""


class _RangeRefusedError(_ConnectionCutError):
    """The server has no bytes from that position on."""


def fetch_text(url: str) -> str:
    """The text at a URL, at most 64 KiB of it.

    Raises
    ------
    DataError
        If the server refuses, or the connection failed ``N_TRIES`` times.
    """

    def read() -> str:
        with _open(url) as response:
            try:
                return response.read(_LONGEST_TEXT).decode("utf-8", errors="replace")
            except (OSError, http.client.HTTPException) as error:
                raise _ConnectionCutError(str(error)) from error

    return _with_tries(url, read)


def fetch_file(url: str, part: Path, *, largest: int, progress: bool | None = None) -> None:
    """Download a URL into a file, and go on from where the file ends.

    After a cut connection, a ``Range`` request continues the download; a server that does not know such
    requests sends the whole file again. If the download is interrupted or given up, the file keeps the bytes
    that came, and a later call goes on from there. If the disk is full, the file is removed.

    Parameters
    ----------
    url : str
    part : Path
        The file, in an existing folder. If the file exists, the caller makes sure that it is the beginning of
        the file at ``url``, and checks the whole file afterwards.
    largest : int
        The largest size, in bytes; a longer file is refused.
    progress : bool or None
        False shows no progress bar. Otherwise there is one on a terminal, and in a notebook.

    Raises
    ------
    DataError
        If the server refuses, the connection failed ``N_TRIES`` times, or there is no room.
    """
    name = url.rsplit("/", 1)[-1]
    with progress_bar(name, None, shown=progress is not False, in_bytes=True, at_once=True) as bar:
        _with_tries(url, lambda: _continue_file(url, part, largest, bar))


def _with_tries(url: str, action: Callable[[], _Answer]) -> _Answer:
    last: _ConnectionCutError | None = None
    for attempt in range(N_TRIES):
        if attempt > 0:
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            return action()
        except _ConnectionCutError as cut:
            last = cut
    raise DataError(
        f"{url}: the connection failed {N_TRIES} times, the last time with: {last}. "
        f"Run it again: what has come so far is kept, and the download goes on from there"
    ) from last


def _continue_file(url: str, part: Path, largest: int, bar: Bar) -> None:
    # A link or a device in place of the file has no beginning to go on from.
    held = part.stat().st_size if part.is_file() else 0
    try:
        with _open(url, start=held) as response:
            if response.status == HTTPStatus.PARTIAL_CONTENT:
                _require_start(response, held)
            else:
                held = 0  # the server knows no ranges, and sends the whole
            _receive(response, part, held, largest, bar)
    except _RangeRefusedError:
        part.unlink(missing_ok=True)
        raise


def _receive(response: http.client.HTTPResponse, part: Path, held: int, largest: int, bar: Bar) -> None:
    length = response.getheader("Content-Length", "")
    total = held + int(length) if length.isdecimal() else None
    needed = None if total is None else total - held
    if needed is not None:
        require_room(part.parent, needed)
    try:
        with disk_errors_explained(part.parent, needed), part.open("ab" if held else "wb") as file:
            while total is None or held < total:
                if max(held, total or 0) > largest:
                    raise _too_large(response.url, max(held, total or 0), largest)
                chunk = _read(response, _CHUNK if total is None else min(_CHUNK, total - held))
                if not chunk:
                    break
                file.write(chunk)
                held += len(chunk)
                bar.update(held, total=total)
    except DataError:
        with suppress(OSError):
            part.unlink()
        raise
    if total is not None and held < total:
        raise _ConnectionCutError(f"it closed after {held:,} of {total:,} bytes")


def _read(response: http.client.HTTPResponse, n_bytes: int) -> bytes:
    try:
        # read1 gives the bytes that have come, so an interrupt loses nothing and a slow connection shows
        # progress.
        return response.read1(n_bytes)
    except (OSError, http.client.HTTPException) as error:
        raise _ConnectionCutError(str(error) or type(error).__name__) from error


def _require_start(response: http.client.HTTPResponse, start: int) -> None:
    sent = response.getheader("Content-Range", "")
    if not sent.startswith(f"bytes {start}-"):
        raise _RangeRefusedError(f"the server sent {sent!r} for the bytes from {start} on")


def _open(url: str, *, start: int = 0) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "matinee"})
    if start > 0:
        request.add_header("Range", f"bytes={start}-")
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
        return response
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(url, error) from error
    except urllib.error.URLError as error:
        raise _failure(url, error.reason) from error
    except http.client.InvalidURL as error:
        raise DataError(f"{url}: not a URL ({error}); correct MATINEE_DOWNLOAD_URL") from error
    except (OSError, http.client.HTTPException) as error:
        raise _ConnectionCutError(str(error) or type(error).__name__) from error


def _refusal(url: str, error: urllib.error.HTTPError) -> Exception:
    answer = f"the server answered {error.code} {error.reason}"
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _RangeRefusedError(answer)
    if error.code >= 500 or error.code in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS):
        return _ConnectionCutError(answer)
    return DataError(
        f"{url}: {answer}; expected the file. Name a mirror in MATINEE_DOWNLOAD_URL, or unzip "
        f"the archive by hand into a folder and name that folder in MATINEE_DATA"
    )


def _failure(url: str, reason: str | BaseException) -> Exception:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DataError(
            f"{url}: the server's certificate is not valid ({reason.verify_message}), so nothing was "
            f"downloaded. Try again later, or name a mirror in MATINEE_DOWNLOAD_URL"
        )
    if isinstance(reason, socket.gaierror):
        return DataError(
            f"{url}: the server's name cannot be found ({reason.strerror}). Check the network, or unzip "
            f"the archive by hand into a folder and name that folder in MATINEE_DATA"
        )
    return _ConnectionCutError(str(reason))


def _too_large(url: str, n_bytes: int, largest: int) -> DataError:
    return DataError(
        f"{url}: the file has {size_in_words(n_bytes)} or more, and at most {size_in_words(largest)} were "
        f"expected; name another mirror in MATINEE_DOWNLOAD_URL"
    )
