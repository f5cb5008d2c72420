"""Compares several models on one test, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from string import ascii_lowercase
from typing import Any

import polars as pl

from matinee.errors import DataError
from matinee.evaluation.criteria import Gains
from matinee.evaluation.differences import differences
from matinee.evaluation.evaluation import Evaluation
from matinee.evaluation.judging import judged, judging_bar
from matinee.evaluation.ranking_metrics import RANKING
from matinee.html import html_table
from matinee.models.model import Model
from matinee.ratings import Ratings
from matinee.ratings.frames import is_frame
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
# Those beside accuracy, in a table of their own.
BESIDE_COLUMNS = {
    "gini": ("Gini", "{:.3f}"),
    "popularity_bias": ("popularity bias", "{:+.1%}"),
    "serendipity": ("serendipity", "{:.4f}"),
    "diversity": ("diversity", "{:.3f}"),
    "miscalibration": ("miscalibration", "{:.3f}"),
    "auc": ("AUC", "{:.4f}"),
}
NONE = "–"
# The figures of which less is better.
LOWER_IS_BETTER = {"rmse", "mae", "rmse_without_fallback", "share_disliked", "miscalibration"}
# The models in the order of their rows; beyond these, names of two letters.
LETTERS = [*ascii_lowercase, *(first + second for first in ascii_lowercase for second in ascii_lowercase)]
TEST = "Paired permutation tests over users, Holm's correction for the pairs of models, p < 0.05."


@dataclass(frozen=True, repr=False)
class Comparison:
    """The evaluations of several models on one test; ``print`` shows one row for each model.

    Letters beside a figure name the models that it is really better than, by `differences`.

    Attributes
    ----------
    evaluations : dict of str to Evaluation
        The evaluations by the names of the models, in the order of the models.
    """

    evaluations: dict[str, Evaluation]

    @cached_property
    def differences(self) -> pl.DataFrame:
        """Which differences between the models are real, and how large they are.

        Two models are tested on the same people by a paired permutation test of each figure that is a
        fraction of sums over people. That is every figure but the catalogue coverage and the Gini
        coefficient, which are of all lists together. Holm's correction is over the pairs of models, for each
        figure by itself: say which figure decides before you look.

        Returns
        -------
        polars.DataFrame
            A row for each figure and pair of models: figure, model, other, difference (the figure of the one
            less that of the other), low and high (its 95 percent bootstrap interval), p_value, p_holm, and
            is_real: whether p_holm is below 0.05.
        """
        people = {name: found.people for name, found in self.evaluations.items()}
        return differences({name: each for name, each in people.items() if each is not None})

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
        lines = [line for table in self._tables() for line in (*_aligned(table), "")]
        return "\n".join([*lines, *self._meaning(), *self._protocol_lines(), *self._trained_on()])

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.evaluations)})"

    def _repr_html_(self) -> str:
        """Tables for a notebook, of the same figures as the text."""
        tables = [html_table(heading, rows) for heading, *rows in self._tables()]
        notes = " ".join([*self._meaning(), *self._trained_on()])
        return f"{''.join(tables)}<p>{escape(notes)}</p>{html_table([], self._protocol())}"

    def _tables(self) -> list[list[list[str]]]:
        """The cells of the table of accuracy, and of that of what there is beside it."""
        whole, marks = self.to_dict(), self._marks()
        beside = {
            figure: column
            for figure, column in BESIDE_COLUMNS.items()
            if any(found[figure] is not None for found in whole.values())
        }
        return [self._cells(columns, whole, marks) for columns in (COLUMNS, beside) if columns]

    def _cells(
        self,
        columns: dict[str, tuple[str, str]],
        whole: dict[str, dict[str, Any]],
        marks: dict[tuple[str, str], str],
    ) -> list[list[str]]:
        lines = [["model", *(label for label, _ in columns.values())]]
        for place, (name, figures) in enumerate(whole.items()):
            shown = name if len(whole) == 1 else f"{LETTERS[place]} {name}"
            cells = [
                (NONE if figures[figure] is None else text.format(figures[figure]))
                + marks.get((name, figure), "")
                for figure, (_, text) in columns.items()
            ]
            lines.append([shown, *cells])
        return lines

    def _marks(self) -> dict[tuple[str, str], str]:
        """What follows each figure of a model: the letters of the models that it is really better than."""
        letters = dict(zip(self.evaluations, LETTERS, strict=False))
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.differences.filter("is_real").iter_rows(named=True):
            ends = (row["model"], row["other"])
            is_first = (row["difference"] < 0) == (row["figure"] in LOWER_IS_BETTER)
            better, worse = ends if is_first else ends[::-1]
            found.setdefault((better, row["figure"]), []).append(letters[worse])
        marks = {place: "".join(sorted(worse)) for place, worse in found.items()}
        # As wide in every row of a column, so that the figures stay below each other.
        widths = {
            figure: max(len(marks.get((name, figure), "")) for name in letters)
            for figure in (*COLUMNS, *BESIDE_COLUMNS)
        }
        return {
            (name, figure): f" {marks.get((name, figure), ''):<{width}}"
            for name in letters
            for figure, width in widths.items()
            if width
        }

    def _meaning(self) -> list[str]:
        if len(self.evaluations) == 1:
            return []
        if not self.differences["is_real"].any():
            return ["No difference is real: each may be chance.", TEST, ""]
        return [
            "A letter beside a figure names a model that it is better than, and not by chance;",
            "beside novelty, popularity bias and diversity, a model that has less of it.",
            TEST,
            "",
        ]

    def _protocol(self) -> list[tuple[str, str]]:
        found = next(iter(self.evaluations.values()))
        return [("lists", f"of {found.k} for each user"), *found.protocol()]

    def _protocol_lines(self) -> list[str]:
        width = max(len(label) for label, _ in self._protocol())
        return [f"{label:<{width}}  {text}" for label, text in self._protocol()]

    def _trained_on(self) -> list[str]:
        return [
            f"{name} was trained on {found.n_trained_on:,} of the {found.n_ratings:,} test ratings, so these "
            "do not test it"
            for name, found in self.evaluations.items()
            if found.n_trained_on
        ]


def compare(
    models: Mapping[str, Any] | Iterable[Any],
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    genres: Any = None,
    auc: bool = False,
    progress: bool = True,
) -> Comparison:
    """Evaluate several models on one test, and put the results into one table that says what is chance.

    Give `baselines.MostPopular` among the models: a list that is worse than its list needs no model.

    Parameters
    ----------
    models : mapping of name to model, or models
        Fitted models; fit all on the same ratings if you want to compare their figures. Frames of lists and
        objects of other libraries, as `evaluate` takes them, may be among them. Without names, models are
        named by their classes; the second ALS is "ALS 2", and so on.
    test : Ratings or NewUsers
        Ratings that the models were not trained on; as in `evaluate`.
    train : Ratings, optional
        The ratings that frames and objects were trained on; those of the first model, if there is one.
    k, relevant_from, liked, gains, genres, auc, progress
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
    options = {"k": k, "relevant_from": relevant_from, "liked": liked, "gains": gains}
    ours = {name: model for name, model in named.items() if isinstance(model, Model)}
    known = train if train is not None else _trained_on(ours)
    evaluations = {}
    with judging_bar("compare", test, len(named), shown=progress) as report:
        for name, model in named.items():
            trained_on = None if name in ours else known
            evaluations[name] = judged(
                model, test, trained_on, options, genres=genres, auc=auc, report=report
            )
    _check_alike(ours)
    return Comparison(evaluations)


def _trained_on(models: Mapping[str, Model]) -> Ratings | None:
    """The ratings that the first model was fitted on; None if there is no model."""
    for model in models.values():
        model.check_fitted()
        return Ratings(model.user_index_, model.item_index_, model.rated_, contexts=model.contexts_)
    return None


def named_models(models: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    """The models by name. Without names, they are named by their classes; the second ALS is "ALS 2".

    Raises
    ------
    DataError
        If there are no models.
    """
    if isinstance(models, Model) or is_frame(models) or not isinstance(models, Iterable):
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


def _by_class(models: Iterable[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for model in models:
        name = type(model).__name__
        number = 1 + sum(type(other).__name__ == name for other in named.values())
        named[name if number == 1 else f"{name} {number}"] = model
    return named


def _check_alike(named: Mapping[str, Model]) -> None:
    """Raise a DataError unless all models know the same users and items: one protocol is printed for all."""
    if not named:
        return
    (first, one), *others = named.items()
    for name, other in others:
        if one.user_index_ != other.user_index_ or one.item_index_ != other.item_index_:
            raise DataError(
                f"{first!r} and {name!r} don't know the same users and items, so their figures cannot be "
                "compared; fit both on the same ratings, and without features of unrated users or items"
            )


def _aligned(lines: list[list[str]]) -> list[str]:
    """A table as text: the first column at the left, the others at the right."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    left = [[line[0].ljust(widths[0]), *line[1:]] for line in lines]
    return ["  ".join(map(str.rjust, line, widths)).rstrip() for line in left]
