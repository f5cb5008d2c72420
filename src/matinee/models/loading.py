"""From a file to a model, with the checks of a file that anybody may have made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import read_model_file
from matinee.models.model import Model
from matinee.models.registry import MODELS

Kind = TypeVar("Kind", bound=Model)

# What comes of a file that somebody has changed, besides a ModelFileError.
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, DataError)


def load(path: str | Path) -> Model:
    """The model in a file that `Model.save` wrote. Nothing in a file is ever run.

    The arrays are mapped, not read: several processes that serve one file share its memory.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, damaged, not a model file, or of a newer version.
    """
    header, arrays = read_model_file(path)
    try:
        model: Model = headed_model(header, MODELS)
        model.take_arrays(arrays)
        model.check_parameters()
        model.settle()
    except DAMAGED as error:
        raise ModelFileError(f"{path} is damaged or no model of this Matinee's: {error}") from None
    return model


def headed_model(header: dict[str, Any], kinds: Iterable[type[Kind]]) -> Kind:
    """A model of one of the classes given that lacks nothing but its arrays.

    Raises
    ------
    ModelFileError, or one of `DAMAGED`
        If the header is not what `Model.header` gave.
    """
    kind = {each.__name__: each for each in kinds}[header["model"]]
    if set(header["parameters"]) != set(kind.parameter_names()):
        raise ModelFileError(f"the parameters of {kind.__name__} are {', '.join(header['parameters'])}")
    model = kind(**header["parameters"])
    model.take_header(header)
    return model
