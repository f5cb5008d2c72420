"""Writes a model on a cluster to a folder and reads it back, on disks, HDFS or object stores.

    folder/save-5f0c…/users.parquet     the rows of the users
                      items.parquet     the rows of the items
                      metadata.parquet  one row, written last: without it, the save is not complete

To replace a model, a second subfolder is written. The older one is removed only once the new one is complete.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession

from matinee.checks import whole_number
from matinee.errors import ModelFileError
from matinee.models.alternating_model import AlternatingModel
from matinee.models.loading import DAMAGED, headed_model
from matinee.spark.answers.buckets import marked
from matinee.spark.answers.tables import ITEM_COLUMNS, USER_COLUMNS, check_columns, user_columns
from matinee.spark.kinds import KINDS

FORMAT_VERSION = 1
PREFIX = "save-"
METADATA = "number bigint, name string, format_version bigint, header string"
OF_SPARK = (PySparkException, Py4JJavaError)


@dataclass(frozen=True)
class Saved:
    """What is in a folder.

    Attributes
    ----------
    headed : AlternatingModel
        A model without its users and items.
    users, items : DataFrame
    name : str
        The name of the subfolder.
    """

    headed: AlternatingModel
    users: DataFrame
    items: DataFrame
    name: str


def write_folder(
    path: str | Path,
    header: dict[str, Any],
    users: DataFrame,
    items: DataFrame,
    *,
    overwrite: bool,
    source: str | None,
) -> None:
    """Write a model's tables and then its header.

    Parameters
    ----------
    path : str or Path
    header : dict
    users, items : DataFrame
    overwrite : bool
        If false, a model that is already in the folder is an error.
    source : str or None
        The subfolder that the tables themselves are read from.

    Raises
    ------
    ModelFileError
        If the folder cannot be written, or contains a model and ``overwrite`` is false.
    """
    spark = users.sparkSession
    there = _whole_saves(spark, path)
    if there and not overwrite:
        raise ModelFileError(f"{path} contains a model; save to another folder, or with overwrite=True")
    if any(row["name"] == source for row in there):
        raise ModelFileError(f"this model was loaded from {path}; save it to another folder")
    name = f"{PREFIX}{uuid.uuid4().hex}"
    try:
        counts = {
            f"n_{table}": _written(frame, f"{path}/{name}/{table}.parquet")
            for table, frame in (("users", users), ("items", items))
        }
        row = Row(
            number=max((row["number"] for row in there), default=0) + 1,
            name=name,
            format_version=FORMAT_VERSION,
            header=json.dumps(header | counts),
        )
        spark.createDataFrame([row], METADATA).coalesce(1).write.parquet(f"{path}/{name}/metadata.parquet")
        _remove_others(spark, path, name)
    except OF_SPARK as error:
        raise ModelFileError(f"{path} cannot be written: {_reason(error)}") from error


def read_folder(spark: SparkSession, path: str | Path) -> Saved:
    """The model that was saved last in a folder.

    Raises
    ------
    ModelFileError
        If there is no complete one, or it is damaged or of a newer version.
    """
    whole = _whole_saves(spark, path)
    if not whole:
        raise ModelFileError(
            f"{path} contains no complete model; expected a folder written by SparkModel.save"
        )
    last = max(whole, key=lambda row: row["number"])
    version = last["format_version"]
    if not 1 <= version <= FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version}; this Matinee reads up to {FORMAT_VERSION}: "
            "install a newer one"
        )
    try:
        return _checked(spark, f"{path}/{last['name']}", last["name"], json.loads(last["header"]))
    except (*DAMAGED, *OF_SPARK, ModelFileError) as error:
        raise ModelFileError(
            f"{path} is damaged or not a model of this version: {_reason(error)}; save the model again"
        ) from None


def _checked(spark: SparkSession, folder: str, name: str, header: dict[str, Any]) -> Saved:
    headed = headed_model(header, KINDS)
    headed.check_parameters()
    tables = []
    for table, columns in (("users", USER_COLUMNS), ("items", ITEM_COLUMNS)):
        found = spark.read.parquet(f"{folder}/{table}.parquet")
        check_columns(found, user_columns(found) if table == "users" else columns, table)
        expected, n_rows = header[f"n_{table}"], found.count()
        if n_rows != expected:
            raise ModelFileError(f"it has {n_rows:,} of {expected:,} {table}")
        tables.append(found)
    users, items = tables
    return Saved(headed, marked(users, whole_number("n_buckets", header["n_buckets"], least=1)), items, name)


def _written(table: DataFrame, path: str) -> int:
    """Write a table, and count the rows that were written."""
    table.write.parquet(path)
    return table.sparkSession.read.parquet(path).count()


def _whole_saves(spark: SparkSession, path: str | Path) -> list[Row]:
    """The metadata of every complete save in a folder."""
    try:
        return spark.read.schema(METADATA).parquet(f"{path}/{PREFIX}*/metadata.parquet").collect()
    except PySparkException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            return []
        raise ModelFileError(f"{path} cannot be read: {_reason(error)}") from error
    except Py4JJavaError as error:
        raise ModelFileError(f"{path} cannot be read: {_reason(error)}") from error


def _remove_others(spark: SparkSession, path: str | Path, name: str) -> None:
    """Remove all other saves from a folder, complete or not."""
    # Spark itself cannot remove files, but Hadoop, which it writes with, can do so on any kind of storage.
    context: Any = spark.sparkContext
    folder = context._jvm.org.apache.hadoop.fs.Path(str(path))
    files = folder.getFileSystem(context._jsc.hadoopConfiguration())
    for status in files.listStatus(folder):
        found = status.getPath()
        if found.getName().startswith(PREFIX) and found.getName() != name:
            files.delete(found, True)


def _reason(error: Exception) -> str:
    """The first line of an error, without the stack trace of Java."""
    text = str(error.java_exception) if isinstance(error, Py4JJavaError) else str(error)
    return text.split("\n")[0]
