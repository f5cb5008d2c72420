"""A real Spark cluster on this machine's loopback: a master and its workers, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pyspark

HOST = "127.0.0.1"
SECONDS_TO_START = 60
SPARK_HOME = Path(pyspark.__file__).parent


class StandaloneCluster:
    """A master and workers of one core each, stopped at the end of the ``with`` block.

    Parameters
    ----------
    folder : Path
        For logs and for what the executors write.
    n_workers : int
    memory : str
        Of each worker.
    """

    def __init__(self, folder: Path, *, n_workers: int = 2, memory: str = "1g") -> None:
        self.folder = folder
        self.n_workers = n_workers
        self.memory = memory
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start("master.Master", "--host", HOST, "--port", "0", "--webui-port", "0")
        self.url = self._wait_for(r"Starting Spark master at (spark://\S+)")
        for _ in range(self.n_workers):
            self.add_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            self._kill(process)

    def add_worker(self) -> None:
        """One more worker, registered with the master."""
        place = ("--work-dir", str(self.folder / f"work-{len(self._processes)}"))
        size = ("--cores", "1", "--memory", self.memory)
        self._start("worker.Worker", "--host", HOST, "--webui-port", "0", *size, *place, self.url)
        self._wait_for("Successfully registered with master")

    @property
    def n_running(self) -> int:
        """How many workers are alive."""
        return sum(process.poll() is None for process in self._processes[1:])

    def kill_worker(self, number: int) -> None:
        """Kill a worker and its executors at once, as if its machine had lost power; numbers from 0."""
        self._kill(self._processes[1 + number])

    def _start(self, name: str, *arguments: str) -> None:
        command = [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        environment = os.environ | {
            "SPARK_LOCAL_IP": HOST,
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
        }
        with self._log().open("wb") as log:
            # A group of its own, which its executors are part of.
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)

    def _log(self, number: int | None = None) -> Path:
        return self.folder / f"process-{len(self._processes) if number is None else number}.log"

    def _wait_for(self, pattern: str) -> str:
        """What the last process started says of itself: the pattern's first group, or all that it matches."""
        log = self._log(len(self._processes) - 1)
        for _ in range(SECONDS_TO_START * 10):
            if found := re.search(pattern, log.read_text(errors="replace")):
                return found.group(found.re.groups)
            time.sleep(0.1)
        raise RuntimeError(f"not started in {SECONDS_TO_START} s:\n{log.read_text(errors='replace')}")

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
