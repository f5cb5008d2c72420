"""The command ``matinee serve`` in a process of its own."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path

import httpx2

COMMAND = str(Path(sysconfig.get_path("scripts")) / "matinee")
# Only against a hang: no machine is so slow.
HANG_SECONDS = 600
# Below the ports that systems give to clients, so that nobody's connection gets one in between.
PORTS = range(10_000, 32_000)


def free_port() -> int:
    """A port of loopback that nobody listens on; by chance, so that test runs side by side differ."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class ServerProcess:
    """A server that answers once this is made.

    Parameters
    ----------
    folder : Path
        For its secret, its database and its log.
    options : objects
        Of the command line.

    Attributes
    ----------
    address : str
        Where it is, without a slash at the end.
    log : Path
    """

    def __init__(self, folder: Path, *options: object) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / f"{port}.log"
        command = [COMMAND, "serve", "--folder", folder, "--port", port, "--rate-limit", "none", *options]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    @property
    def pid(self) -> int:
        """The process that was started, the parent of its workers."""
        return self._process.pid

    def _wait(self) -> None:
        end = time.monotonic() + HANG_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if httpx2.get(f"{self.address}/ready", timeout=HANG_SECONDS).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """kill −9, its workers too."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(HANG_SECONDS)

    def stop(self) -> int:
        """Tell it to stop; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(HANG_SECONDS)
