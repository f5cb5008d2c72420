"""The secret that signs cookies: from the environment, or from a file that the first start makes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from matinee.errors import DataError

VARIABLE = "MATINEE_SECRET"
FILE = "secret"
# The server makes 256 bits, written in hex. A secret under 32 characters could be guessed.
N_BYTES, SHORTEST = 32, 32


def secret_key(folder: Path) -> str:
    """The secret in ``MATINEE_SECRET``, or else in the folder's file, which is made if it is missing.

    Raises
    ------
    DataError
        If the secret is too short, or other users may read the file.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return _long_enough(given.strip(), VARIABLE)
    path = folder / FILE
    try:
        return _kept(path)
    except OSError as error:
        raise DataError(
            f"{path}: the server cannot keep its secret there ({error.strerror}); make the folder writable, "
            f"or give the secret in {VARIABLE}"
        ) from error


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make(path)
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise DataError(f"{path} has the mode {mode:04o}: other users may read it; run chmod 600 {path}")
    return _long_enough(path.read_text(encoding="ascii", errors="replace").strip(), str(path))


def _make(path: Path) -> None:
    """Write the file under another name first, so that nobody reads half of it. The first writer wins."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(N_BYTES))
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _long_enough(secret: str, source: str) -> str:
    if len(secret) < SHORTEST:
        raise DataError(
            f"{source} holds {len(secret)} characters; expected a secret of at least {SHORTEST}, such as "
            "the output of 'openssl rand -hex 32'"
        )
    return secret
