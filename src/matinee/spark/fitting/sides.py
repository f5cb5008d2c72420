"""The factors of one side of a fit: gathered on the driver, or kept on the cluster and sent where needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark import RDD, Broadcast, SparkContext

from matinee.solving.row_problem import Floats, Losses, Side
from matinee.spark.arrow_batches import pack, unpack
from matinee.spark.fitting.blocks import Block, itself, parts_by_block
from matinee.spark.fitting.layout import Layout


class SentSide:
    """A side that can be broadcast: pickled as bytes, and unpickled into the aligned arrays of `Side`."""

    def __init__(self, side: Side) -> None:
        self.side = side

    def __reduce__(self) -> tuple[Any, ...]:
        factors, biases = self.side.factors, self.side.biases
        return _received, (factors.shape, factors.tobytes(), None if biases is None else biases.tobytes())


def _received(shape: tuple[int, int], factors: bytes, biases: bytes | None) -> SentSide:
    side = Side.empty(*shape, biases=biases is not None)
    side.factors[:] = np.frombuffer(factors, dtype=np.float32).reshape(shape)
    if side.biases is not None and biases is not None:
        side.biases[:] = np.frombuffer(biases, dtype=np.float32)
    return SentSide(side)


@dataclass(frozen=True)
class SolvedBlock:
    """The factors of a solved block, with its losses and its time.

    Attributes
    ----------
    side : Side
    losses : Losses
    seconds : float
        How long the task took, once it had its ratings and factors.
    """

    side: Side
    losses: Losses
    seconds: float

    def to_bytes(self) -> bytes:
        """The block as an Arrow batch."""
        figures = np.array([self.losses.squared_error, self.losses.penalty, self.seconds])
        return pack(figures=figures, **arrays_of(self.side))

    @classmethod
    def from_bytes(cls, packed: bytes, n_factors: int) -> SolvedBlock:
        """The block in a batch, without a copy."""
        arrays = unpack(packed)
        squared_error, penalty, seconds = arrays["figures"].tolist()
        return cls(side_of(arrays, n_factors), Losses(squared_error, penalty), seconds)


def arrays_of(side: Side) -> dict[str, Floats]:
    """The arrays of a side by name, to be packed into a batch."""
    biases = {} if side.biases is None else {"biases": side.biases}
    return {"factors": side.factors, **biases}


def side_of(arrays: dict[str, NDArray[Any]], n_factors: int) -> Side:
    """The side that the arrays of a batch form."""
    return Side(arrays["factors"].reshape(-1, n_factors), arrays.get("biases"))


@dataclass
class State:
    """The factors of a routed side after one half-step.

    Attributes
    ----------
    solved : RDD of bytes
        Partition p holds block p, packed by `SolvedBlock`.
    broadcasts : list of Broadcast
        What Spark needs to compute a lost part again, besides the blocks and earlier states.
    depth : int
        How many half-steps Spark has to repeat, at most, to compute a lost part again.
    """

    solved: RDD[bytes]
    broadcasts: list[Broadcast[Any]] = field(default_factory=list)
    depth: int = 0

    def release(self) -> None:
        """Free what the executors cache."""
        self.solved.unpersist()
        for each in self.broadcasts:
            each.destroy()


@dataclass
class ClusterSide:
    """One side of a fit on a cluster.

    Attributes
    ----------
    name : {"users", "items"}
    layout : Layout
    blocks : RDD of bytes
        The ratings of its rows: partition p holds block p, packed by `matinee.spark.fitting.blocks.Block`.
    side : Side
        Its factors, if they are gathered; without rows if they are routed.
    state : State or None
        Its factors, if they are routed.
    routes : RDD of list of bytes, or None
        If they are routed: for each of its blocks, which rows each block of the other side needs.
    """

    name: str
    layout: Layout
    blocks: RDD[bytes]
    side: Side
    state: State | None = None
    routes: RDD[list[bytes]] | None = None

    @property
    def is_routed(self) -> bool:
        """Whether its factors stay on the cluster."""
        return self.state is not None

    def release(self) -> None:
        """Free what the executors cache of its factors and routes."""
        if self.state is not None and self.routes is not None:
            self.state.release()
            self.routes.unpersist()

    def take(self, solved: Iterable[SolvedBlock]) -> None:
        """Gather the factors of solved blocks, which come in order."""
        for number, block in enumerate(solved):
            place_rows(self.side, self.layout.rows_of(number), block.side)

    def parcels_for(self, other: ClusterSide) -> RDD[list[bytes]]:
        """The factors that the blocks of the other side need: partition p holds those for block p."""
        assert self.state is not None and self.routes is not None
        n_factors = self.side.factors.shape[1]

        def send(number: int, elements: Iterable[tuple[bytes, list[bytes]]]) -> Iterator[tuple[int, bytes]]:
            for packed, routes in elements:
                side = SolvedBlock.from_bytes(packed, n_factors).side
                for route in map(unpack, routes):
                    rows = route["rows"]
                    chosen = {name: array[rows] for name, array in arrays_of(side).items()}
                    yield int(route["target"][0]), pack(source=np.array([number]), **chosen)

        sent = self.state.solved.zip(self.routes).mapPartitionsWithIndex(send)
        return sent.partitionBy(other.layout.n_blocks, itself).mapPartitions(_all_in_one)

    def assembled(self, needed: NDArray[np.int32], parcels: list[bytes]) -> Side:
        """The rows of this side at the positions needed, put together from parcels, in a task."""
        unpacked = sorted(map(unpack, parcels), key=lambda arrays: int(arrays["source"][0]))
        n_factors = self.side.factors.shape[1]
        whole = Side.empty(len(needed), n_factors, biases=self.side.biases is not None)
        source, _ = self.layout.locate(needed)
        # Each parcel has its rows in order, so the concatenated parcels are sorted by source.
        places, first = np.argsort(source, kind="stable"), 0
        for part in (side_of(arrays, n_factors) for arrays in unpacked):
            place_rows(whole, places[first : first + len(part.factors)], part)
            first += len(part.factors)
        return whole

    def without_data(self) -> ClusterSide:
        """The same for a task: what its rows are like, and none of them."""
        n_factors = self.side.factors.shape[1]
        empty = Side.empty(0, n_factors, biases=self.side.biases is not None)
        return ClusterSide(self.name, self.layout, None, empty)  # type: ignore[arg-type]


def routes_to(blocks: RDD[bytes], layout: Layout) -> RDD[list[bytes]]:
    """Which rows of each block of a side the other side's blocks need.

    Parameters
    ----------
    blocks : RDD of bytes
        The blocks of the other side.
    layout : Layout
        The layout of the side whose factors are to be sent.
    """

    def ask(number: int, elements: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        for packed in elements:
            needed = Block.from_bytes(packed).needed
            assert needed is not None
            source, rows = layout.locate(needed)
            for block, part in parts_by_block(source, {"rows": rows}):
                yield block, pack(target=np.array([number]), **unpack(part))

    asked = blocks.mapPartitionsWithIndex(ask)
    return asked.partitionBy(layout.n_blocks, itself).mapPartitions(_all_in_one)


def spread(context: SparkContext, side: Side, layout: Layout) -> RDD[bytes]:
    """The factors of a gathered side, distributed to the cluster by block."""
    sent = context.broadcast(SentSide(side))

    def cut(number: int, elements: Iterable[int]) -> Iterator[bytes]:
        whole = sent.value.side
        for _ in elements:
            yield _unsolved(rows_of(whole, layout.rows_of(number)))

    return _by_block(context, layout).mapPartitionsWithIndex(cut)


def drawn(context: SparkContext, layout: Layout, empty: Side, seed: int, scale: float) -> RDD[bytes]:
    """Starting factors, drawn on the cluster; they do not depend on how many blocks there are.

    Parameters
    ----------
    empty : Side
        A side without rows, with as many factors as are needed, and with biases if there are any.
    """
    n_factors, with_biases = empty.factors.shape[1], empty.biases is not None

    def draw(number: int, elements: Iterable[int]) -> Iterator[bytes]:
        for _ in elements:
            rows = layout.rows_of(number)
            side = Side.empty(len(rows), n_factors, biases=with_biases)
            chunks, starts = np.unique(rows // layout.chunk_size, return_index=True)
            for chunk, start in zip(chunks.tolist(), starts.tolist(), strict=True):
                part = side.factors[start : start + layout.chunk_size]
                generator = np.random.Generator(np.random.PCG64([seed, chunk]))
                part[:] = generator.standard_normal(part.shape, dtype=np.float32)
            side.factors[:] *= np.float32(scale / np.sqrt(n_factors))
            yield _unsolved(side)

    return _by_block(context, layout).mapPartitionsWithIndex(draw)


def rows_of(side: Side, rows: NDArray[Any]) -> Side:
    """Some rows of a side, copied."""
    chosen = Side.empty(len(rows), side.factors.shape[1], biases=side.biases is not None)
    np.take(side.factors, rows, axis=0, out=chosen.factors)
    if side.biases is not None and chosen.biases is not None:
        np.take(side.biases, rows, out=chosen.biases)
    return chosen


def place_rows(side: Side, rows: NDArray[Any], part: Side) -> None:
    """Write rows into a side."""
    side.factors[rows] = part.factors
    if side.biases is not None:
        side.biases[rows] = part.biases


def _unsolved(side: Side) -> bytes:
    return SolvedBlock(side, Losses(0.0, 0.0), 0.0).to_bytes()


def _by_block(context: SparkContext, layout: Layout) -> RDD[int]:
    return context.parallelize(range(layout.n_blocks), layout.n_blocks)


def _all_in_one(parts: Iterable[tuple[int, bytes]]) -> Iterator[list[bytes]]:
    yield [part for _, part in parts]
