"""Which models run on a cluster: those that say so on their class."""

from __future__ import annotations

from typing import Any

from matinee.errors import DataError
from matinee.models import MODELS
from matinee.models.alternating_model import AlternatingModel

KINDS: tuple[type[AlternatingModel], ...] = tuple(
    kind for kind in MODELS if kind.runs_on_spark and issubclass(kind, AlternatingModel)
)


def checked_kind(model: Any) -> AlternatingModel:
    """The model, if it is of a kind that runs on a cluster.

    Raises
    ------
    DataError
        For a model of another kind.
    """
    if type(model) not in KINDS:
        names = " or ".join(kind.__name__ for kind in KINDS)
        raise DataError(f"expected {names}, got {type(model).__name__}, which does not run on a cluster")
    checked: AlternatingModel = model
    return checked
