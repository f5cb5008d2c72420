"""Reads a frame of ratings once: each task encodes the ids of its rows by tables of its own.

The driver then merges these tables, which are small beside the ratings, and the tasks need no join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.duplicates import Duplicates
from matinee.spark.arrow_batches import as_stream, gathered, pack, unpack
from matinee.spark.faulty_rows import check_rows
from matinee.spark.rating_frames import Columns, given_rows, marked_rows, no_ratings
from matinee.spark.workers import settle_in

# A task costs some 10 ms whatever it reads, so partitions are read together, but not so many that one
# processor has to wait long for another.
TASKS_PER_PROCESSOR = 4

# users and items are batches of ids and of how many of the portion's ratings each has. ratings is a batch of
# lists: user, item (places in these), rating, weight, and source: the partition, and the portion's number
# among all that its task reads.
SCHEMA = "n_rows bigint, n_faulty bigint, users binary, items binary, ratings binary"


@dataclass(frozen=True)
class Portions:
    """The ratings of a frame, each portion some consecutive rows of one partition.

    Attributes
    ----------
    frame : DataFrame
        What was read, for errors to show.
    columns : Columns
    table : DataFrame
        A row for each portion, by `SCHEMA`. The executors cache it.
    n_ratings : int
    id_bytes : int
        The bytes of all portions' tables of ids.
    """

    frame: DataFrame
    columns: Columns
    table: DataFrame
    n_ratings: int
    id_bytes: int

    def release(self) -> None:
        """Free what the executors cache."""
        self.table.unpersist()

    def merged_ids(self) -> tuple[IdTable, IdTable]:
        """All users and all items."""
        found = self.table.select("users", "items").toArrow()
        users, items = (IdTable.merged(found[name]) for name in ("users", "items"))
        return users, items

    def fetched(self, duplicates: Duplicates) -> Ratings:
        """The ratings on the driver, as if it had read the frame by itself."""
        found = self.table.select("users", "items", "ratings").toArrow()
        portions = [
            ([ids_in(table) for table in ids], unpack(packed.as_buffer()))
            for *ids, packed in zip(*found.columns, strict=True)
        ]
        portions.sort(key=lambda portion: source_of(portion[1]))
        rows = pa.concat_tables(_rows_of(ids, arrays) for ids, arrays in portions)
        weight = "weight" if "weight" in rows.column_names else None
        return Ratings.from_frame(rows, weight=weight, duplicates=duplicates)


@dataclass(frozen=True)
class IdTable:
    """The ids of a side in their order, and how many ratings each has.

    Attributes
    ----------
    ids : Arrow array of int64 or string, shape (n,)
    n_ratings : ndarray of int64, shape (n,)
    """

    ids: Any
    n_ratings: NDArray[np.int64]

    @classmethod
    def merged(cls, tables: Iterable[Any]) -> IdTable:
        """All ids of several portions."""
        every = pa.concat_tables(map(_table_of, tables))
        # Arrow sorts strings by their bytes in UTF-8, which is the order of their characters.
        merged = every.group_by("id").aggregate([("n", "sum")]).sort_by("id")
        return cls(merged["id"].combine_chunks(), merged["n_sum"].to_numpy())


def read_portions(frame: DataFrame, columns: Columns) -> Portions:
    """The ratings of a frame, read by the executors and cached there.

    Raises
    ------
    DataError
        If `given_rows` or `check_rows` refuses the frame, there are no rows, or all weights are 0.
    """
    n_tasks = TASKS_PER_PROCESSOR * frame.sparkSession.sparkContext.defaultParallelism
    table = marked_rows(frame, columns).coalesce(n_tasks).mapInArrow(_encoded, SCHEMA).persist()
    try:
        id_bytes = (F.length("users") + F.length("items")).alias("id_bytes")
        found = table.select("n_rows", "n_faulty", id_bytes).toArrow()
        n_rows, n_faulty, n_bytes = (int(sum(column.to_pylist())) for column in found.columns)
        if n_faulty:
            check_rows(given_rows(frame, columns))
            raise DataError(
                f"{n_faulty:,} rows were not valid when first read; is the frame always the same?"
            )
        if n_rows == 0:
            raise no_ratings(frame, columns)
    except BaseException:
        table.unpersist()
        raise
    return Portions(frame, columns, table, n_rows, n_bytes)


def source_of(arrays: dict[str, NDArray[Any]]) -> tuple[int, ...]:
    """What portions are sorted by to be in the order of the rows."""
    return tuple(arrays["source"].tolist())


def ids_in(packed: Any) -> Any:
    """The ids in a portion's table, as an Arrow array."""
    return _table_of(packed)["id"].combine_chunks()


def _encoded(batches: Iterator[Any]) -> Iterator[Any]:
    settle_in()
    numbers = count()
    for table in gathered(batches):
        partition = table["partition"].to_numpy()
        borders = np.flatnonzero(np.diff(partition)) + 1
        for first, last in pairwise([0, *borders.tolist(), len(partition)]):
            source = np.array([partition[first], next(numbers)], dtype=np.int64)
            yield _portion(table.slice(first, last - first), source)


def _portion(rows: Any, source: NDArray[np.int64]) -> Any:
    # Where anything is wrong with a row, its rating is missing.
    n_faulty = rows["rating"].null_count
    packed = {"users": b"", "items": b"", "ratings": b""} if n_faulty else _packed(rows, source)
    return pa.record_batch(
        {
            "n_rows": pa.array([len(rows)], pa.int64()),
            "n_faulty": pa.array([n_faulty], pa.int64()),
            **{name: pa.array([each], pa.binary()) for name, each in packed.items()},
        }
    )


def _packed(rows: Any, source: NDArray[np.int64]) -> dict[str, bytes]:
    encoded = {name: rows[name].combine_chunks().dictionary_encode() for name in ("user", "item")}
    codes = {name: array.indices.to_numpy() for name, array in encoded.items()}
    tables = {
        f"{name}s": as_stream(
            pa.record_batch({"id": array.dictionary, "n": pa.array(np.bincount(codes[name]))})
        )
        for name, array in encoded.items()
    }
    values = {name: rows[name].to_numpy() for name in ("rating", "weight") if name in rows.column_names}
    return {**tables, "ratings": pack(source=source, **codes, **values)}


def _rows_of(ids: list[Any], arrays: dict[str, NDArray[Any]]) -> Any:
    """The rows of a portion, with their ids."""
    columns = {
        name: given.take(pa.array(arrays[name])) for name, given in zip(("user", "item"), ids, strict=True)
    }
    numbers = {name: arrays[name] for name in ("rating", "weight") if name in arrays}
    return pa.table(columns | numbers)


def _table_of(packed: Any) -> Any:
    with pa.ipc.open_stream(packed.as_buffer()) as reader:
        return reader.read_all()
