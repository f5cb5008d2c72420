"""The models: rows of one table, solved by one kernel."""

from pathlib import Path

from matinee.models.als import ALS
from matinee.models.bayes import BayesianALS
from matinee.models.implicit import ImplicitALS
from matinee.models.model import Model
from matinee.models.saving import load_model

MODELS: dict[str, type[Model]] = {"ALS": ALS, "ImplicitALS": ImplicitALS, "BayesianALS": BayesianALS}


def load(path: str | Path) -> Model:
    """The model in a file that `Model.save` wrote. Nothing in a file is ever run.

    The arrays are mapped, not read: several processes that serve one file share its memory.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, damaged, not a model file, or of a newer version.
    """
    return load_model(path, MODELS)


__all__ = ["ALS", "MODELS", "BayesianALS", "ImplicitALS", "Model", "load"]
