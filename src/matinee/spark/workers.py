"""The Python processes in which Spark runs one task after the other."""

from __future__ import annotations

import gc
from functools import cache

from pyspark import TaskContext

import matinee


def settle_in() -> None:
    """In such a process, make the garbage collection after every task cheap.

    Spark collects garbage after every task. With all that pandas and Arrow load, that takes 30 to 100 ms,
    which is longer than many tasks. This hides what is loaded by now from the collector, once per process.
    Whatever comes later is collected as usual.
    """
    if TaskContext.get() is not None:
        _freeze()


@cache
def _freeze() -> None:
    # Each name loads on its first use: what a later task loaded would be searched after every task.
    for name in matinee.__all__:
        getattr(matinee, name)
    gc.collect()
    gc.freeze()


def task_threads() -> int:
    """How many threads a task may use: as many processors as Spark gave it (spark.task.cpus)."""
    task = TaskContext.get()
    return 1 if task is None else task.cpus()
