"""Loads a model from a file, and checks the file, since anybody may have made it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from matinee.checks import check_path
from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import read_model_file
from matinee.models.memory import too_large
from matinee.models.model import Model
from matinee.models.registry import MODELS
from matinee.models.saved_arrays import check_finite

Kind = TypeVar("Kind", bound=Model)

# The errors that a changed file can cause, besides a ModelFileError.
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, DataError)
LONGEST_MESSAGE = 500


def load(path: str | Path, *, check: bool = True) -> Model:
    """The model in a file that `Model.save` wrote. No code in the file is ever run.

    The arrays are memory-mapped, not copied, so several processes that serve one file share its memory.

    Parameters
    ----------
    path : path
    check : bool
        Look for NaN and infinities among the numbers, which takes reading the whole file once, and 0.2 s a
        gigabyte beyond that. False is for large files that you wrote yourself. Whatever else could lead
        an answer astray is checked in any case.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, damaged, not a model file, or from a newer version of Matinee.
    NotEnoughMemoryError
    """
    check_path(path)
    try:
        return _model_in(path, *read_model_file(path), check=check)
    except MemoryError as error:
        raise too_large(error, f"load {path}", "load it on a machine with more") from error


def _model_in(path: str | Path, header: dict[str, Any], arrays: dict[str, Any], *, check: bool) -> Model:
    try:
        if check:
            check_finite(arrays)
        model: Model = headed_model(header, MODELS)
        model.take_arrays(arrays)
        model.check_parameters()
        model.settle()
    except (ModelFileError, *DAMAGED) as error:
        raise ModelFileError(
            f"{path} is damaged, or not a model of this version of Matinee: {_cut(str(error))}"
        ) from None
    return model


def _cut(message: str) -> str:
    """The message of an error, which may quote something from the file of any length."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


def headed_model(header: dict[str, Any], kinds: Iterable[type[Kind]]) -> Kind:
    """A model made from a file's header; its class is one of ``kinds``, and only its arrays are missing.

    Raises
    ------
    ModelFileError, or one of `DAMAGED`
        If the header is not one that `Model.header` made.
    """
    kind = {each.__name__: each for each in kinds}[header["model"]]
    # An older version may lack parameters, whose defaults are what it did.
    if not set(header["parameters"]) <= set(kind.parameter_names()):
        raise ModelFileError(f"the parameters of {kind.__name__} are {', '.join(header['parameters'])}")
    model = kind(**header["parameters"])
    model.take_header(header)
    return model
