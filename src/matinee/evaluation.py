"""A fitted model against ratings that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.errors import DataError
from matinee.models.base import Model, check_ratings
from matinee.models.parameters import thread_count, whole_number
from matinee.models.row_problem import Side
from matinee.ratings import Ratings, Rows

# Test RMSE / train RMSE. A model always knows what it learned from a little better. On the demo cinema, ALS
# of 10 and of 32 factors has its lowest test RMSE at ratios of 1.22 and 1.25. Regularised more, to below 1.1,
# it loses 4 and 3 percent, on both sides alike; regularised less, it loses 3 percent at 1.34 and 1.66.
MODERATE_RATIO = 1.1
OVERFITTING_RATIO = 1.3
# The figures at k, and what they are called in print.
RANKING = {
    "precision": "precision",
    "recall": "recall",
    "truncated_recall": "truncated recall",
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "hit rate",
}
# Enough pairs, or cells of recommendations, for the native code to run at full speed; tens of megabytes.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Evaluation:
    """How good a model's predictions and recommendations are; ``print`` shows it as a table.

    Attributes
    ----------
    n_ratings : int
        Test ratings, every one of them predicted.
    n_fallback : int
        Of those, predicted without factors: the user or the item has no rating among those fitted.
    rmse, mae : float
        Of all predictions, in the units of the ratings.
    rmse_without_fallback : float
        Of those that the model made itself; NaN if there are none.
    train_rmse, train_mae : float or None
        The same on the training ratings; None if they were not given.
    k : int
        The length of the lists that the figures below are about.
    relevant_from : float or None
        A test rating of at least this is relevant; None: every test rating is.
    n_items : int
        The catalogue: each user's list is the best k of all these, less what the model was trained on with
        that user. Nothing is sampled.
    n_users : int
        Users with something relevant in the test, all of them ranked; the figures are their means.
    n_users_fallback : int
        Of those, users without a rating among those fitted: they get the list of an unknown person.
    n_users_without_test : int
        Users to whom nothing in the test is relevant: left out.
    precision, recall, truncated_recall, ndcg, map, mrr, hit_rate : float
        Defined in `matinee.metrics`; NaN if there are no users to rank.
    """

    n_ratings: int
    n_fallback: int
    rmse: float
    mae: float
    rmse_without_fallback: float
    train_rmse: float | None
    train_mae: float | None
    k: int
    relevant_from: float | None
    n_items: int
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

    @property
    def coverage(self) -> float:
        """The share of the test ratings that the model predicted itself, from 0 to 1."""
        return 1 - self.n_fallback / self.n_ratings

    @property
    def gap(self) -> float | None:
        """Test RMSE without fallback, less train RMSE; None where either is missing."""
        if self.train_rmse is None or math.isnan(self.rmse_without_fallback):
            return None
        return self.rmse_without_fallback - self.train_rmse

    @property
    def ratio(self) -> float | None:
        """Test RMSE without fallback, over train RMSE; None where either is missing.

        What a fallback misses was never learned, so says nothing of overfitting. Infinite if the training
        ratings alone are met exactly.
        """
        if self.train_rmse is None or math.isnan(self.rmse_without_fallback):
            return None
        if self.train_rmse == 0:
            return 1.0 if self.rmse_without_fallback == 0 else math.inf
        return self.rmse_without_fallback / self.train_rmse

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
        yield "predicted by fallback", f"{self.n_fallback:,} ({1 - self.coverage:.2%})"
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
        yield "", ""
        yield "users ranked", f"{self.n_users:,} ({self.n_users_fallback:,} of them without training ratings)"
        yield "users left out", f"{self.n_users_without_test:,}, to whom nothing in the test is relevant"
        yield "ranked for each", f"{self.n_items:,} movies, less those the model was trained on with the user"
        threshold = "every test rating" if self.relevant_from is None else f"from {self.relevant_from:g}"
        yield "relevant", threshold


def evaluate(
    model: Model,
    test: Ratings,
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
    test : Ratings
        What the model was not trained on. A pair that it was trained on is never recommended, so counts
        as missed.
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
    relevant_from = _threshold(relevant_from)
    train_rmse, train_mae = (None, None) if train is None else _training_errors(model, train)
    return Evaluation(
        **_prediction_errors(model, test),
        train_rmse=train_rmse,
        train_mae=train_mae,
        k=k,
        relevant_from=relevant_from,
        n_items=len(model.item_index_),
        **_ranking(model, test, _relevant(test, relevant_from), k),
    )


def _check_arguments(model: Any, test: Any, train: Any) -> None:
    if not isinstance(model, Model):
        raise DataError(f"expected a model, such as matinee.ALS().fit(train), got {type(model).__name__}")
    model._check_fitted()
    for name, ratings in (("test", test), ("train", train)):
        if ratings is not None or name == "test":
            check_ratings(ratings)
            if len(ratings) == 0:
                raise DataError(f"there are no ratings in {name}; expected at least one")


def _threshold(relevant_from: Any) -> float | None:
    is_number = isinstance(relevant_from, int | float | np.integer | np.floating)
    if relevant_from is None or (is_number and math.isfinite(relevant_from)):
        return None if relevant_from is None else float(relevant_from)
    raise DataError(f"relevant_from={relevant_from!r}; expected a rating, or None for every test rating")


# ---- predictions --------------------------------------------------------------------------------


def _prediction_errors(model: Model, test: Ratings) -> dict[str, Any]:
    predicted, by_model = _predict_all(model, test), _predicted_by_model(model, test)
    own = metrics.rmse(test.values[by_model], predicted[by_model]) if by_model.any() else math.nan
    return {
        "n_ratings": len(test),
        "n_fallback": len(test) - int(by_model.sum()),
        "rmse": metrics.rmse(test.values, predicted),
        "mae": metrics.mae(test.values, predicted),
        "rmse_without_fallback": own,
    }


def _training_errors(model: Model, train: Ratings) -> tuple[float, float]:
    predicted = _predict_all(model, train)
    return metrics.rmse(train.values, predicted), metrics.mae(train.values, predicted)


def _predict_all(model: Model, ratings: Ratings) -> NDArray[np.float32]:
    """A prediction for every rating, in their order."""
    user_rows = model.user_index_.positions(ratings.users)
    item_rows = model.item_index_.positions(ratings.items)
    users, items, side = ratings.user_positions, ratings.by_user.columns, model._users
    predicted = np.empty(len(ratings), dtype=np.float32)
    for begin in range(0, len(ratings), CHUNK):
        chunk = slice(begin, begin + CHUNK)
        pairs = user_rows[users[chunk]], item_rows[items[chunk]]
        predicted[chunk] = model._predict_positions(*pairs, side, "fallback")
    return predicted


def _predicted_by_model(model: Model, ratings: Ratings) -> NDArray[np.bool_]:
    """Which of the ratings are of a user and an item that both have ratings among those fitted."""
    item_counts = np.bincount(model.rated_.columns, minlength=len(model.item_index_))
    users = _has_ratings(model.user_index_.positions(ratings.users), np.diff(model.rated_.indptr))
    items = _has_ratings(model.item_index_.positions(ratings.items), item_counts)
    return np.asarray(users[ratings.user_positions] & items[ratings.by_user.columns])


def _has_ratings(positions: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((positions >= 0) & (counts[positions] > 0))


# ---- recommendations ----------------------------------------------------------------------------


def _relevant(test: Ratings, relevant_from: float | None) -> Rows:
    if relevant_from is None:
        return test.by_user
    # In the precision of the ratings: 3.7 is to find a rating of 3.7.
    return test.subset(test.values >= np.float32(relevant_from)).by_user


def _ranking(model: Model, test: Ratings, relevant: Rows, k: int) -> dict[str, Any]:
    """The counts of users and the means of the ranking metrics over them."""
    n_relevant = np.diff(relevant.indptr)
    users = np.flatnonzero(n_relevant)
    positions = model.user_index_.positions(test.users)[users]
    is_known = _has_ratings(positions, np.diff(model.rated_.indptr))
    # The item at each of the model's positions, as a column of the test; −1 for a filler and at the end.
    columns = np.append(test.item_index.positions(model.item_index_.ids), -1)
    sums = np.zeros(len(RANKING))
    step = max(1, CHUNK // k)
    for begin in range(0, len(users), step):
        chunk = slice(begin, begin + step)
        lists = columns[_best_items(model, positions[chunk], k)]
        counts = n_relevant[users[chunk]]
        hits = metrics.find_hits(lists, *_rows_of(relevant, users[chunk]))
        sums += [values.sum() for values in _per_user(hits, counts)]
    means = sums / len(users) if len(users) else np.full(len(RANKING), math.nan)
    return {
        "n_users": len(users),
        "n_users_fallback": len(users) - int(is_known.sum()),
        "n_users_without_test": test.n_users - len(users),
        **dict(zip(RANKING, means.tolist(), strict=True)),
    }


def _per_user(hits: metrics.Hits, n_relevant: NDArray[Any]) -> list[metrics.PerUser]:
    """In the order of ``RANKING``."""
    return [
        metrics.precision(hits),
        metrics.recall(hits, n_relevant),
        metrics.truncated_recall(hits, n_relevant),
        metrics.ndcg(hits, n_relevant),
        metrics.average_precision(hits, n_relevant),
        metrics.reciprocal_rank(hits),
        metrics.hit_rate(hits),
    ]


def _best_items(model: Model, positions: NDArray[Any], k: int) -> NDArray[np.int32]:
    """The model's positions of the best k items for users, −1 where there are no more; shape (n, k)."""
    best = np.full((len(positions), k), -1, dtype=np.int32)
    width, is_known = min(k, len(model.item_index_)), positions >= 0
    best[is_known, :width], _ = model._item_ranker.best(
        model._users,
        k,
        offset=model.mean_,
        rows=positions[is_known].astype(np.int32),
        excluded=model.rated_,
        n_threads=thread_count(model.n_threads),
    )
    if not is_known.all():
        nobody = Side.empty(1, model.item_factors_.shape[1], biases=model._with_biases)
        best[~is_known, :width] = model._item_ranker.best(nobody, k, offset=model.mean_)[0]
    return best


def _rows_of(rows: Rows, chosen: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The indptr and columns of ascending rows between which all others are empty."""
    begin, end = rows.indptr[chosen[0]], rows.indptr[chosen[-1] + 1]
    return np.append(rows.indptr[chosen], end) - begin, rows.columns[begin:end]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _beside(train_error: float | None) -> str:
    return "" if train_error is None else f" (train {train_error:.4f})"
