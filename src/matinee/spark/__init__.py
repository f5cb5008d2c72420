"""The row problem on a Spark cluster: Spark moves, caches and recovers the data; our kernels solve the rows.

pyspark is imported when one of these names is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from matinee.spark.sessions import require_pyspark

if TYPE_CHECKING:
    from matinee.spark.answers.model import SparkModel, load
    from matinee.spark.fitting.fitting import fit

__all__ = ["SparkModel", "fit", "load"]

_HOMES = {"SparkModel": "answers.model", "fit": "fitting.fitting", "load": "answers.model"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_pyspark()
    return getattr(import_module(f"matinee.spark.{_HOMES[name]}"), name)
