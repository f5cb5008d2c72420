"""Factors put down in a folder that outlives machines, so that neither plans nor repairs grow with a fit."""

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

# What was solved since the last but one may still be needed to make a part of the other side again.
KEPT = 2


class Checkpoints:
    """Spark's checkpoints, of which old ones are removed.

    Parameters
    ----------
    context : SparkContext
    folder : str or None
        Where all machines of the cluster can write; None for that of the context, or, where all runs on this
        machine, a temporary one.
    """

    def __init__(self, context: SparkContext, folder: str | None) -> None:
        self.context = context
        self.folder = folder
        self._put_down: dict[str, list[RDD[bytes]]] = defaultdict(list)

    def prepare(self) -> None:
        """Make sure that there is a folder.

        Raises
        ------
        DataError
            On a cluster, if none was named.
        """
        if self.folder is not None:
            self.context.setCheckpointDir(self.folder)
        elif self.context.getCheckpointDir() is None:
            if not is_local(self.context):
                raise DataError(
                    "factors that stay on a cluster are put down once in a while, in a folder that all its "
                    'machines can write to; name one: checkpoint_folder="hdfs://…"'
                )
            folder = tempfile.mkdtemp(prefix="matinee-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self.context.setCheckpointDir(folder)

    def put_down(self, name: str, factors: RDD[bytes]) -> None:
        """Have factors written with the next job that computes them."""
        factors.checkpoint()
        self._put_down[name].append(factors)

    def forget_old(self, name: str) -> None:
        """Remove all but the last few of a side."""
        kept = self._put_down[name]
        while len(kept) > KEPT:
            self._remove(kept.pop(0))

    def forget_all(self) -> None:
        """Remove what is left, once the fit is over."""
        for kept in self._put_down.values():
            while kept:
                self._remove(kept.pop())

    def kept(self, model: SparkModel) -> SparkModel:
        """The model, its tables put down in the folder: no machine that is lost takes a part of it along."""
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
