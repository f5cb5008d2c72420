"""The course of a fit: a record an iteration, when to stop, and a progress bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Iteration:
    """One iteration of a fit.

    Attributes
    ----------
    iteration : int
        From 1.
    train_rmse : float
        Root mean squared error on the ratings fitted, not clipped.
    validation_rmse : float or None
        The same on the validation ratings; None without any.
    objective : float
        The regularised sum of squares that the iteration lowers.
    seconds : float
        Wall-clock time of this iteration alone.
    """

    iteration: int
    train_rmse: float
    validation_rmse: float | None
    objective: float
    seconds: float

    @property
    def watched_rmse(self) -> float:
        """The error by which a fit stops: on the validation ratings where there are any."""
        return self.train_rmse if self.validation_rmse is None else self.validation_rmse

    def to_dict(self) -> dict[str, Any]:
        """The record as plain numbers."""
        return asdict(self)


Callback = Callable[[Iteration], object]


def has_flattened(history: list[Iteration], tolerance: float | None) -> bool:
    """Whether the last iteration lowered the watched error by less than ``tolerance``."""
    if tolerance is None or len(history) < 2:
        return False
    return history[-2].watched_rmse - history[-1].watched_rmse < tolerance


# Below this a bar would only flicker.
SECONDS_BEFORE_A_BAR = 1.0


@contextmanager
def iteration_progress(n_iterations: int, *, shown: bool) -> Iterator[Callable[[Iteration], None]]:
    """A function to call after every iteration, which shows how far a fit is.

    The bar goes to standard error, only where that is a terminal, and only after a second.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda record: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("fit"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[error]}"),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("fit", total=n_iterations, error="")
    started = time.monotonic()

    def advance(record: Iteration) -> None:
        bar.update(task, completed=record.iteration, error=f"RMSE {record.watched_rmse:.4f}")
        if time.monotonic() - started > SECONDS_BEFORE_A_BAR:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
