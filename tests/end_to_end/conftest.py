"""The command line as people and scripts meet it: in this process for speed, or as the real command."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import sysconfig
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from matinee import cli

from ..conftest import SECONDS

COMMAND = str(Path(sysconfig.get_path("scripts")) / "matinee")


class Outcome(NamedTuple):
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output; NaN and infinity, which are not JSON, are refused."""
        assert self.status == 0, self.err
        return json.loads(self.out, parse_constant=pytest.fail)


@pytest.fixture(autouse=True)
def umap_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the map of films by principal components: UMAP compiles for half a minute in each process."""
    monkeypatch.setitem(sys.modules, "umap", None)


@pytest.fixture
def matinee(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run


def run_command(*arguments: object, **options: Any) -> Outcome:
    """Runs the command that is installed, with pipes for its output."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
        timeout=SECONDS,
        encoding="utf-8",
    )
    return Outcome(done.returncode, done.stdout or "", done.stderr or "")


class Terminal:
    """A terminal of so many columns that a command can be given, and what was written to it."""

    def __init__(self, columns: int = 80) -> None:
        self._ours, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._written = bytearray()
        self._grown = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """The command, started with this terminal as its own but for the streams given."""
        streams = {"stdin": self.end, "stdout": self.end, "stderr": self.end}
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            **(streams | options),
            # Its size is the terminal's own, and not what pytest-xdist tells its workers.
            env={name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
            | {"TERM": "xterm"},
            encoding="utf-8",
        )

    def wait_for(self, text: str) -> None:
        """Return once the text has been written; fails if it never is."""
        with self._grown:
            assert self._grown.wait_for(lambda: text in self.text, SECONDS), self.text

    @property
    def text(self) -> str:
        """All that was written so far."""
        return self._written.decode(errors="replace")

    def close(self) -> str:
        """All that was written, once nobody writes any more."""
        os.close(self.end)
        self._reading.join(SECONDS)
        os.close(self._ours)
        return self.text

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._ours, 1 << 16)
            except OSError:  # the last writer is gone
                return
            if not part:
                return
            with self._grown:
                self._written += part
                self._grown.notify_all()
