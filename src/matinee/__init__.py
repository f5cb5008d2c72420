"""Movie recommendations by Alternating Least Squares, from a laptop to a cluster."""

from importlib.metadata import version

from matinee import baselines, plots, spark
from matinee.datasets import (
    Export,
    Movie,
    Movies,
    load_dataset,
    load_movies,
    load_users,
    read_export,
    read_movies,
    read_ratings,
    read_users,
)
from matinee.errors import (
    DataError,
    MatineeError,
    MissingExtraError,
    ModelFileError,
    NotEnoughMemoryError,
    NotFittedError,
    UnknownItemError,
    UnknownUserError,
)
from matinee.evaluation import Comparison, Evaluation, calibrate, compare, evaluate
from matinee.models import ALS, BayesianALS, ImplicitALS, ItemRidge, Model, Recommender, load
from matinee.models.answers import (
    Contribution,
    Explanation,
    Recommendation,
    RecommendedUser,
    SimilarItem,
    SimilarUser,
)
from matinee.models.factor_tables import factors_frame, write_factors
from matinee.models.new_item import NewItem
from matinee.models.person import Person
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers, k_fold, split
from matinee.solving.history import Iteration
from matinee.tuning import TuningResult, tune

__version__ = version("matinee")

__all__ = [
    "ALS",
    "BayesianALS",
    "Comparison",
    "Contribution",
    "DataError",
    "Evaluation",
    "Explanation",
    "Export",
    "ImplicitALS",
    "ItemRidge",
    "Iteration",
    "MatineeError",
    "MissingExtraError",
    "Model",
    "ModelFileError",
    "Movie",
    "Movies",
    "NewItem",
    "NewUsers",
    "NotEnoughMemoryError",
    "NotFittedError",
    "Person",
    "Ratings",
    "Recommendation",
    "RecommendedUser",
    "Recommender",
    "SimilarItem",
    "SimilarUser",
    "TuningResult",
    "UnknownItemError",
    "UnknownUserError",
    "baselines",
    "calibrate",
    "compare",
    "evaluate",
    "factors_frame",
    "k_fold",
    "load",
    "load_dataset",
    "load_movies",
    "load_users",
    "plots",
    "read_export",
    "read_movies",
    "read_ratings",
    "read_users",
    "spark",
    "split",
    "tune",
    "write_factors",
]
