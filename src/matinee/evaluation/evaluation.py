"""The result of an evaluation, and how it is printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from matinee import metrics
from matinee.errors import DataError
from matinee.evaluation.criteria import Gains
from matinee.evaluation.grouping import by_group
from matinee.evaluation.list_metrics import gini
from matinee.evaluation.per_person import PerPerson
from matinee.evaluation.ranking_metrics import RANKING
from matinee.evaluation.resampling import Interval, Resampled, interval_by_parts
from matinee.html import html_table

# Bounds of test RMSE / train RMSE. Every model predicts its training ratings a little better. On the demo
# cinema, ALS with 10 and with 32 factors has its lowest test RMSE at ratios of 1.22 and 1.25. With more
# regularisation, at ratios below 1.1, it loses 4 and 3 percent, on both sides alike. With less, it loses 3
# percent at 1.34 and 1.66.
MODERATE_RATIO = 1.1
OVERFITTING_RATIO = 1.3
# The items that are not recommended to a user.
TRAINING, HISTORY, NOTHING = "training ratings", "history folded in", "nothing"
# What users may be without, and what is ranked for each.
PROTOCOLS = {
    TRAINING: ("training ratings", "{} movies, without those in the user's training ratings"),
    HISTORY: ("a history that the model knows", "{} movies, without their history folded in"),
    NOTHING: ("a list", "the lists are taken as they are given"),
}
# The figures of lists that are printed: the label, and the format of the figure.
LISTS = {
    **{name: (f"{label} at {{k}}", "{:.4f}") for name, label in RANKING.items()},
    "ndcg_liked": ("NDCG liked at {k}", "{:.4f}"),
    "recall_liked": ("recall liked at {k}", "{:.4f}"),
    "mean_stars_of_hits": ("mean stars of hits", "{:.2f}"),
    "share_disliked": ("disliked among hits", "{:.2%}"),
    "catalogue_coverage": ("catalogue coverage", "{:.2%}"),
    "novelty": ("novelty", "{:.2f} bits"),
}
# Those that tell of lists beside accuracy.
BESIDE = {
    "gini": ("Gini of exposure", "{:.3f}"),
    "popularity_bias": ("popularity bias", "{:+.1%}"),
    "serendipity": ("serendipity at {k}", "{:.4f}"),
    "diversity": ("diversity of genres", "{:.3f}"),
    "miscalibration": ("miscalibration", "{:.3f}"),
    "auc": ("AUC", "{:.4f}"),
}
PRINTED = LISTS | BESIDE
# The figures that are no means over people, from the number of lists that each item is in.
OF_ALL_LISTS: dict[str, Callable[[Any], float]] = {
    "catalogue_coverage": metrics.catalogue_coverage,
    "gini": gini,
}


@dataclass(frozen=True, repr=False)
class Evaluation:
    """How good a model's predictions and recommendations are; ``print`` shows it as a table.

    Attributes
    ----------
    n_ratings : int
        The number of test ratings. All of them are predicted.
    n_fallback : int
        The number of test ratings predicted without factors or from features alone, because the user or the
        item has no fitted rating.
    n_trained_on : int
        The number of test ratings whose user and item are a pair that the model was trained on. They do not
        test the model: their error is a training error, and their items are never recommended to known users.
    split : str or None
        How `matinee.split` or `matinee.k_fold` chose the test ratings; None if it is not known.
    rmse, mae : float or None
        The errors of all predictions, in the units of the ratings; None for a model that predicts no ratings.
    rmse_without_fallback : float or None
        The RMSE of the predictions made without fallback; NaN if there are none.
    train_rmse, train_mae : float or None
        The errors on the training ratings; None if these were not given.
    k : int
        The length of the lists that the figures below are about.
    relevant_from : float or None
        A test rating of at least this is relevant. None means that every test rating is relevant.
    n_items : int
        The size of the catalogue. Each user's list has the best k items of the whole catalogue, without the
        ``excluded`` ones; no items are sampled.
    excluded : {"training ratings", "history folded in", "nothing"}
        The items that are not recommended to a user: those of the user's training ratings, or those of the
        history that was folded in, if the test is `NewUsers`. Nothing is excluded from lists that are given.
    n_users : int
        The number of users with a relevant test rating. All of them get a list; the figures are means over
        them.
    n_users_fallback : int
        The number of these users of whom the model knows no rating. They get the list of an unknown person.
    n_users_without_test : int
        The number of users without a relevant test rating. They are left out.
    precision, recall, truncated_recall, ndcg, map, mrr, hit_rate : float
        Ranking figures, defined in `matinee.metrics`; NaN if no user gets a list.
    catalogue_coverage, novelty : float
        The share of the catalogue that is in at least one list, and the bits of surprise in a place of a
        list; also defined in `matinee.metrics`. None for lists whose training ratings are not given.
    ndcg_liked, recall_liked : float or None
        NDCG and recall where only test ratings of at least ``liked_from`` count, over the users who have any;
        NaN if nobody has.
    mean_stars_of_hits, share_disliked : float or None
        The mean test rating of all items in lists that have one, and the share of these that are rated at
        most ``disliked_to``. They are over the lists of all users with a test rating, relevant or not; NaN if
        no item in a list has a rating.
    liked_from, disliked_to : float or None
        A test rating of at least the one is liked, of at most the other disliked. These and the four figures
        above are None if the ratings that the model was fitted on are all alike, and so say nothing of what
        people like; a ``liked`` that is given is used even then.
    gains : {"binary", "graded"}
        The gains in ``ndcg``: 1 for every relevant item, or those of `matinee.metrics.graded_gains`.
    most_popular : dict of str to float, or None
        The figures of the lists of `baselines.MostPopular`, fitted on the same ratings, by their names here.
        None if the model is that one, or only the model was evaluated, or the training is not known.
    has_regularization : bool
        Whether the model has a regularization that the `verdict` can speak of.
    gini, popularity_bias, serendipity : float or None
        How unevenly the catalogue is shown, from 0, all items alike, to 1; how much more popular the items in
        lists are than those that the people have rated, 0 if alike; and the hits at k that are not in the
        list of the most popular, divided by k. None where the ratings of the fit are not known, from a
        cluster, and the last from ``evaluate_alone``.
    diversity, miscalibration : float or None
        How little the genres of a list's items have in common, from 0 to 1; and how far they are from the
        genres of what the person has rated, 0 if alike. None if no genres are given.
    auc : float or None
        How often an item that is relevant to a person is ranked before one that is not. None if it was not
        asked for.
    people : PerPerson or None
        What each person adds to the figures, from which the `intervals` follow; None from a cluster.
    """

    n_ratings: int
    n_fallback: int
    n_trained_on: int
    split: str | None
    rmse: float | None
    mae: float | None
    rmse_without_fallback: float | None
    train_rmse: float | None
    train_mae: float | None
    k: int
    relevant_from: float | None
    n_items: int
    excluded: str
    n_users: int
    n_users_fallback: int
    n_users_without_test: int
    precision: float
    recall: float
    truncated_recall: float
    ndcg: float
    map: float
    mrr: float
    hit_rate: float
    catalogue_coverage: float | None
    novelty: float | None
    ndcg_liked: float | None
    recall_liked: float | None
    mean_stars_of_hits: float | None
    share_disliked: float | None
    liked_from: float | None
    disliked_to: float | None
    gains: Gains
    most_popular: dict[str, float | None] | None = field(hash=False)
    has_regularization: bool = True
    gini: float | None = None
    popularity_bias: float | None = None
    serendipity: float | None = None
    diversity: float | None = None
    miscalibration: float | None = None
    auc: float | None = None
    people: PerPerson | None = field(default=None, repr=False, compare=False)

    @property
    def coverage(self) -> float:
        """The share of the test ratings that the model predicted without fallback, from 0 to 1."""
        return 1 - self.n_fallback / self.n_ratings

    @property
    def gap(self) -> float | None:
        """The test RMSE without fallback minus the train RMSE; None if either is missing."""
        own, train = self.rmse_without_fallback, self.train_rmse
        return None if own is None or train is None or math.isnan(own) else own - train

    @property
    def ratio(self) -> float | None:
        """The test RMSE without fallback divided by the train RMSE; None if either is missing.

        Predictions by fallback were never learned, so their errors say nothing about overfitting. The ratio
        is infinite if the model predicts the training ratings exactly, but not the test ratings.
        """
        own, train = self.rmse_without_fallback, self.train_rmse
        if own is None or train is None or math.isnan(own):
            return None
        if train == 0:
            return 1.0 if own == 0 else math.inf
        return own / train

    @property
    def verdict(self) -> str | None:
        """A phrase that says whether the model overfits; None if there is no `ratio`."""
        if self.ratio is None:
            return None
        if self.ratio < MODERATE_RATIO:
            remedy = "less regularization" if self.has_regularization else "more factors"
            return f"no overfitting; {remedy} may lower both errors"
        if self.ratio < OVERFITTING_RATIO:
            return "moderate overfitting, as is usual where the test RMSE is lowest"
        remedy = "more regularization, or fewer factors," if self.has_regularization else "fewer factors"
        return f"overfitting: {remedy} may lower the test RMSE"

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """The 95 percent interval of each figure that there is, by its name: how far chance moves it.

        Bias-corrected and accelerated bootstrap intervals over 2,000 samples of the people of the test (Efron
        1987), and for the catalogue coverage a jackknife over 64 parts of them (Kott 2001). The model
        and its training stay as they are: another fit moves figures further. Empty from a cluster.
        """
        if self.people is None:
            return {}
        found = {**Resampled.of(self.people.fractions()).intervals(), **self._intervals_of_all_lists()}
        return {
            name: ends
            for name, ends in found.items()
            if getattr(self, name) is not None and not math.isnan(ends[0])
        }

    def _intervals_of_all_lists(self) -> dict[str, Interval]:
        assert self.people is not None
        by_part = self.people.n_recommended
        parts = by_part[by_part.any(axis=1)]
        if len(parts) < 2:
            return {}
        whole = parts.sum(axis=0)
        return {
            name: interval_by_parts(figure(whole), np.array([figure(whole - part) for part in parts]))
            for name, figure in OF_ALL_LISTS.items()
            if getattr(self, name) is not None
        }

    def by_group(self, groups: Any = None) -> pl.DataFrame:
        """The figures of groups of people, so that a mean does not hide whom a model serves badly.

        Parameters
        ----------
        groups : mapping of user to group, or frame with the column user, optional
            Such as `read_users` gives: each other column of a frame is one way to group people. By default
            people are grouped by how many ratings the model knows of them: few, some and many, a third each.

        Returns
        -------
        polars.DataFrame
            A row for each group: by (the name of the column), group, n_users (with a test rating), and the
            figures by their names. People without a group are left out.

        Raises
        ------
        DataError
            If groups is neither, names a user twice, or no user of the test, or people are not known, as of
            an evaluation on a cluster.
        """
        if self.people is None:
            raise DataError("an evaluation on a cluster keeps no figures of single people to group")
        return by_group(self.people, groups)

    def to_dict(self) -> dict[str, Any]:
        """All values as numbers and strings, ready for JSON; None stands for NaN and infinity."""
        names = [one.name for one in fields(self) if one.name != "people"]
        derived = ("coverage", "gap", "ratio", "verdict")
        return {name: _finite(getattr(self, name)) for name in (*names, *derived)}

    def __str__(self) -> str:
        rows = [*self._errors(), *self._lists()]
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}".rstrip() for label, text in rows)

    def _errors(self) -> Iterator[tuple[str, str]]:
        yield "test ratings", f"{self.n_ratings:,}"
        if self.n_trained_on:
            yield "also trained on", f"{self.n_trained_on:,} of them, which do not test the model"
        yield "predicted by fallback", f"{self.n_fallback:,} ({1 - self.coverage:.2%})"
        if self.rmse is None or self.mae is None:
            yield "RMSE, MAE", "none: the model predicts no ratings"
            return
        yield "RMSE", f"{self.rmse:.4f}" + _beside(self.train_rmse) + self._interval_of("rmse")
        yield "MAE", f"{self.mae:.4f}" + _beside(self.train_mae) + self._interval_of("mae")
        if 0 < self.n_fallback < self.n_ratings:
            yield "RMSE without fallback", f"{self.rmse_without_fallback:.4f}"
        if self.verdict is not None:
            yield "test RMSE / train RMSE", f"{self.ratio:.3f} (gap {self.gap:.4f})"
            yield "", self.verdict

    def _lists(self) -> Iterator[tuple[str, str]]:
        columns = self._columns()
        yield "", ""
        if len(columns) > 1:
            yield "", _aligned(columns, list(columns))
        for label, cells in self._rows_of_lists():
            yield label, _aligned(columns, cells)
        yield "", ""
        yield from self.protocol()

    def _columns(self) -> dict[str, dict[str, str]]:
        """The figures of lists as they are printed, by the headings of their columns."""
        columns = {"model": _printed(vars(self))}
        if self.most_popular is not None:
            columns["most popular"] = _printed(self.most_popular)
        if self.intervals:
            columns["95 % interval"] = self._printed_intervals()
        return columns

    def _rows_of_lists(self) -> Iterator[tuple[str, list[str]]]:
        columns = self._columns()
        for name in columns["model"]:
            label = PRINTED[name][0].format(k=self.k)
            yield label, [texts.get(name, "") for texts in columns.values()]

    def __repr__(self) -> str:
        rmse = "" if self.rmse is None else f"RMSE {self.rmse:.4f}, "
        return f"Evaluation({rmse}NDCG {self.ndcg:.4f} at {self.k}, {self.n_users:,} users)"

    def _repr_html_(self) -> str:
        """Tables for a notebook, of the same figures as the text."""
        lists = html_table(
            ["", *self._columns()], [[label, *cells] for label, cells in self._rows_of_lists()]
        )
        return html_table([], self._errors()) + lists + html_table([], self.protocol())

    def _printed_intervals(self) -> dict[str, str]:
        found = {name: ends for name, ends in self.intervals.items() if name in PRINTED}
        return {
            name: " to ".join(PRINTED[name][1].format(end) for end in ends) for name, ends in found.items()
        }

    def _interval_of(self, name: str) -> str:
        low, high = self.intervals.get(name, (math.nan, math.nan))
        return "" if math.isnan(low) else f", 95 % interval {low:.4f} to {high:.4f}"

    def protocol(self) -> Iterator[tuple[str, str]]:
        """How the figures were computed, in pairs of a label and a text."""
        yield "split", "not known" if self.split is None else self.split
        lacking, ranked = PROTOCOLS[self.excluded]
        yield "users ranked", f"{self.n_users:,} ({self.n_users_fallback:,} of them without {lacking})"
        yield "users left out", f"{self.n_users_without_test:,} without a relevant test rating"
        yield "ranked for each", ranked.format(f"{self.n_items:,}")
        threshold = "every test rating" if self.relevant_from is None else f"from {self.relevant_from:g}"
        yield "relevant", threshold
        if self.gains == "graded":
            yield "gains of NDCG", "graded by the rating"
        if self.liked_from is not None:
            yield "liked", f"from {self.liked_from:g}" + _and_disliked(self.disliked_to)


def _printed(figures: Mapping[str, Any]) -> dict[str, str]:
    """The figures of lists as they are printed, by name, without those that there are none of."""
    return {
        name: text.format(figures[name])
        for name, (_, text) in PRINTED.items()
        if figures.get(name) is not None
    }


def _aligned(columns: dict[str, dict[str, str]], cells: list[str]) -> str:
    """A line of a table whose columns are as wide as their widest cell, below a heading."""
    widths = [max(map(len, [heading, *texts.values()])) for heading, texts in columns.items()]
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _and_disliked(disliked_to: float | None) -> str:
    return "" if disliked_to is None else f", and disliked up to {disliked_to:g}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _beside(train_error: float | None) -> str:
    return "" if train_error is None else f" (train {train_error:.4f})"
