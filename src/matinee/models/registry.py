"""The list of all kinds of models. Each class declares its own name and abilities."""

from __future__ import annotations

from collections.abc import Callable

from matinee.models.als import ALS
from matinee.models.baselines import ItemBiases, MostPopular, Random
from matinee.models.bayes import BayesianALS
from matinee.models.implicit import ImplicitALS
from matinee.models.item_ridge import ItemRidge
from matinee.models.model import Model
from matinee.models.recommender import Recommender

MODELS: tuple[type[Model], ...] = (
    ALS,
    ImplicitALS,
    BayesianALS,
    ItemRidge,
    Recommender,
    MostPopular,
    ItemBiases,
    Random,
)


def names_where(declares: Callable[[type[Model]], bool]) -> str:
    """The short names of the models for which ``declares`` is true, in words: "als or bayes"."""
    return " or ".join(name for name, kind in models_by_short_name().items() if declares(kind))


def models_by_short_name() -> dict[str, type[Model]]:
    """The models that have a short name for the command line and `tune`, by that name."""
    return {kind.short_name: kind for kind in MODELS if kind.short_name is not None}
