"""Which block of a cluster each user or item lies in: blocks of the same work, whatever the ids are like."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of consecutive rows, which stay together; few enough that a table of them goes with every task.
MOST_CHUNKS = 1 << 16


@dataclass(frozen=True)
class Layout:
    """Rows 0, 1, 2, … of a side, cut into chunks of consecutive rows, and the chunks dealt out to blocks.

    Attributes
    ----------
    n_rows : int
    chunk_size : int
    n_blocks : int
    block_of_chunk : ndarray of int32, shape (n_chunks,)
    """

    n_rows: int
    chunk_size: int
    n_blocks: int
    block_of_chunk: NDArray[np.int32]

    @cached_property
    def _first_row_of_chunk(self) -> NDArray[np.int64]:
        """The place of each chunk's first row in its block."""
        first = np.empty(len(self.block_of_chunk), dtype=np.int64)
        for block in range(self.n_blocks):
            chunks = np.flatnonzero(self.block_of_chunk == block)
            # Only the last chunk of all is shorter, and no chunk comes after it.
            first[chunks] = np.arange(len(chunks)) * self.chunk_size
        return first

    def locate(self, rows: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The block of each row, and its place there."""
        chunks = rows // self.chunk_size
        places = self._first_row_of_chunk[chunks] + rows % self.chunk_size
        return self.block_of_chunk[chunks], places.astype(np.int32)

    def rows_of(self, block: int) -> NDArray[np.int64]:
        """The rows of a block, ascending: the order in which it holds them."""
        chunks = np.flatnonzero(self.block_of_chunk == block)
        rows = (chunks[:, None] * self.chunk_size + np.arange(self.chunk_size)).ravel()
        return rows[rows < self.n_rows]


def chunk_size_of(n_rows: int) -> int:
    """How many rows a chunk has."""
    return -(-n_rows // MOST_CHUNKS)


def balanced_layout(n_rows: int, n_blocks: int, costs: NDArray[Any]) -> Layout:
    """Chunks dealt out so that every block is about as much work.

    The dearest first, each to the block that has the least so far: a movie that everybody rated gets
    company until its block is full, and no more.

    Parameters
    ----------
    n_rows, n_blocks : int
    costs : ndarray, shape (n_chunks,)
        Of each chunk of `chunk_size_of` rows.
    """
    loads = [(0.0, block) for block in range(n_blocks)]
    block_of_chunk = np.empty(len(costs), dtype=np.int32)
    for chunk in np.argsort(-costs, kind="stable").tolist():
        load, block = loads[0]
        block_of_chunk[chunk] = block
        heapq.heapreplace(loads, (load + float(costs[chunk]), block))
    return Layout(n_rows, chunk_size_of(n_rows), n_blocks, block_of_chunk)
