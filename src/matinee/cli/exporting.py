"""The command factors: writes the factors of a model to files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matinee.cli.options import AsJson, ModelPath
from matinee.cli.output import show_json, show_pairs, status
from matinee.cli.sources import model_from
from matinee.models.factor_model import require_factors
from matinee.models.factor_tables import write_factors

Folder = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="DIR", help="The folder for the two files.", show_default=False),
]


def factors(model: ModelPath, output: Folder, as_json: AsJson = False) -> None:
    """Write factors and biases, with their ids, to Parquet.

    The files are users.parquet and items.parquet. Of a recommender they have the factors of its star model.
    """
    fitted = require_factors(model_from(model))
    with status(f"writing {output}"):
        users, items = write_factors(fitted, output)
    n_users, n_factors = fitted.user_factors_.shape
    n_items = len(fitted.item_factors_)
    if as_json:
        show_json(
            {
                "model": type(fitted).__name__,
                "factors": n_factors,
                "mean": float(fitted.mean_),
                "users": {"path": str(users), "rows": n_users},
                "items": {"path": str(items), "rows": n_items},
            }
        )
    else:
        what = f"{n_factors} factors of {type(fitted).__name__}"
        show_pairs(
            [
                ("users", f"{n_users:,} rows of {what} in {users}"),
                ("items", f"{n_items:,} rows of {what} in {items}"),
            ]
        )
