"""A real Spark cluster on this machine's loopback: a master and its workers, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyspark
from pyspark.sql import SparkSession

HOST = "127.0.0.1"
# A process that has not done by then what it was started for hangs.
HANGS_AFTER_SECONDS = 600
# The tests are too short for what the second compiler finds. Without it, Java keeps so little room for
# compiled code that it throws code away all the time.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
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

    def kill_worker(self) -> None:
        """Kill the youngest worker and its executor at once, as if its machine had lost power.

        The executor of the oldest has been running for longest, and does the rest of the work soonest.
        """
        self._kill(self._processes[-1])

    def replace_killed_workers(self, session: SparkSession) -> None:
        """Have as many workers as at the start again, each with an executor for the session."""
        self._wait_for_executors(session)
        while self.n_running < self.n_workers:
            self.add_worker()
        self._wait_for_executors(session)

    def _wait_for_executors(self, session: SparkSession) -> None:
        """Return once the session has an executor on each worker that is alive, and no others."""
        context: Any = session.sparkContext._jsc.sc()
        # The driver itself is counted too.
        _wait_until(lambda: context.getExecutorMemoryStatus().size() == 1 + self.n_running, "the executors")

    def _start(self, name: str, *arguments: str) -> None:
        command = [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        environment = os.environ | {
            "SPARK_LOCAL_IP": HOST,
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": JAVA_OPTIONS,
            "SPARK_LAUNCHER_OPTS": JAVA_OPTIONS,
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
        process, log = self._processes[-1], self._log(len(self._processes) - 1)

        def said() -> re.Match[str] | None:
            has_ended = process.poll() is not None
            text = log.read_text(errors="replace")
            found = re.search(pattern, text)
            if has_ended and not found:
                raise RuntimeError(f"not started:\n{text}")
            return found

        found = _wait_until(said, log)
        return str(found.group(found.re.groups))

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until(condition: Callable[[], Any], waited_for: object) -> Any:
    """What the condition gives once it holds."""
    end = time.monotonic() + HANGS_AFTER_SECONDS
    while not (found := condition()):
        if time.monotonic() > end:
            raise RuntimeError(f"{waited_for}: not there after {HANGS_AFTER_SECONDS} s")
        time.sleep(0.05)
    return found
