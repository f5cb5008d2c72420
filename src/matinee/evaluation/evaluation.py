"""Evaluates a fitted model on ratings that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.evaluation.audience import Audience
from matinee.evaluation.ranking_metrics import RANKING, figure_by_k, relevance_threshold, relevant_ratings
from matinee.evaluation.tally import Tally
from matinee.models.model import Model
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.splits import NewUsers

# Bounds of test RMSE / train RMSE. Every model predicts its training ratings a little better. On the demo
# cinema, ALS with 10 and with 32 factors has its lowest test RMSE at ratios of 1.22 and 1.25. With more
# regularisation, at ratios below 1.1, it loses 4 and 3 percent, on both sides alike. With less, it loses 3
# percent at 1.34 and 1.66.
MODERATE_RATIO = 1.1
OVERFITTING_RATIO = 1.3
# The items that are not recommended to a user.
TRAINING, HISTORY = "training ratings", "history folded in"


@dataclass(frozen=True)
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
    excluded : {"training ratings", "history folded in"}
        The items that are not recommended to a user: those of the user's training ratings, or those of the
        history that was folded in, if the test is `NewUsers`.
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
        list; also defined in `matinee.metrics`.
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
    catalogue_coverage: float
    novelty: float

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
            return "no overfitting; less regularization may lower both errors"
        if self.ratio < OVERFITTING_RATIO:
            return "moderate overfitting, as is usual where the test RMSE is lowest"
        return "overfitting: more regularization, or fewer factors, may lower the test RMSE"

    def to_dict(self) -> dict[str, Any]:
        """All values as numbers and strings, ready for JSON; None stands for NaN and infinity."""
        derived = {name: getattr(self, name) for name in ("coverage", "gap", "ratio", "verdict")}
        return {name: _finite(value) for name, value in {**asdict(self), **derived}.items()}

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
        yield "RMSE", f"{self.rmse:.4f}" + _beside(self.train_rmse)
        yield "MAE", f"{self.mae:.4f}" + _beside(self.train_mae)
        if 0 < self.n_fallback < self.n_ratings:
            yield "RMSE without fallback", f"{self.rmse_without_fallback:.4f}"
        if self.verdict is not None:
            yield "test RMSE / train RMSE", f"{self.ratio:.3f} (gap {self.gap:.4f})"
            yield "", self.verdict

    def _lists(self) -> Iterator[tuple[str, str]]:
        yield "", ""
        for name, label in RANKING.items():
            yield f"{label} at {self.k}", f"{getattr(self, name):.4f}"
        yield "catalogue coverage", f"{self.catalogue_coverage:.2%}"
        yield "novelty", f"{self.novelty:.2f} bits"
        yield "", ""
        yield from self.protocol()

    def protocol(self) -> Iterator[tuple[str, str]]:
        """How the figures were computed, in pairs of a label and a text."""
        yield "split", "not known" if self.split is None else self.split
        is_new = self.excluded == HISTORY
        lacking = "a history that the model knows" if is_new else "training ratings"
        yield "users ranked", f"{self.n_users:,} ({self.n_users_fallback:,} of them without {lacking})"
        yield "users left out", f"{self.n_users_without_test:,} without a relevant test rating"
        less = "their history folded in" if is_new else "those in the user's training ratings"
        yield "ranked for each", f"{self.n_items:,} movies, without {less}"
        threshold = "every test rating" if self.relevant_from is None else f"from {self.relevant_from:g}"
        yield "relevant", threshold


def evaluate(
    model: Model,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
) -> Evaluation:
    """Measure how well a model predicts ratings, and how many test items are in its recommendations.

    Parameters
    ----------
    model : Model
        A model that was fitted, or loaded from a file.
    test : Ratings or NewUsers
        Ratings that the model was not trained on. An item that a user has in the training ratings is never
        recommended to them, so it counts as missed; the result says how many there are. For `NewUsers`, each
        user's history is folded in, and the held-out ratings are predicted and looked for in the lists.
    k : int
        The length of the lists of recommendations. If there are fewer than k items to recommend, lists are
        shorter and the empty places count as misses.
    train : Ratings, optional
        The ratings that the model was trained on. With them the result has the training errors and the
        verdict on overfitting.
    relevant_from : float, optional
        The least rating that makes an item relevant to a user. By default every test rating does.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        If an argument is invalid, or there are no ratings in ``test`` or ``train``.
    NotFittedError
        If the model has not been fitted.
    """
    _check_arguments(model, test, train)
    k = whole_number("k", k, least=1)
    relevant_from = relevance_threshold(relevant_from)
    audience, held_out = _audience(model, test)
    train_rmse, train_mae = (None, None) if train is None else _errors(Audience.known(model, train), train)
    tally = Tally.of(audience, held_out, relevant_ratings(held_out, relevant_from), k)
    return Evaluation(
        **tally.figures(model.n_raters, predicts_ratings=model.predicts_ratings),
        split=getattr(test, "split", None),
        train_rmse=train_rmse,
        train_mae=train_mae,
        k=k,
        relevant_from=relevant_from,
        excluded=HISTORY if isinstance(test, NewUsers) else TRAINING,
    )


def predicted_ratings(model: Model, test: Ratings | NewUsers) -> tuple[Ratings, NDArray[np.float32]]:
    """The ratings of a test, and the prediction of each in the same order, as `evaluate` compares them.

    Raises
    ------
    DataError
        If `evaluate` refuses the arguments, or the model predicts no ratings.
    NotFittedError
        If the model has not been fitted.
    """
    _check_arguments(model, test, None)
    if not model.predicts_ratings:
        raise DataError(
            f"{type(model).__name__} predicts no ratings; expected a model that does, such as ALS"
        )
    audience, held_out = _audience(model, test)
    return held_out, audience.predict(held_out)


def metric_by_k(
    model: Model,
    test: Ratings | NewUsers,
    *,
    metric: str,
    ks: Sequence[int],
    relevant_from: float | None = None,
) -> list[float]:
    """One ranking figure of `evaluate` for lists of different lengths; items are ranked only once.

    Parameters
    ----------
    model, test, relevant_from
        As in `evaluate`.
    metric : str
        One of `RANKING`.
    ks : sequence of int
        The lengths of the lists.

    Returns
    -------
    list of float
        The mean over users for each of ``ks``; NaN if no user gets a list.

    Raises
    ------
    DataError
        If `evaluate` refuses the arguments, the metric is unknown, or there are no lengths.
    NotFittedError
        If the model has not been fitted.
    """
    _check_arguments(model, test, None)
    if metric not in RANKING:
        raise DataError(f"metric={metric!r}; expected one of {', '.join(RANKING)}")
    lengths = [whole_number("k", k, least=1) for k in ks]
    if not lengths:
        raise DataError("there are no lengths k of lists; expected at least one")
    audience, held_out = _audience(model, test)
    relevant = relevant_ratings(held_out, relevance_threshold(relevant_from))
    return figure_by_k(audience, held_out, relevant, metric, lengths)


def _audience(model: Model, test: Ratings | NewUsers) -> tuple[Audience, Ratings]:
    """The people of a test, and the ratings to predict and to find in the lists."""
    if isinstance(test, NewUsers):
        return Audience.folded_in(model, test.history), test.held_out
    return Audience.known(model, test), test


def _check_arguments(model: Any, test: Any, train: Any) -> None:
    if not isinstance(model, Model):
        raise DataError(f"expected a model, such as matinee.ALS().fit(train), got {type(model).__name__}")
    model.check_fitted()
    tested = test.held_out if isinstance(test, NewUsers) else test
    for name, ratings in (("test", tested), ("train", train)):
        if ratings is not None or name == "test":
            check_ratings(ratings, name)


def _errors(audience: Audience, ratings: Ratings) -> tuple[float | None, float | None]:
    if not audience.model.predicts_ratings:
        return None, None
    predicted = audience.predict(ratings)
    return metrics.rmse(ratings.values, predicted), metrics.mae(ratings.values, predicted)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _beside(train_error: float | None) -> str:
    return "" if train_error is None else f" (train {train_error:.4f})"
