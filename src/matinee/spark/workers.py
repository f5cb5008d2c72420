"""The Python processes in which Spark runs one task after the other."""

from __future__ import annotations

import gc
import os
import socket
import stat
from functools import cache
from pathlib import Path

from pyspark import TaskContext

import matinee

# The files that this process has open, by number; Windows has no such folder.
OPEN_FILES = Path("/dev/fd")


def settle_in() -> None:
    """In such a process, make what Spark does at the end of every task quick.

    Spark collects garbage after every task. With all that pandas and Arrow load, that takes 30 to 100 ms,
    which is longer than many tasks. This hides what is loaded by now from the collector, once per process.
    Whatever comes later is collected as usual.

    Over TCP, the last small packets of a task wait some 40 ms for Java to confirm those before them. This
    has them sent at once.
    """
    if TaskContext.get() is not None:
        _freeze()
        _send_at_once()


@cache
def _freeze() -> None:
    # Each name loads on its first use: what a later task loaded would be searched after every task.
    for name in matinee.__all__:
        getattr(matinee, name)
    gc.collect()
    gc.freeze()


@cache
def _send_at_once() -> None:
    """Turn off Nagle's algorithm on the connections to Java, which last as long as the process."""
    numbers = [int(path.name) for path in OPEN_FILES.iterdir()] if OPEN_FILES.is_dir() else []
    for number in numbers:
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            # It was the folder itself, which is closed by now.
            continue
        if is_socket:
            with socket.socket(fileno=os.dup(number)) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def task_threads() -> int:
    """How many threads a task may use: as many processors as Spark gave it (spark.task.cpus)."""
    task = TaskContext.get()
    return 1 if task is None else task.cpus()
