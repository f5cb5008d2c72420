"""The training loop on a cluster: a half-step is a job, and each task solves a block in one native call."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark import RDD, Broadcast, SparkContext, StorageLevel

from matinee.models.alternating_model import AlternatingModel
from matinee.models.parameters import thread_count
from matinee.solving.row_problem import Losses, Side, Solver, Terms, gram, solve_rows
from matinee.solving.training_loop import Alternation
from matinee.spark.fitting.blocks import Block
from matinee.spark.fitting.checkpoints import Checkpoints
from matinee.spark.fitting.sides import ClusterSide, SentSide, SolvedBlock, State, rows_of
from matinee.spark.workers import task_threads

LOG = logging.getLogger("matinee.spark")

# After so many half-steps, factors are written to a checkpoint. So a lost machine never costs more of them.
MOST_HALF_STEPS_AGAIN = 10

Gram = NDArray[np.float64]


@dataclass(frozen=True)
class HalfStep:
    """The work of one half-step, sent to all of its tasks.

    Attributes
    ----------
    model : AlternatingModel
        A model that is not fitted, for its parameters.
    terms : Terms
    solver : Solver
    prior : ndarray of float64, shape (n_factors, n_factors), or None
        What the fixed side as a whole adds to the matrix of every row.
    solved, fixed : ClusterSide
        The sides, without their data.
    all_fixed : Broadcast or None
        The fixed side, if it is gathered.
    before : Broadcast or None
        The side to solve as it was, if it is gathered and the solver starts from there.
    """

    model: AlternatingModel
    terms: Terms
    solver: Solver
    prior: Gram | None
    solved: ClusterSide
    fixed: ClusterSide
    all_fixed: Broadcast[Any] | None
    before: Broadcast[Any] | None

    def __call__(
        self, number: int, elements: Iterable[tuple[bytes, list[bytes] | None, bytes | None]]
    ) -> Iterator[bytes]:
        """Solve a block.

        Parameters
        ----------
        number : int
            The number of the block.
        elements : iterable of one (ratings, parcels, block before)
            The ratings of the block; the parcels, if the fixed side is routed; and the block as it was, if
            the side to solve is routed.
        """
        for packed, parcels, before in elements:
            block = Block.from_bytes(packed)
            # Whichever block it has, the first task of a process reads what was broadcast for all after it.
            fixed = self._fixed_side(block, parcels)
            solved = self._start(number, len(block.rows.indptr) - 1, before)
            began = time.perf_counter()
            # Blocks of items already hold the values, if these depend on the user's other ratings.
            is_observed = self.model.observes_whole_users and self.solved.name == "items"
            observed = block.rows if is_observed else self.model.observed(block.rows)
            losses = solve_rows(
                observed,
                fixed,
                solved,
                ridge=self.model.ridge(observed, self.fixed.layout.n_rows),
                terms=self.terms,
                n_threads=task_threads(),
                solver=self.solver,
                prior=self.prior,
            )
            yield SolvedBlock(solved, losses, time.perf_counter() - began).to_bytes()

    def _fixed_side(self, block: Block, parcels: list[bytes] | None) -> Side:
        if self.all_fixed is not None:
            side: Side = self.all_fixed.value.side
            return side
        assert parcels is not None and block.needed is not None
        return self.fixed.assembled(block.needed, parcels)

    def _start(self, number: int, n_rows: int, before: bytes | None) -> Side:
        """The factors that the solver starts from; zeros if it needs no start."""
        n_factors = self.solved.side.factors.shape[1]
        if self.before is not None:
            return rows_of(self.before.value.side, self.solved.layout.rows_of(number))
        if before is not None:
            return rows_of(SolvedBlock.from_bytes(before, n_factors).side, np.arange(n_rows))
        return Side.empty(n_rows, n_factors, biases=self.solved.side.biases is not None)


class ClusterAlternation(Alternation):
    """Alternates over ratings that lie on a cluster.

    Parameters
    ----------
    context : SparkContext
    model : AlternatingModel
        A model that is not fitted, for its parameters.
    users, items : ClusterSide
        The sides with their starting factors; after the fit, they hold the result.
    terms : Terms
    checkpoints : Checkpoints
        Where routed factors are written now and then.
    """

    def __init__(
        self,
        context: SparkContext,
        model: AlternatingModel,
        users: ClusterSide,
        items: ClusterSide,
        *,
        terms: Terms,
        checkpoints: Checkpoints,
    ) -> None:
        super().__init__(
            users=users.side,
            items=items.side,
            terms=terms,
            solver=model.half_step_solver,
            momentum=model.momentum,
            balanced=model.is_balanced and not (users.is_routed or items.is_routed),
        )
        self.context = context
        self.model = model
        self.n_threads = thread_count(model.n_threads)
        self.cluster_users, self.cluster_items = users, items
        self.checkpoints = checkpoints
        self._grams: dict[str, Gram] = {}

    @property
    def is_routed(self) -> bool:
        """Whether the factors of a side stay on the cluster."""
        return self.cluster_users.is_routed or self.cluster_items.is_routed

    def release(self) -> None:
        """Free what the executors cache of the factors."""
        for side in (self.cluster_users, self.cluster_items):
            side.release()

    def solve_users(self, solver: Solver) -> Losses:
        """Solve all users against the items."""
        return self._solve(self.cluster_users, self.cluster_items, solver)

    def solve_items(self, solver: Solver) -> Losses:
        """Solve all items against the users."""
        return self._solve(self.cluster_items, self.cluster_users, solver)

    def _solve(self, solved: ClusterSide, fixed: ClusterSide, solver: Solver) -> Losses:
        began = time.perf_counter()
        step = self._half_step(solved, fixed, solver)
        blocks = self._elements(solved, fixed, solver).mapPartitionsWithIndex(step)
        broadcasts = [each for each in (step.all_fixed, step.before) if each is not None]
        if solved.state is not None:
            depth = 1 + max(
                fixed.state.depth if fixed.state is not None else 0,
                solved.state.depth if _goes_on(solver) else 0,
            )
            losses, seconds = self._replace_state(solved, State(blocks, broadcasts, depth), solver)
        else:
            losses, seconds = self._gather(solved, blocks)
            for each in broadcasts:
                each.destroy()
        _report(solved, seconds, time.perf_counter() - began)
        return losses

    def _half_step(self, solved: ClusterSide, fixed: ClusterSide, solver: Solver) -> HalfStep:
        goes_on = _goes_on(solver) and not solved.is_routed
        return HalfStep(
            self.model,
            self.terms,
            solver,
            self._prior(fixed),
            solved.without_data(),
            fixed.without_data(),
            None if fixed.is_routed else self.context.broadcast(SentSide(fixed.side)),
            self.context.broadcast(SentSide(solved.side)) if goes_on else None,
        )

    def _elements(self, solved: ClusterSide, fixed: ClusterSide, solver: Solver) -> RDD[Any]:
        """(ratings, parcels, block before), one per partition; None for what a task does not need."""
        if fixed.is_routed:
            arrived: RDD[Any] = solved.blocks.zip(fixed.parcels_for(solved))
        else:
            arrived = solved.blocks.map(lambda packed: (packed, None))
        if solved.state is not None and _goes_on(solver):
            return arrived.zip(solved.state.solved).map(lambda pair: (*pair[0], pair[1]))
        return arrived.map(lambda pair: (*pair, None))

    def _gather(self, solved: ClusterSide, blocks: RDD[bytes]) -> tuple[Losses, list[float]]:
        n_factors = solved.side.factors.shape[1]
        found = [SolvedBlock.from_bytes(packed, n_factors) for packed in blocks.collect()]
        solved.take(found)
        squared_error = sum(block.losses.squared_error for block in found)
        penalty = sum(block.losses.penalty for block in found)
        return Losses(squared_error, penalty), [block.seconds for block in found]

    def _replace_state(self, solved: ClusterSide, state: State, solver: Solver) -> tuple[Losses, list[float]]:
        """Compute the new factors on the cluster, and free the old ones."""
        assert solved.state is not None
        state.solved.persist(StorageLevel.MEMORY_AND_DISK)
        is_put_down = state.depth >= MOST_HALF_STEPS_AGAIN
        if is_put_down:
            self.checkpoints.put_down(solved.name, state.solved)
        losses, seconds, product = tree_sum(state.solved, self.terms, solved.side.factors.shape[1])
        if product is not None:
            self._grams[solved.name] = product
        before, solved.state = solved.state, state
        if is_put_down:
            state.depth = 0
            self.checkpoints.forget_old(solved.name)
        elif _goes_on(solver):
            # To compute the new factors again, Spark needs the old ones, and these need their broadcasts.
            state.broadcasts += before.broadcasts
            before.broadcasts = []
        before.release()
        return losses, seconds

    def _prior(self, fixed: ClusterSide) -> Gram | None:
        if not fixed.is_routed:
            return self.terms.prior(fixed.side, thread_count(None))
        if self.terms.confidence is None:
            return None
        if fixed.name not in self._grams:
            assert fixed.state is not None
            product = tree_sum(fixed.state.solved, self.terms, fixed.side.factors.shape[1])[2]
            assert product is not None
            self._grams[fixed.name] = product
        return self.terms.unobserved * self._grams[fixed.name]


def tree_sum(solved: RDD[bytes], terms: Terms, n_factors: int) -> tuple[Losses, list[float], Gram | None]:
    """The losses of all blocks, the seconds of each, and FᵀF if the terms use it.

    They are added up on the cluster in two layers, so that the driver has only a few to add.
    """
    with_gram = terms.confidence is not None

    def figures(packed: bytes) -> tuple[float, float, list[float], Gram | None]:
        block = SolvedBlock.from_bytes(packed, n_factors)
        product = gram(block.side.factors, 1) if with_gram else None
        return block.losses.squared_error, block.losses.penalty, [block.seconds], product

    def add(one: Any, other: Any) -> Any:
        product = None if one[3] is None else one[3] + other[3]
        return one[0] + other[0], one[1] + other[1], one[2] + other[2], product

    squared_error, penalty, seconds, product = solved.map(figures).treeReduce(add)
    return Losses(squared_error, penalty), seconds, product


def _goes_on(solver: Solver) -> bool:
    """Whether a solver starts from the previous solution."""
    return solver.name != "cholesky"


def _report(solved: ClusterSide, block_seconds: list[float], seconds: float) -> None:
    LOG.info(
        "%s: %.3f s; the longest block %.3f s, the median %.3f s",
        solved.name,
        seconds,
        max(block_seconds),
        median(block_seconds),
        extra={"side": solved.name, "seconds": seconds, "block_seconds": block_seconds},
    )
