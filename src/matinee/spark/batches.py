"""Arrays as one Arrow batch, which is what moves between the machines of a cluster and is cached there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matinee.spark.workers import settle_in

Array = NDArray[Any]


def pack(**arrays: Array) -> bytes:
    """A batch of one row with a list of numbers for each array; 2-D arrays by rows."""
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


def unpack(packed: bytes) -> dict[str, Array]:
    """The arrays of a batch by name; flat, read-only, not copied."""
    with pa.ipc.open_stream(packed) as reader:
        batch = reader.read_next_batch()
    arrays = {name: batch[name].values.to_numpy() for name in batch.schema.names}
    # Now that Arrow has loaded what it makes arrays with.
    settle_in()
    return arrays
