"""Assigns each user or item to a block, so that all blocks are about the same work."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows are assigned in chunks. Their number is limited because every task is sent a table of them.
MOST_CHUNKS = 1 << 16


@dataclass(frozen=True)
class Layout:
    """The rows 0, 1, 2, … of a side, divided into chunks of consecutive rows, and the block of each chunk.

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
            # All chunks are of one size except the last of all, which no chunk follows.
            first[chunks] = np.arange(len(chunks)) * self.chunk_size
        return first

    def locate(self, rows: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The block of each row, and the place of the row in that block."""
        chunks = rows // self.chunk_size
        places = self._first_row_of_chunk[chunks] + rows % self.chunk_size
        return self.block_of_chunk[chunks], places.astype(np.int32)

    def rows_of(self, block: int) -> NDArray[np.int64]:
        """The rows of a block, ascending, which is the order in which the block holds them."""
        chunks = np.flatnonzero(self.block_of_chunk == block)
        rows = (chunks[:, None] * self.chunk_size + np.arange(self.chunk_size)).ravel()
        return rows[rows < self.n_rows]


def chunk_size_of(n_rows: int) -> int:
    """How many rows a chunk has."""
    return -(-n_rows // MOST_CHUNKS)


def balanced_layout(n_rows: int, n_blocks: int, costs: NDArray[Any]) -> Layout:
    """Chunks assigned to blocks so that every block is about the same work.

    The most expensive chunk is assigned first, and each chunk goes to the block with the least work so far.

    Parameters
    ----------
    n_rows, n_blocks : int
    costs : ndarray, shape (n_chunks,)
        The work of each chunk of `chunk_size_of` rows.
    """
    loads = [(0.0, block) for block in range(n_blocks)]
    block_of_chunk = np.empty(len(costs), dtype=np.int32)
    for chunk in np.argsort(-costs, kind="stable").tolist():
        load, block = loads[0]
        block_of_chunk[chunk] = block
        heapq.heapreplace(loads, (load + float(costs[chunk]), block))
    return Layout(n_rows, chunk_size_of(n_rows), n_blocks, block_of_chunk)
