"""A model as a file and back, with the checks of a file that anybody may have made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matinee.checks import number
from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import read_model_file, write_model_file
from matinee.ratings import Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration

if TYPE_CHECKING:
    from matinee.models.model import Model

_GREATEST_CODE_POINT = 0x10FFFF
# What comes of a file that somebody has changed, besides a ModelFileError.
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, DataError)
LARGEST_SINGLE = float(np.finfo(np.float32).max)


def save_model(model: Model, path: str | Path) -> None:
    """Write a fitted model to a file."""
    more_header, more_arrays = model._more_to_save()
    header = {**header_of(model, model._fitted.get_params()), **more_header}
    arrays = {
        "user_ids": model.user_index_.ids,
        "item_ids": model.item_index_.ids,
        "user_factors": model.user_factors_,
        "item_factors": model.item_factors_,
        "user_biases": model.user_biases_,
        "item_biases": model.item_biases_,
        "rated_indptr": model.rated_.indptr,
        "rated_columns": model.rated_.columns,
        "rated_values": model.rated_.values,
        **more_arrays,
    }
    write_model_file(path, header, arrays)


def header_of(model: Model, parameters: dict[str, Any]) -> dict[str, Any]:
    """What there is to a model besides its arrays, in plain values."""
    return {
        "model": type(model).__name__,
        "parameters": {name: _plain(value) for name, value in parameters.items()},
        "mean": model.mean_,
        "rating_range": list(model.rating_range_),
        "history": [record.to_dict() for record in model.history_],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.random.Generator):
        return None
    return value.item() if isinstance(value, np.generic) else value


def load_model(path: str | Path, models: dict[str, type[Model]]) -> Model:
    """The model in a file, of one of the classes given; its arrays stay in the file, mapped."""
    header, arrays = read_model_file(path)
    try:
        model = headed_model(header, models)
        _fill(model, header, arrays)
    except DAMAGED as error:
        raise ModelFileError(f"{path} is damaged or no model of this Matinee's: {error}") from None
    return model


def headed_model(header: dict[str, Any], models: Mapping[str, type[Model]]) -> Model:
    """A model of one of the classes given that lacks nothing but its arrays.

    Raises
    ------
    ModelFileError, or one of `DAMAGED`
        If the header is not what `header_of` gave.
    """
    kind = models[header["model"]]
    if set(header["parameters"]) != set(kind.parameter_names()):
        raise ModelFileError(f"the parameters of {kind.__name__} are {', '.join(header['parameters'])}")
    model = kind(**header["parameters"])
    low, high = header["rating_range"]
    if not -LARGEST_SINGLE <= low <= high <= LARGEST_SINGLE:
        raise ModelFileError(f"the ratings range from {low} to {high}")
    model.rating_range_ = (float(low), float(high))
    model.mean_ = number("mean", header["mean"], least=min(low, 0.0), most=max(high, 0.0))
    model.history_ = [_iteration(record) for record in header["history"]]
    return model


def _fill(model: Model, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    model.user_index_ = IdIndex(_ids(arrays["user_ids"]))
    model.item_index_ = IdIndex(_ids(arrays["item_ids"]))
    model.user_factors_ = _checked(arrays, "user_factors", np.float32, 2)
    model.item_factors_ = _checked(arrays, "item_factors", np.float32, 2)
    model.user_biases_ = _checked(arrays, "user_biases", np.float32, 1)
    model.item_biases_ = _checked(arrays, "item_biases", np.float32, 1)
    model.rated_ = Rows(
        _checked(arrays, "rated_indptr", np.int64, 1),
        _checked(arrays, "rated_columns", np.int32, 1),
        _checked(arrays, "rated_values", np.float32, 1),
    )
    check_shapes(model)
    model._take_saved(header, arrays)
    model._check_parameters()
    model._settle()


def _iteration(record: dict[str, Any]) -> Iteration:
    for name, value in record.items():
        if value is not None and not isinstance(value, int | float):
            raise ModelFileError(f"{name} of an iteration is {value!r}")
    return Iteration(**record)


def _ids(array: Any) -> Any:
    if array.dtype == np.uint32 and array.ndim == 2:
        if array.size and int(array.max()) > _GREATEST_CODE_POINT:
            raise ModelFileError("an id holds what is no character")
        array = array.view(f"<U{max(array.shape[1], 1)}").reshape(-1)
    elif array.dtype not in (np.int64, np.uint64) or array.ndim != 1:
        raise ModelFileError(f"ids of type {array.dtype} and {array.ndim} dimensions")
    if not (array[:-1] < array[1:]).all():
        raise ModelFileError("the ids are not sorted")
    return array


def _checked(arrays: dict[str, Any], name: str, dtype: Any, n_dimensions: int) -> Any:
    array = arrays[name]
    if array.dtype != dtype or array.ndim != n_dimensions:
        raise ModelFileError(f"{name} is of type {array.dtype} and {array.ndim} dimensions")
    return array


def check_shapes(model: Model) -> None:
    """A ModelFileError for arrays that would make the kernels read outside them."""
    n_users, n_items = len(model.user_index_), len(model.item_index_)
    rank = model.item_factors_.shape[1]
    fits = (
        rank >= 1
        and model.user_factors_.shape == (n_users, rank)
        and model.item_factors_.shape == (n_items, rank)
        and model.user_biases_.shape == (n_users,)
        and model.item_biases_.shape == (n_items,)
    )
    indptr, columns, values = model.rated_
    fits = fits and len(indptr) == n_users + 1 and len(columns) == len(values) == indptr[-1]
    fits = fits and indptr[0] == 0 and bool((indptr[:-1] <= indptr[1:]).all())
    if not fits:
        raise ModelFileError("its arrays do not fit together")
    if len(columns) and not (int(columns.min()) >= 0 and int(columns.max()) < n_items):
        raise ModelFileError("a rating is of an item that is not there")
    starts = np.zeros(len(columns), dtype=bool)
    starts[indptr[:-1][indptr[:-1] < len(columns)]] = True
    if not (starts[1:] | (columns[:-1] < columns[1:])).all():
        raise ModelFileError("the ratings of a user are not sorted")
