"""The Python processes that run a cluster's tasks, one task after the other."""

from __future__ import annotations

import gc
from functools import cache

from pyspark import TaskContext


def settle_in() -> None:
    """Where this is such a process, spare it most of the collecting of garbage after every task.

    Spark has it done, and with what pandas and Arrow load it takes 30 to 100 ms: longer than many a task.
    What is loaded by now is put beyond the collector's reach, once; what comes later is collected as ever.
    """
    if TaskContext.get() is not None:
        _freeze()


@cache
def _freeze() -> None:
    gc.collect()
    gc.freeze()


def task_threads() -> int:
    """As many as Spark gave the task processors (spark.task.cpus)."""
    task = TaskContext.get()
    return 1 if task is None else task.cpus()
