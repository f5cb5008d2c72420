"""What one kind of model can do and another cannot: lend its factors, take a blend, or vary its lists."""

from __future__ import annotations

import inspect

from matinee.errors import DataError
from matinee.models import Model
from matinee.models.factor_model import FactorModel
from matinee.models.recommender import Recommender


def factors_of(model: Model) -> FactorModel | None:
    """The model whose factors say which films are alike; None if there is none.

    Of a `Recommender`, it is the first model of what to watch.
    """
    seen = model.watch_models_[0] if isinstance(model, Recommender) else model
    return seen if isinstance(seen, FactorModel) else None


def blend_of(model: Model) -> float | None:
    """The blend that the model ranks by if a visitor chooses none; None if it has no blend."""
    return float(model.as_fitted.blend) if isinstance(model, Recommender) else None


def require_blend(model: Model) -> None:
    """Raise a DataError if the model has no blend."""
    if not isinstance(model, Recommender):
        raise DataError(
            f"the model served here is of kind {type(model).__name__}, which has no blend; leave out blend, "
            "or serve a Recommender"
        )


def takes_diversity(model: Model) -> bool:
    """Whether the model can make lists of more variety. Models of other packages need not."""
    return "diversity" in inspect.signature(model.recommend).parameters


def require_diversity(model: Model) -> None:
    """Raise a DataError if the model cannot make lists of more variety."""
    if not takes_diversity(model):
        raise DataError(
            f"the model served here is of kind {type(model).__name__}, which has no diversity; leave out "
            "diversity, or serve one of Matinee's own models"
        )
