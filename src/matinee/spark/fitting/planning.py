"""Decides by the size of a fit how many blocks it has, how factors are sent, and where the model ends up."""

from __future__ import annotations

import os
from dataclasses import dataclass

# The most bytes of factors that a task may need for its block.
BLOCK_BYTES = 1 << 29
# The most ratings in a block, so that moving a cached block takes about a second.
BLOCK_RATINGS = 1 << 21
# A side of up to this size is always broadcast: saving a job matters more than moving fewer bytes.
SMALL_SIDE = 1 << 26
# A larger side is never broadcast, because a task may not need most of it.
LARGEST_BROADCAST = 1 << 30
# The largest fit for the driver alone: a processor does this in some seconds. A rating counts k² on each
# side.
DRIVER_FLOPS = 3e11
# The most bytes of ids that the driver merges, in the tables of all portions. A process of an executor holds
# no more of them either.
DRIVER_ID_BYTES = 1 << 28
# The share of the driver's memory that a fitted model may take.
DRIVER_SHARE = 0.25


@dataclass(frozen=True)
class Size:
    """How large a fit is.

    Attributes
    ----------
    n_ratings, n_users, n_items : int
    n_factors : int
        Including one for the bias, if there are biases.
    """

    n_ratings: int
    n_users: int
    n_items: int
    n_factors: int

    @property
    def row_bytes(self) -> int:
        """The bytes of one row of factors."""
        return 4 * self.n_factors

    def n_blocks(self, n_rows: int, parallelism: int) -> int:
        """How many blocks a side of n_rows is divided into: a multiple of the tasks that can run at once."""
        ratings = min(BLOCK_RATINGS, max(1, BLOCK_BYTES // self.row_bytes))
        rounds = -(-self.n_ratings // (ratings * parallelism))
        return max(1, min(n_rows, rounds * parallelism))

    def is_routed(self, n_rows: int, n_blocks_of_others: int, parallelism: int) -> bool:
        """Whether each block is sent only the factors of a side that it needs, and not all of them.

        Parameters
        ----------
        n_rows : int
            The number of rows of the side.
        n_blocks_of_others : int
            The number of blocks of the other side, which needs the factors.
        parallelism : int
            How many tasks run at once; each holds a copy of what is broadcast.
        """
        whole = n_rows * self.row_bytes
        if whole <= SMALL_SIDE or whole > LARGEST_BROADCAST:
            return whole > SMALL_SIDE
        # A block needs each row at most once, and at most one row for each of its ratings.
        needed = min(self.n_ratings, n_rows * n_blocks_of_others) * self.row_bytes
        return whole * parallelism > needed

    @property
    def fits_driver(self) -> bool:
        """Whether the fitted model and its ratings take at most `DRIVER_SHARE` of the driver's memory."""
        factors = (self.n_users + self.n_items) * (self.row_bytes + 8)
        return fits_driver(factors + 8 * self.n_ratings)


def fits_driver(n_bytes: int) -> bool:
    """Whether this is at most `DRIVER_SHARE` of the driver's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return n_bytes <= DRIVER_SHARE * memory


def most_for_driver(n_factors: int, n_iterations: int) -> int:
    """The most ratings of a fit so small that exchanging factors would take longer than solving for them."""
    return min(BLOCK_RATINGS, int(DRIVER_FLOPS / (2 * n_iterations * n_factors**2)))
