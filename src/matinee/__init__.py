"""Movie recommendations by Alternating Least Squares, from a laptop to a cluster."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# For type checkers and editors; when the program runs, each name is loaded on its first use. So importing
# Matinee costs next to nothing, and what a program does not use it need not load.
if TYPE_CHECKING:
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

    __version__: str

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

# The modules that the names live in, as above.
_HOMES = {
    "matinee.datasets": (
        "Export",
        "Movie",
        "Movies",
        "load_dataset",
        "load_movies",
        "load_users",
        "read_export",
        "read_movies",
        "read_ratings",
        "read_users",
    ),
    "matinee.errors": (
        "DataError",
        "MatineeError",
        "MissingExtraError",
        "ModelFileError",
        "NotEnoughMemoryError",
        "NotFittedError",
        "UnknownItemError",
        "UnknownUserError",
    ),
    "matinee.evaluation": ("Comparison", "Evaluation", "calibrate", "compare", "evaluate"),
    "matinee.models": ("ALS", "BayesianALS", "ImplicitALS", "ItemRidge", "Model", "Recommender", "load"),
    "matinee.models.answers": (
        "Contribution",
        "Explanation",
        "Recommendation",
        "RecommendedUser",
        "SimilarItem",
        "SimilarUser",
    ),
    "matinee.models.factor_tables": ("factors_frame", "write_factors"),
    "matinee.models.new_item": ("NewItem",),
    "matinee.models.person": ("Person",),
    "matinee.ratings": ("Ratings",),
    "matinee.ratings.splits": ("NewUsers", "k_fold", "split"),
    "matinee.solving.history": ("Iteration",),
    "matinee.tuning": ("TuningResult", "tune"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
# Folders and modules, which are there as attributes without an import of their own.
_MODULES = {
    "baselines",
    "datasets",
    "errors",
    "evaluation",
    "files",
    "metrics",
    "models",
    "plots",
    "ratings",
    "solving",
    "spark",
    "tuning",
}

if not TYPE_CHECKING:  # with it, type checkers would take every name for one that is there

    def __getattr__(name: str) -> Any:
        """Load a public name on its first use."""
        if name == "__version__":
            value = import_module("importlib.metadata").version("matinee")
        elif name in _HOME_OF:
            value = getattr(import_module(_HOME_OF[name]), name)
        elif name in _MODULES:
            return import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The public names, also those that are not loaded yet."""
        own = {name for name in globals() if name.startswith("__")}
        return sorted({*own, *__all__, *_MODULES, "__version__"})
