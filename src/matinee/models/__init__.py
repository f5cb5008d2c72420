"""The models: what each of them answers, and how it is fitted."""

from matinee.models.als import ALS
from matinee.models.bayes import BayesianALS
from matinee.models.implicit import ImplicitALS
from matinee.models.item_ridge import ItemRidge
from matinee.models.loading import load
from matinee.models.model import Model
from matinee.models.recommender import Recommender
from matinee.models.registry import MODELS, models_by_short_name, names_where

__all__ = [
    "ALS",
    "MODELS",
    "BayesianALS",
    "ImplicitALS",
    "ItemRidge",
    "Model",
    "Recommender",
    "load",
    "models_by_short_name",
    "names_where",
]
