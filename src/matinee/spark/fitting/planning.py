"""What goes where on a cluster, by its size: how many blocks, how factors are sent, where the answer ends."""

from __future__ import annotations

import os
from dataclasses import dataclass

# Of the factors that a task may have to hold to solve its block.
BLOCK_BYTES = 1 << 29
# Of ratings that a task takes, so that its share of a cache is moved in a second or so.
BLOCK_RATINGS = 1 << 21
# Factors of so few bytes are broadcast whatever it is compared to: a job less counts for more.
SMALL_SIDE = 1 << 26
# No task is to hold more than this of factors that it may not need.
LARGEST_BROADCAST = 1 << 30
# Of a whole fit, counted as n k² for every rating on each side: a processor does as much in some seconds.
ONE_TASK_FLOPS = 3e11
# The share of the driver's memory that a fitted model may take.
DRIVER_SHARE = 0.25


@dataclass(frozen=True)
class Size:
    """How large a fit is.

    Attributes
    ----------
    n_ratings, n_users, n_items : int
    n_factors : int
        With the bias as one more.
    """

    n_ratings: int
    n_users: int
    n_items: int
    n_factors: int

    @property
    def row_bytes(self) -> int:
        """Of one row of factors."""
        return 4 * self.n_factors

    def n_blocks(self, n_rows: int, parallelism: int) -> int:
        """How many blocks to cut a side of n_rows into: a whole number for each task that can run at once."""
        ratings = min(BLOCK_RATINGS, max(1, BLOCK_BYTES // self.row_bytes))
        rounds = -(-self.n_ratings // (ratings * parallelism))
        return max(1, min(n_rows, rounds * parallelism))

    def fits_one_task(self, n_iterations: int) -> bool:
        """Whether a fit is so small that exchanging factors would take longer than solving for them."""
        flops = 2 * n_iterations * self.n_ratings * self.n_factors**2
        return self.n_ratings <= BLOCK_RATINGS and flops <= ONE_TASK_FLOPS

    def is_routed(self, n_rows: int, n_blocks_of_others: int, parallelism: int) -> bool:
        """Whether the factors of a side are sent to those that need them, and not all to everybody.

        Parameters
        ----------
        n_rows : int
            Of the side.
        n_blocks_of_others : int
            Of the other side, which needs them.
        parallelism : int
            How many tasks run at once, each with a copy of what is broadcast.
        """
        whole = n_rows * self.row_bytes
        if whole <= SMALL_SIDE or whole > LARGEST_BROADCAST:
            return whole > SMALL_SIDE
        # Each block needs a row at most once, and at most one for each of its ratings.
        needed = min(self.n_ratings, n_rows * n_blocks_of_others) * self.row_bytes
        return whole * parallelism > needed

    @property
    def fits_driver(self) -> bool:
        """Whether a model of it, the ratings included, is a moderate part of the driver's memory."""
        factors = (self.n_users + self.n_items) * (self.row_bytes + 8)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return factors + 8 * self.n_ratings <= DRIVER_SHARE * memory
