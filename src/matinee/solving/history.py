"""The course of a fit: a record of each iteration, and the rule for stopping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """The record of one iteration of a fit.

    Attributes
    ----------
    iteration : int
        The number of the iteration, from 1.
    train_rmse : float or None
        The root mean squared error on the training ratings, not clipped; None if the model predicts no
        ratings.
    validation_rmse : float or None
        The same on the validation ratings; None without any.
    sample_rmse : float or None
        For a model that averages samples: the error of this sample alone on the validation ratings.
        ``validation_rmse`` is then the error of the average so far.
    validation_ndcg : float or None
        NDCG at 10 on the validation ratings, for a model that ranks; None without any.
    objective : float
        The number that iterations lower: the sum of the weighted squared errors and the penalties.
    seconds : float
        The wall-clock time of this iteration alone.
    """

    iteration: int
    train_rmse: float | None = None
    validation_rmse: float | None = None
    sample_rmse: float | None = None
    validation_ndcg: float | None = None
    objective: float
    seconds: float

    @property
    def watched(self) -> float:
        """The figure that decides when a fit stops.

        It is the error on the validation ratings, or else on the training ratings, or else the objective.
        """
        error = self.train_rmse if self.validation_rmse is None else self.validation_rmse
        return self.objective if error is None else error

    @property
    def summary(self) -> str:
        """The figure to show while a fit is running."""
        if self.validation_ndcg is not None:
            return f"NDCG {self.validation_ndcg:.4f}"
        name = "objective" if self.train_rmse is None else "RMSE"
        return f"{name} {self.watched:.5g}"

    def to_dict(self) -> dict[str, Any]:
        """The record as plain numbers."""
        return asdict(self)


def continued(history: list[Iteration], more: list[Iteration]) -> list[Iteration]:
    """The records of a fit and those of what came after it, numbered on."""
    n_before = history[-1].iteration if history else 0
    return [*history, *(replace(record, iteration=n_before + record.iteration) for record in more)]


Callback = Callable[[Iteration], object]


def has_flattened(history: list[Iteration], tolerance: float | None) -> bool:
    """Whether the last iteration lowered the watched error by less than ``tolerance``."""
    if tolerance is None or len(history) < 2:
        return False
    return history[-2].watched - history[-1].watched < tolerance
