"""Compares several models on one test, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from matinee.errors import DataError
from matinee.evaluation.criteria import Gains
from matinee.evaluation.evaluation import Evaluation
from matinee.evaluation.judging import evaluate_alone
from matinee.evaluation.ranking_metrics import RANKING
from matinee.models.model import Model
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers

# The columns of the table: the heading and the number format of each figure.
COLUMNS = {
    "rmse": ("RMSE", "{:.4f}"),
    "mae": ("MAE", "{:.4f}"),
    **{name: (label, "{:.4f}") for name, label in RANKING.items()},
    "ndcg_liked": ("NDCG liked", "{:.4f}"),
    "recall_liked": ("recall liked", "{:.4f}"),
    "mean_stars_of_hits": ("stars of hits", "{:.2f}"),
    "share_disliked": ("disliked", "{:.1%}"),
    "catalogue_coverage": ("catalogue", "{:.1%}"),
    "novelty": ("novelty", "{:.2f}"),
}
NONE = "–"


@dataclass(frozen=True)
class Comparison:
    """The evaluations of several models on one test; ``print`` shows one row for each model.

    Attributes
    ----------
    evaluations : dict of str to Evaluation
        The evaluations by the names of the models, in the order of the models.
    """

    evaluations: dict[str, Evaluation]

    def to_frame(self) -> pl.DataFrame:
        """A frame with a row for each model: its name and all values of `Evaluation.to_dict`.

        Only ``most_popular`` is left out, which would be another row.
        """
        rows = [{"model": name, **found.to_dict()} for name, found in self.evaluations.items()]
        return pl.DataFrame(rows, infer_schema_length=None).drop("most_popular")

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The `Evaluation.to_dict` of each model by its name, ready for JSON."""
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
            f"{name} was trained on {found.n_trained_on:,} of the {found.n_ratings:,} test ratings, so these "
            "do not test it"
            for name, found in self.evaluations.items()
            if found.n_trained_on
        ]


def compare(
    models: Mapping[str, Model] | Iterable[Model],
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
) -> Comparison:
    """Evaluate several models on one test, and put the results into one table.

    Give `baselines.MostPopular` among the models: a list that is worse than its list needs no model.

    Parameters
    ----------
    models : mapping of name to Model, or models
        Fitted models; fit all on the same ratings if you want to compare their figures. Without names, models
        are named by their classes; the second ALS is "ALS 2", and so on.
    test : Ratings or NewUsers
        Ratings that the models were not trained on; as in `evaluate`.
    k, relevant_from, liked, gains
        As in `evaluate`.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If there are no models, the models don't know the same users and items, or `evaluate` refuses the
        arguments.
    """
    named = named_models(models)
    evaluations = {
        name: evaluate_alone(model, test, k=k, relevant_from=relevant_from, liked=liked, gains=gains)
        for name, model in named.items()
    }
    _check_alike(named)
    return Comparison(evaluations)


def named_models(models: Mapping[str, Model] | Iterable[Model]) -> dict[str, Model]:
    """The models by name. Without names, they are named by their classes; the second ALS is "ALS 2".

    Raises
    ------
    DataError
        If there are no models.
    """
    if isinstance(models, Model):
        raise DataError(
            "expected several models, in a list or by name; call evaluate(model, test) for a single model"
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
    """Raise a DataError unless all models know the same users and items: one protocol is printed for all."""
    (first, one), *others = named.items()
    for name, other in others:
        if one.user_index_ != other.user_index_ or one.item_index_ != other.item_index_:
            raise DataError(
                f"{first!r} and {name!r} don't know the same users and items, so their figures cannot be "
                "compared; fit both on the same ratings, and without features of unrated users or items"
            )


_FIRST_LEFT = [True, *(False for _ in COLUMNS)]


def _cells(figures: dict[str, Any]) -> list[str]:
    return [
        NONE if figures[name] is None else text.format(figures[name]) for name, (_, text) in COLUMNS.items()
    ]


def _padded(cell: str, width: int, is_left: bool) -> str:
    return cell.ljust(width) if is_left else cell.rjust(width)
