"""A fitted model against ratings that it has not seen."""

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

# Test RMSE / train RMSE. A model always knows what it learned from a little better. On the demo cinema, ALS
# of 10 and of 32 factors has its lowest test RMSE at ratios of 1.22 and 1.25. Regularised more, to below 1.1,
# it loses 4 and 3 percent, on both sides alike; regularised less, it loses 3 percent at 1.34 and 1.66.
MODERATE_RATIO = 1.1
OVERFITTING_RATIO = 1.3
# What is not shown to a user again.
TRAINING, HISTORY = "training ratings", "history folded in"


@dataclass(frozen=True)
class Evaluation:
    """How good a model's predictions and recommendations are; ``print`` shows it as a table.

    Attributes
    ----------
    n_ratings : int
        Test ratings, every one of them predicted.
    n_fallback : int
        Of those, predicted without factors, or by features alone: the user or the item has no rating among
        those fitted.
    n_trained_on : int
        Of those, of a pair that the model was trained on. Other than 0, the test is no test of these: their
        error is that of training, and known users are never shown them.
    split : str or None
        How the test was chosen, where `matinee.split` or `matinee.k_fold` did; None where it is not known.
    rmse, mae : float or None
        Of all predictions, in the units of the ratings; None of a model that predicts no ratings.
    rmse_without_fallback : float or None
        Of those that the model made itself; NaN if there are none.
    train_rmse, train_mae : float or None
        The same on the training ratings; None if they were not given.
    k : int
        The length of the lists that the figures below are about.
    relevant_from : float or None
        A test rating of at least this is relevant; None: every test rating is.
    n_items : int
        The catalogue: each user's list is the best k of all these, less what is ``excluded``. Nothing is
        sampled.
    excluded : {"training ratings", "history folded in"}
        What is not shown to a user again: what the model was trained on with them, or learned of them in the
        test, if that is of `NewUsers`.
    n_users : int
        Users with something relevant in the test, all of them ranked; the figures are their means.
    n_users_fallback : int
        Of those, users of whom the model knows no rating: they get the list of an unknown person.
    n_users_without_test : int
        Users to whom nothing in the test is relevant: left out.
    precision, recall, truncated_recall, ndcg, map, mrr, hit_rate : float
        Defined in `matinee.metrics`; NaN if there are no users to rank.
    catalogue_coverage, novelty : float
        Of the lists of all users ranked: the share of the catalogue that is in one, and the bits of surprise
        in a place of a list. Defined in `matinee.metrics` too.
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
        """The share of the test ratings that the model predicted itself, from 0 to 1."""
        return 1 - self.n_fallback / self.n_ratings

    @property
    def gap(self) -> float | None:
        """Test RMSE without fallback, less train RMSE; None where either is missing."""
        own, train = self.rmse_without_fallback, self.train_rmse
        return None if own is None or train is None or math.isnan(own) else own - train

    @property
    def ratio(self) -> float | None:
        """Test RMSE without fallback, over train RMSE; None where either is missing.

        What a fallback misses was never learned, so says nothing of overfitting. Infinite if the training
        ratings alone are met exactly.
        """
        own, train = self.rmse_without_fallback, self.train_rmse
        if own is None or train is None or math.isnan(own):
            return None
        if train == 0:
            return 1.0 if own == 0 else math.inf
        return own / train

    @property
    def verdict(self) -> str | None:
        """In a sentence, whether the model overfits; None where there is no `ratio`."""
        if self.ratio is None:
            return None
        if self.ratio < MODERATE_RATIO:
            return "no overfitting; less regularization may lower both errors"
        if self.ratio < OVERFITTING_RATIO:
            return "moderate: usual where the test RMSE is at its lowest"
        return "overfitting: more regularization, or fewer factors, may lower the test RMSE"

    def to_dict(self) -> dict[str, Any]:
        """The same as numbers and strings, ready for JSON; None in place of NaN and infinity."""
        derived = {name: getattr(self, name) for name in ("coverage", "gap", "ratio", "verdict")}
        return {name: _finite(value) for name, value in {**asdict(self), **derived}.items()}

    def __str__(self) -> str:
        rows = [*self._errors(), *self._lists()]
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}".rstrip() for label, text in rows)

    def _errors(self) -> Iterator[tuple[str, str]]:
        yield "test ratings", f"{self.n_ratings:,}"
        if self.n_trained_on:
            yield "also trained on", f"{self.n_trained_on:,} of them: no test of what was learned"
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
        """What the figures are about, in pairs of a label and a text."""
        yield "split", "not known" if self.split is None else self.split
        is_new = self.excluded == HISTORY
        lacking = "a history that the model knows" if is_new else "training ratings"
        yield "users ranked", f"{self.n_users:,} ({self.n_users_fallback:,} of them without {lacking})"
        yield "users left out", f"{self.n_users_without_test:,}, to whom nothing in the test is relevant"
        less = "their history folded in" if is_new else "those the model was trained on with the user"
        yield "ranked for each", f"{self.n_items:,} movies, less {less}"
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
    """How well a model predicts ratings and finds what people turn out to have rated.

    Parameters
    ----------
    model : Model
        Fitted, or loaded from a file.
    test : Ratings or NewUsers
        What the model was not trained on. A pair that it was trained on is never recommended to the user,
        so counts as missed; the result says how many there are. Of `NewUsers`, each one's history is folded
        in, and what is held out is predicted and looked for with what follows from that.
    k : int
        The length of the lists of recommendations. With fewer than k items to recommend, lists are shorter
        and the places that stay empty are misses.
    train : Ratings, optional
        What the model was trained on: for the errors side by side, and the verdict on overfitting.
    relevant_from : float, optional
        The least rating that makes an item relevant to a user. Every test rating does, if not given.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        If an argument is not what it should be, or there are no ratings in ``test`` or ``train``.
    NotFittedError
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
    """The ratings of a test, and the prediction of each in their order, as `evaluate` compares them.

    Raises
    ------
    DataError
        For what `evaluate` refuses, and for a model that predicts no ratings.
    NotFittedError
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
    """One ranking figure of `evaluate` for lists of different lengths, which are ranked but once.

    Parameters
    ----------
    model, test, relevant_from
        As in `evaluate`.
    metric : str
        One of `RANKING`.
    ks : sequence of int

    Returns
    -------
    list of float
        For each of ``ks``, the mean over users; NaN if there are none to rank.

    Raises
    ------
    DataError
        For what `evaluate` refuses, a metric that is none, or no lengths.
    NotFittedError
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
    """The people of a test, and the ratings that are to be predicted and found."""
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
