"""What one kind of model can do and another cannot: lend its factors, or take a blend."""

from __future__ import annotations

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
