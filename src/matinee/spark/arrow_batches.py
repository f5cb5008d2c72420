"""Packs arrays into one Arrow batch, which Spark moves between machines and caches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matinee.spark.workers import settle_in

Array = NDArray[Any]

# How many rows a task takes at a time: some 20 MB of ratings.
ROWS_AT_ONCE = 1 << 20


def pack(**arrays: Array) -> bytes:
    """A batch of one row, which holds a list of numbers for each array; a 2-D array is listed row by row."""
    lists = {
        name: pa.LargeListArray.from_arrays(
            pa.array([0, array.size], pa.int64()), pa.array(np.ascontiguousarray(array).reshape(-1))
        )
        for name, array in arrays.items()
    }
    return as_stream(pa.record_batch(lists))


def as_stream(batch: Any) -> bytes:
    """A batch as an Arrow stream of its own."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def unpack(packed: Any) -> dict[str, Array]:
    """The arrays of a batch by name: flat and read-only, without a copy.

    Parameters
    ----------
    packed : bytes, or buffer of Arrow
    """
    with pa.ipc.open_stream(packed) as reader:
        batch = reader.read_next_batch()
    arrays = {name: batch[name].values.to_numpy() for name in batch.schema.names}
    # Only now has Arrow loaded all that it needs to make arrays.
    settle_in()
    return arrays


def gathered(batches: Iterator[Any]) -> Iterator[Any]:
    """Arrow batches concatenated into tables of about `ROWS_AT_ONCE` rows."""
    waiting: list[Any] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(each) for each in waiting) >= ROWS_AT_ONCE:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
