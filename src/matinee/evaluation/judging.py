"""Evaluates a fitted model on ratings that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee import metrics
from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.evaluation.audience import Audience
from matinee.evaluation.criteria import Criteria, Gains, relevance_threshold
from matinee.evaluation.evaluation import HISTORY, TRAINING, Evaluation
from matinee.evaluation.per_person import PerPerson
from matinee.evaluation.ranking_metrics import RANKING, figure_by_k
from matinee.evaluation.tally import Tally
from matinee.models.baselines import MostPopular
from matinee.models.model import Model
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.splits import NewUsers


@overload
def evaluate(
    model: Model,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    per_user: Literal[False] = False,
) -> Evaluation: ...


@overload
def evaluate(
    model: Model,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    per_user: Literal[True],
) -> pl.DataFrame: ...


def evaluate(
    model: Model,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    per_user: bool = False,
) -> Evaluation | pl.DataFrame:
    """Measure how well a model predicts ratings, and how many test items are in its recommendations.

    The lists are judged beside those of the most popular items.

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
    liked : float, optional
        The least rating that says that a user liked an item; by default four fifths of the greatest rating
        that the model was fitted on: 4 of 5, or 8 of 10. A rating of at most two fifths says that they
        disliked it.
    gains : {"binary", "graded"}
        What a relevant item counts in ``ndcg``: 1, or the more the higher it is rated, as
        `matinee.metrics.graded_gains` says.
    per_user : bool
        Give the figures of each person with a test rating, in place of those of all together.

    Returns
    -------
    Evaluation or polars.DataFrame
        With ``per_user`` a frame with a row for each person: the columns user, n_ratings and the figures by
        their names in `Evaluation`. Where a person has no figure it is null: somebody without a relevant test
        rating has no NDCG. A figure of all is the mean of its column, but for those that are over ratings or
        over places of lists: the errors, what hits are rated, and novelty.

    Raises
    ------
    DataError
        If an argument is invalid, or there are no ratings in ``test`` or ``train``.
    NotFittedError
        If the model has not been fitted.
    """
    _check_arguments(model, test, train)
    criteria = Criteria.of(model.rating_range_, k=k, relevant_from=relevant_from, liked=liked, gains=gains)
    if not isinstance(per_user, bool):
        raise DataError(f"per_user={per_user!r}; expected True or False")
    if per_user:
        return PerPerson.of(*_audience(model, test), criteria).to_frame()
    alone = _evaluated(model, test, train, criteria)
    return replace(alone, most_popular=_most_popular(model, test, criteria))


def evaluate_alone(
    model: Model,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
) -> Evaluation:
    """What `evaluate` says of a model, without the most popular beside it; for many models on one test."""
    _check_arguments(model, test, None)
    criteria = Criteria.of(model.rating_range_, k=k, relevant_from=relevant_from, liked=liked, gains=gains)
    return _evaluated(model, test, None, criteria)


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
    return figure_by_k(*_audience(model, test), relevance_threshold(relevant_from), metric, lengths)


def _evaluated(
    model: Model, test: Ratings | NewUsers, train: Ratings | None, criteria: Criteria
) -> Evaluation:
    train_rmse, train_mae = (None, None) if train is None else _errors(Audience.known(model, train), train)
    audience, held_out = _audience(model, test)
    people = PerPerson.of(audience, held_out, criteria)
    tally = Tally.summed(people, model, held_out)
    return Evaluation(
        **tally.figures(model.n_raters, criteria, predicts_ratings=model.predicts_ratings),
        **criteria.protocol(),
        split=getattr(test, "split", None),
        train_rmse=train_rmse,
        train_mae=train_mae,
        excluded=HISTORY if isinstance(test, NewUsers) else TRAINING,
        most_popular=None,
        # The last part of a model that has parts is the one that rates.
        has_regularization="regularization" in (model.parts or [model])[-1].get_params(),
        people=people,
    )


def _most_popular(
    model: Model, test: Ratings | NewUsers, criteria: Criteria
) -> dict[str, float | None] | None:
    """The figures of the lists of what is most popular in the ratings that a model was fitted on."""
    if isinstance(model, MostPopular):
        return None
    tally = Tally.of(*_audience(MostPopular.beside(model), test), criteria)
    return tally.figures_of_lists(model.n_raters, criteria)


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
            model.item_index_.require_kind_of(ratings.item_index, name="item")
            if not isinstance(test, NewUsers):
                model.user_index_.require_kind_of(ratings.user_index, name="user")


def _errors(audience: Audience, ratings: Ratings) -> tuple[float | None, float | None]:
    if not audience.model.predicts_ratings:
        return None, None
    predicted = audience.predict(ratings)
    return metrics.rmse(ratings.values, predicted), metrics.mae(ratings.values, predicted)
