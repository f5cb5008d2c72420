"""Writes factors to a folder now and then, so that plans and repairs do not grow with the iterations."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from collections import defaultdict
from typing import Any

from pyspark import RDD, SparkContext

from matinee.errors import DataError
from matinee.spark.answers.model import SparkModel, load
from matinee.spark.sessions import is_local

# How many checkpoints of a side are kept. Repairing the other side may need the last but one.
KEPT = 2


class Checkpoints:
    """Spark's checkpoints of a fit, which removes those that it no longer needs.

    Parameters
    ----------
    context : SparkContext
    folder : str or None
        A folder that all machines of the cluster can write to. None takes the folder of the context or, in
        local mode, a temporary one.
    """

    def __init__(self, context: SparkContext, folder: str | None) -> None:
        self.context = context
        self.folder = folder
        self._put_down: dict[str, list[RDD[bytes]]] = defaultdict(list)

    def prepare(self) -> None:
        """Make sure that the context has a folder for checkpoints.

        Raises
        ------
        DataError
            On a cluster, if no folder was named.
        """
        if self.folder is not None:
            self.context.setCheckpointDir(self.folder)
        elif self.context.getCheckpointDir() is None:
            if not is_local(self.context):
                raise DataError(
                    "factors that stay on a cluster are written now and then to a folder that all its "
                    'machines can write to; name one: checkpoint_folder="hdfs://…"'
                )
            folder = tempfile.mkdtemp(prefix="matinee-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self.context.setCheckpointDir(folder)

    def put_down(self, name: str, factors: RDD[bytes]) -> None:
        """Have the factors of a side written by the next job that computes them."""
        factors.checkpoint()
        self._put_down[name].append(factors)

    def forget_old(self, name: str) -> None:
        """Remove all but the last `KEPT` checkpoints of a side."""
        kept = self._put_down[name]
        while len(kept) > KEPT:
            self._remove(kept.pop(0))

    def forget_all(self) -> None:
        """Remove all checkpoints, at the end of the fit."""
        for kept in self._put_down.values():
            while kept:
                self._remove(kept.pop())

    def kept(self, model: SparkModel) -> SparkModel:
        """The model with its tables saved in the folder, so that the loss of a machine does not harm it."""
        folder = f"{self.context.getCheckpointDir()}/model-{uuid.uuid4().hex}"
        model.save(folder)
        return load(model.users.sparkSession, folder)

    def _remove(self, factors: RDD[bytes]) -> None:
        folder = factors.getCheckpointFile()
        if folder is None:
            return
        machine: Any = self.context._jvm
        path = machine.org.apache.hadoop.fs.Path(folder)
        path.getFileSystem(self.context._jsc.hadoopConfiguration()).delete(path, True)
