"""The factors of a model as tables with ids: for frames, files, and whatever searches vectors elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from matinee.checks import check_path
from matinee.errors import DataError
from matinee.files.atomic import replaced
from matinee.models.factor_model import require_factors
from matinee.models.id_lookup import Kind
from matinee.models.model import Model

SIDES: tuple[Kind, ...] = ("user", "item")


def factors_frame(model: Model, side: Literal["user", "item"] = "item") -> pl.DataFrame:
    """The factors and biases of all users or items, with their ids.

    Parameters
    ----------
    model : Model
        A fitted model with factors. Of a `Recommender` they are those of its star model, or of the first
        watch model if the star model has none; give one of its models to have those of that one.
    side : {"item", "user"}

    Returns
    -------
    polars.DataFrame
        A row for each, in the order of ``item_factors_``: the column "item" or "user" with the ids, "bias",
        and "factors", a list of float32. An `ALS` predicts ``model.mean_`` and both biases and the product of
        the factors; those of one with contexts are apart from any context. The factors of a `BayesianALS` are
        the means of its samples: it predicts the mean of the samples' products, and not the product of these
        means.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        If the model has no factors, or ``side`` is another word.
    """
    if side not in SIDES:
        raise DataError(f'side={side!r}; expected "user" or "item"')
    part = require_factors(model)
    if side == "user":
        index, biases, factors = part.user_index_, part.user_biases_, part.user_factors_
    else:
        index, biases, factors = part.item_index_, part.item_biases_, part.item_factors_
    return pl.DataFrame(
        {
            side: index.take(range(len(index))),
            "bias": biases,
            "factors": pl.Series(factors, dtype=pl.Array(pl.Float32, factors.shape[1])).arr.to_list(),
        }
    )


def write_factors(model: Model, folder: str | Path) -> tuple[Path, Path]:
    """Write the factors of a model to ``users.parquet`` and ``items.parquet``, as `factors_frame` gives them.

    Both files are written whole before either takes the place of an older one.

    Parameters
    ----------
    model : Model
        As in `factors_frame`.
    folder : str or path-like
        It is made if it is not there.

    Returns
    -------
    users, items : Path
        The files. Their metadata have the mean, as text: "matinee.mean".

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        If the model has no factors, or a file cannot be written.
    """
    check_path(folder)
    part = require_factors(model)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made a folder: {error.strerror}") from error
    users, items = folder / "users.parquet", folder / "items.parquet"
    metadata = {"matinee.mean": repr(float(part.mean_))}
    with replaced(users) as new_users, replaced(items) as new_items:
        factors_frame(part, "user").write_parquet(new_users, metadata=metadata)
        factors_frame(part, "item").write_parquet(new_items, metadata=metadata)
    return users, items
