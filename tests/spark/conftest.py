"""Spark sessions: inside this process, and on a standalone cluster that is started for the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.spark.standalone import HOST, StandaloneCluster

# A session of a test is too short for what the second compiler finds.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    "spark.executor.extraJavaOptions": JAVA_OPTIONS,
    "spark.driver.host": HOST,
    "spark.driver.bindAddress": HOST,
    "spark.driver.memory": "1g",
    "spark.executor.memory": "768m",
    "spark.python.unix.domain.socket.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
}


def start_session(master: str, **settings: str) -> SparkSession:
    """A session on a master; only one can be active at a time."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).appName("tests")
    for name, value in {**SETTINGS, **settings}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark with two threads in this machine's own virtual machine of Java."""
    warehouse = str(tmp_path_factory.mktemp("warehouse"))
    session = start_session("local[2]", **{"spark.sql.warehouse.dir": warehouse})
    yield session
    session.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """A master and two workers on loopback."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    with StandaloneCluster(folder) as started:
        yield started


@pytest.fixture(scope="module")
def cluster_spark(cluster: StandaloneCluster) -> Iterator[SparkSession]:
    """A session on that cluster."""
    session = start_session(cluster.url)
    yield session
    session.stop()
