"""Spark sessions for the tests: one inside this process, and one on a standalone cluster.

A process has one of them at a time, and each takes seconds to start. So all tests of the local session run
first, and those of the cluster after them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from matinee import cli
from tests.end_to_end.conftest import Outcome
from tests.spark.standalone import HOST, JAVA_OPTIONS, StandaloneCluster

FOLDER = Path(__file__).parent
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
# Asking a dead machine for its data again and again would take most of a minute.
CLUSTER_SETTINGS = {"spark.shuffle.io.maxRetries": "1", "spark.shuffle.io.retryWait": "1s"}


def pytest_configure(config: pytest.Config) -> None:
    # Known also where pytest-xdist is not installed.
    config.addinivalue_line("markers", "xdist_group(name): tests that one worker of pytest-xdist runs")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests of this folder by session, and keep them in one process."""
    places = [place for place, item in enumerate(items) if FOLDER in item.path.parents]
    ordered = sorted((items[place] for place in places), key=_needs_cluster)
    for place, item in zip(places, ordered, strict=True):
        item.add_marker(pytest.mark.xdist_group("spark"))
        items[place] = item


def _needs_cluster(item: pytest.Item) -> bool:
    return "cluster_spark" in getattr(item, "fixturenames", ())


def start_session(master: str, **settings: str) -> SparkSession:
    """A session on a master, in place of the one that is active."""
    if active := SparkSession.getActiveSession():
        active.stop()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).appName("tests")
    for name, value in {**SETTINGS, **settings}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark with two threads in this process's own virtual machine of Java."""
    warehouse = str(tmp_path_factory.mktemp("warehouse"))
    session = start_session("local[2]", **{"spark.sql.warehouse.dir": warehouse})
    yield session
    session.stop()


@pytest.fixture
def lasting_session(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SparkSession]:
    """That session in a folder of the test, for code that takes it for its own and stops it at its end."""
    monkeypatch.setattr(SparkSession, "stop", lambda session: None)
    monkeypatch.chdir(tmp_path)
    # Java keeps the folder that it was started in; Hadoop's files may have another.
    java: Any = spark.sparkContext._jvm
    files = java.org.apache.hadoop.fs.FileSystem.get(spark.sparkContext._jsc.hadoopConfiguration())
    folder = files.getWorkingDirectory()
    files.setWorkingDirectory(java.org.apache.hadoop.fs.Path(str(tmp_path)))
    yield spark
    files.setWorkingDirectory(folder)


@pytest.fixture
def command(lasting_session: SparkSession, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command in this process, on the session that the tests share."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """A master and two workers on loopback."""
    with StandaloneCluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def cluster_spark(cluster: StandaloneCluster) -> Iterator[SparkSession]:
    """A session on that cluster."""
    session = start_session(cluster.url, **CLUSTER_SETTINGS)
    yield session
    session.stop()


@pytest.fixture
def fragile_cluster(cluster: StandaloneCluster, cluster_spark: SparkSession) -> StandaloneCluster:
    """That cluster to kill a worker of; what an earlier test has killed is replaced."""
    cluster.replace_killed_workers(cluster_spark)
    return cluster
