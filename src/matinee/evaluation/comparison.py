"""Several models against one test, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from matinee.errors import DataError
from matinee.evaluation.evaluation import Evaluation, evaluate
from matinee.evaluation.ranking_metrics import RANKING
from matinee.models.model import Model
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers

# The columns of the table, and how each figure is written.
COLUMNS = {
    "rmse": ("RMSE", "{:.4f}"),
    "mae": ("MAE", "{:.4f}"),
    **{name: (label, "{:.4f}") for name, label in RANKING.items()},
    "catalogue_coverage": ("catalogue", "{:.1%}"),
    "novelty": ("novelty", "{:.2f}"),
}
NONE = "–"


@dataclass(frozen=True)
class Comparison:
    """Models judged by one test; ``print`` shows a row for each.

    Attributes
    ----------
    evaluations : dict of str to Evaluation
        By the names of the models, in their order.
    """

    evaluations: dict[str, Evaluation]

    def to_frame(self) -> pl.DataFrame:
        """A row for each model: its name, every figure and the protocol, as in `Evaluation.to_dict`."""
        rows = [{"model": name, **found.to_dict()} for name, found in self.evaluations.items()]
        return pl.DataFrame(rows, infer_schema_length=None)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """`Evaluation.to_dict` by the name of the model, ready for JSON."""
        return {name: found.to_dict() for name, found in self.evaluations.items()}

    def __str__(self) -> str:
        whole = self.to_dict()
        lines = [["model", *(label for label, _ in COLUMNS.values())]]
        lines += [[name, *_cells(figures)] for name, figures in whole.items()]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        table = ["  ".join(map(_padded, line, widths, _FIRST_LEFT)).rstrip() for line in lines]
        return "\n".join([*table, "", *self._protocol(), *self._trained_on()])

    def _protocol(self) -> list[str]:
        found = next(iter(self.evaluations.values()))
        pairs = [("lists", f"of {found.k} for each user"), *found.protocol()]
        width = max(len(label) for label, _ in pairs)
        return [f"{label:<{width}}  {text}" for label, text in pairs]

    def _trained_on(self) -> list[str]:
        return [
            f"{name} was trained on {found.n_trained_on:,} of the {found.n_ratings:,} test ratings: no test"
            for name, found in self.evaluations.items()
            if found.n_trained_on
        ]


def compare(
    models: Mapping[str, Model] | Iterable[Model],
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    relevant_from: float | None = None,
) -> Comparison:
    """What `evaluate` says of several models, in one table.

    Parameters
    ----------
    models : mapping of name to Model, or models
        Fitted, all on the same ratings if their figures are to be compared. Without names they are called by
        their classes, the second of a class "ALS 2" and so on.
    test : Ratings or NewUsers
    k, relevant_from
        As in `evaluate`.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If there are no models, they don't know the same users and items, or for what `evaluate` refuses.
    """
    named = named_models(models)
    evaluations = {
        name: evaluate(model, test, k=k, relevant_from=relevant_from) for name, model in named.items()
    }
    _check_alike(named)
    return Comparison(evaluations)


def named_models(models: Mapping[str, Model] | Iterable[Model]) -> dict[str, Model]:
    """The models by name; without names by their classes, the second of a class "ALS 2" and so on.

    Raises
    ------
    DataError
        If there are none.
    """
    if isinstance(models, Model):
        raise DataError(
            "expected several models, in a list or by name; one is judged by evaluate(model, test)"
        )
    if isinstance(models, Mapping):
        named = {str(name): model for name, model in models.items()}
    else:
        named = _by_class(models)
    if not named:
        raise DataError("there are no models to compare; expected at least one")
    return named


def _by_class(models: Iterable[Model]) -> dict[str, Model]:
    named: dict[str, Model] = {}
    for model in models:
        name = type(model).__name__
        number = 1 + sum(type(other).__name__ == name for other in named.values())
        named[name if number == 1 else f"{name} {number}"] = model
    return named


def _check_alike(named: Mapping[str, Model]) -> None:
    """One protocol is printed for all, so that it must be the same: of one catalogue and of one audience."""
    (first, one), *others = named.items()
    for name, other in others:
        if one.user_index_ != other.user_index_ or one.item_index_ != other.item_index_:
            raise DataError(
                f"{first!r} and {name!r} don't know the same users and items, so that their figures don't "
                "compare; fit both on the same ratings, and without features of what nobody rated"
            )


_FIRST_LEFT = [True, *(False for _ in COLUMNS)]


def _cells(figures: dict[str, Any]) -> list[str]:
    return [
        NONE if figures[name] is None else text.format(figures[name]) for name, (_, text) in COLUMNS.items()
    ]


def _padded(cell: str, width: int, is_left: bool) -> str:
    return cell.ljust(width) if is_left else cell.rjust(width)
