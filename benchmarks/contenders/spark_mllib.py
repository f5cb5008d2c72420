"""Spark's own ALS, ``pyspark.ml.recommendation.ALS``, explicit and implicit, on one machine and on a cluster.

Set up to do well: its data cached, as many blocks as suit two cores (see ``spark_als.py``), and a checkpoint
directory, so that its lineage is cut every ten iterations, which is its own default.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyspark
from job import Prepared, answer
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame
from spark_als import als
from spark_implicit import array_of
from spark_job import tasks


class MLlib:
    """Its ``Library``."""

    def fit(self, train: DataFrame, job: dict, n_iterations: int) -> ALSModel:
        options = {"n_blocks": job["n_blocks"]} if "n_blocks" in job else {}
        if job["implicit"]:
            options |= {"implicitPrefs": True, "alpha": job["alpha"]}
        learner = als(rank=job["rank"], maxIter=n_iterations, regParam=job["regularization"], **options)
        return learner.fit(train)

    def predict(self, model: ALSModel, pairs: DataFrame) -> DataFrame:
        return model.transform(pairs)

    def recommend_all(self, model: ALSModel, n: int) -> DataFrame:
        return model.recommendForAllUsers(n)

    def factors(self, train: DataFrame, job: dict, data: Prepared) -> tuple[np.ndarray, np.ndarray]:
        model = self.fit(train, job, job["n_iterations"])
        rank = job["rank"]
        users = array_of(model.userFactors, data.n_users, rank)
        return users, array_of(model.itemFactors, data.n_items, rank)

    def seconds_of_tasks(self, train: DataFrame, job: dict) -> list[list[float]]:
        """From Spark's own records: the stages that solve one side and send it to the other.

        All but the first, which sends the starting factors, and all but the last half-iteration, which is
        part of another stage.
        """
        store = train.sparkSession.sparkContext._jsc.sc().statusStore()
        known = {stage.stageId() for stage in stages_of(store)}
        self.fit(train, job, job["n_iterations"])
        stages = [stage for stage in stages_of(store) if stage.stageId() not in known]
        (name, _), *_ = Counter(stage.name() for stage in stages).most_common(1)
        halves = sorted(
            (stage for stage in stages if stage.name() == name), key=lambda stage: stage.stageId()
        )
        return [seconds_of(store, stage) for stage in halves[1:]]


def stages_of(store: Any) -> list[Any]:
    """The stages that have ended, of an ``AppStatusStore``."""
    stages = store.stageList(None, False, False, array_of_doubles(), None)
    every = [stages.apply(place) for place in range(stages.size())]
    return [stage for stage in every if str(stage.status()) == "COMPLETE"]


def array_of_doubles() -> Any:
    gateway = pyspark.SparkContext._gateway
    return gateway.new_array(gateway.jvm.double, 0)


def seconds_of(store: Any, stage: Any) -> list[float]:
    """How long each task of a stage ran, in the order of the blocks."""
    found = store.taskList(stage.stageId(), stage.attemptId(), stage.numTasks())
    every = sorted((found.apply(place) for place in range(found.size())), key=lambda task: task.index())
    return [task.taskMetrics().get().executorRunTime() / 1000 for task in every]


if __name__ == "__main__":
    answer(pyspark.__version__, **tasks(MLlib()))
