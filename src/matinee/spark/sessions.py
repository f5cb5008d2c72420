"""Checks that pyspark is installed and that the machines of a session can run what a fit needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from matinee.errors import DataError, MatineeError, MissingExtraError

if TYPE_CHECKING:
    from pyspark import SparkContext

# Matches the last line of the Python traceback in what Spark says of a failed task.
DATA_ERROR = re.compile(rf"^{DataError.__module__}\.{DataError.__name__}: (.+)$", re.MULTILINE)

# The Python that Spark runs tasks with if PYSPARK_PYTHON names none.
UNNAMED_PYTHON = "python3"


def require_pyspark() -> None:
    """Raises an error that names the extra if pyspark is missing.

    Raises
    ------
    MissingExtraError
        If pyspark or pyarrow, which moves its batches, is not installed.
    """
    try:
        import pyarrow  # noqa: F401
        import pyspark.sql  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "a fit on a cluster needs pyspark, which is not installed; "
            'run: python -m pip install "matinee[spark]"'
        ) from None


def require_classic(given: Any) -> None:
    """Raises an error for a session of Spark Connect, or a frame of one.

    Factors and ratings move between tasks as RDDs, which Spark Connect does not have.

    Raises
    ------
    DataError
    """
    if type(given).__module__.startswith("pyspark.sql.connect"):
        raise DataError(
            "this is a session of Spark Connect, which has no RDDs; expected a classic one: "
            'SparkSession.builder.master("…"), without .remote("…") and SPARK_REMOTE'
        )


def use_this_python(context: SparkContext) -> None:
    """Let the tasks of a local session run in the Python of this process.

    Unless PYSPARK_PYTHON names another, Spark takes the first ``python3`` on the PATH, which is not that of a
    virtual environment.
    """
    if is_local(context) and context.pythonExec == UNNAMED_PYTHON:
        context.pythonExec = sys.executable


def is_local(context: SparkContext) -> bool:
    """Whether the tasks run on this machine alone."""
    return (context.master or "").startswith("local")


def check_workers(context: SparkContext) -> None:
    """Raises an error if the Python of a machine lacks Matinee or has another version of it.

    Raises
    ------
    MatineeError
    """
    own = version("matinee")

    def version_there(_: Iterable[int]) -> Iterator[str]:
        try:
            import matinee._kernels  # noqa: F401

            yield version("matinee")
        except ImportError:
            yield ""

    n_tasks = context.defaultParallelism
    found = set(context.parallelize(range(n_tasks), n_tasks).mapPartitions(version_there).collect())
    for other in found - {own}:
        lack = f"has Matinee {other}" if other else "has no Matinee"
        raise MatineeError(
            f"the Python of a machine of the cluster {lack}, and the driver has {own}; install {own} there, "
            "or set the environment variable PYSPARK_PYTHON to a Python that has it"
        )


@contextmanager
def errors_of_workers() -> Iterator[None]:
    """Raises the DataError of a failed task as if the driver itself had found it."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        if found := DATA_ERROR.search(str(error)):
            raise DataError(found[1]) from error
        raise
