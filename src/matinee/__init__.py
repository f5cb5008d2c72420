"""Movie recommendations by Alternating Least Squares, from a laptop to a cluster."""

from importlib.metadata import version

from matinee.datasets import Movie, Movies, load_dataset, load_movies, read_movies, read_ratings
from matinee.errors import (
    DataError,
    MatineeError,
    MissingExtraError,
    ModelFileError,
    NotFittedError,
    UnknownItemError,
    UnknownUserError,
)
from matinee.evaluation import Evaluation, evaluate
from matinee.models import ALS, ImplicitALS, Model, load
from matinee.models.answers import (
    Contribution,
    Explanation,
    Recommendation,
    SimilarItem,
    SimilarUser,
)
from matinee.models.history import Iteration
from matinee.models.person import Person
from matinee.ratings import Ratings
from matinee.splits import k_fold, split

__version__ = version("matinee")

__all__ = [
    "ALS",
    "Contribution",
    "DataError",
    "Evaluation",
    "Explanation",
    "ImplicitALS",
    "Iteration",
    "MatineeError",
    "MissingExtraError",
    "Model",
    "ModelFileError",
    "Movie",
    "Movies",
    "NotFittedError",
    "Person",
    "Ratings",
    "Recommendation",
    "SimilarItem",
    "SimilarUser",
    "UnknownItemError",
    "UnknownUserError",
    "evaluate",
    "k_fold",
    "load",
    "load_dataset",
    "load_movies",
    "read_movies",
    "read_ratings",
    "split",
]
