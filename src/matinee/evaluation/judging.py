"""Evaluates a fitted model on ratings that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee import metrics
from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.evaluation import list_metrics
from matinee.evaluation.audience import Answers, Audience
from matinee.evaluation.beyond import Beyond, genre_table
from matinee.evaluation.criteria import Criteria, Gains, relevance_threshold
from matinee.evaluation.evaluation import HISTORY, NOTHING, TRAINING, Evaluation
from matinee.evaluation.foreign import ForeignAnswers, Trained, check_answers
from matinee.evaluation.per_person import PerPerson, Report, silently
from matinee.evaluation.ranking_metrics import RANKING, figure_by_k
from matinee.evaluation.tally import Tally
from matinee.models.baselines import MostPopular
from matinee.models.model import Model
from matinee.progress import progress_bar
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.frames import is_frame
from matinee.ratings.splits import NewUsers


@overload
def evaluate(
    model: Any,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    genres: Any = None,
    auc: bool = False,
    per_user: Literal[False] = False,
    progress: bool = True,
) -> Evaluation: ...


@overload
def evaluate(
    model: Any,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    genres: Any = None,
    auc: bool = False,
    per_user: Literal[True],
    progress: bool = True,
) -> pl.DataFrame: ...


def evaluate(
    model: Any,
    test: Ratings | NewUsers,
    *,
    k: int = 10,
    train: Ratings | None = None,
    relevant_from: float | None = None,
    liked: float | None = None,
    gains: Gains = "binary",
    genres: Any = None,
    auc: bool = False,
    per_user: bool = False,
    progress: bool = True,
) -> Evaluation | pl.DataFrame:
    """Measure how well a model predicts ratings, and how many test items are in its recommendations.

    The lists are judged beside those of the most popular items. They may come from any library.

    Parameters
    ----------
    model : Model, frame of lists, or object with ``recommend`` or ``predict``
        A model that was fitted, or loaded from a file. Or the lists themselves: a frame (pandas, polars or
        Arrow) with the columns user, item and rank, or score where there is no rank. Or an object with
        ``recommend(user, n)``, which gives ids of items or pairs of an id and a score, best first, or with
        ``predict(users, items)``, which gives as many ratings, or with both. What only predicts is ranked
        here, without the items in the user's training ratings; lists are taken as they are. A user without a
        list, or for whom ``recommend`` raises a LookupError, has found nothing.
    test : Ratings or NewUsers
        Ratings that the model was not trained on. An item that a user has in the training ratings is never
        recommended to them, so it counts as missed; the result says how many there are. For `NewUsers`, each
        user's history is folded in, and the held-out ratings are predicted and looked for in the lists.
    k : int
        The length of the lists of recommendations. If there are fewer than k items to recommend, lists are
        shorter and the empty places count as misses.
    train : Ratings, optional
        The ratings that the model was trained on. With them the result has the training errors and the
        verdict on overfitting; of lists and objects also the coverage, the novelty and the most popular.
    relevant_from : float, optional
        The least rating that makes an item relevant to a user. By default every test rating does.
    liked : float, optional
        The least rating that says that a user liked an item; by default four fifths of the greatest rating
        that the model was fitted on: 4 of 5, or 8 of 10. A rating of at most two fifths says that they
        disliked it.
    gains : {"binary", "graded"}
        What a relevant item counts in ``ndcg``: 1, or the more the higher it is rated, as
        `matinee.metrics.graded_gains` says.
    genres : Movies, mapping of item to a list of genres, or frame with the columns item and genres, optional
        With them the result has the diversity of lists, and how far they are from what a person has rated.
    auc : bool
        Rank the whole catalogue for everybody, for the AUC. Only of a model.
    per_user : bool
        Give the figures of each person with a test rating, in place of those of all together.
    progress : bool
        Show a progress bar, on a terminal or in a notebook, if it takes over a second.

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
        If an argument is invalid, there are no ratings in ``test`` or ``train``, or lists lack a column or
        hold an item twice.
    NotFittedError
        If the model has not been fitted.
    """
    options = {"k": k, "relevant_from": relevant_from, "liked": liked, "gains": gains}
    asked = _Asked.of(model, test, train, options)
    beyond = _beyond(asked, genres, auc)
    if not isinstance(per_user, bool):
        raise DataError(f"per_user={per_user!r}; expected True or False")
    with judging_bar("evaluate", test, 1, shown=progress) as report:
        if per_user:
            people = PerPerson.of(asked.answers, asked.held_out, asked.criteria, beyond, report=report)
            return people.to_frame()
        return replace(_evaluated(asked, beyond, report), most_popular=_most_popular(asked))


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
    options = {"k": k, "relevant_from": relevant_from, "liked": liked, "gains": gains}
    return _evaluated(_Asked.of(model, test, None, options), Beyond(None, None, auc=False))


def predicted_ratings(model: Model, test: Ratings | NewUsers) -> tuple[Ratings, NDArray[np.float32]]:
    """The ratings of a test, and the prediction of each in the same order, as `evaluate` compares them.

    Raises
    ------
    DataError
        If `evaluate` refuses the arguments, or the model predicts no ratings.
    NotFittedError
        If the model has not been fitted.
    """
    _check_model(model, test)
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
    _check_model(model, test)
    if metric not in RANKING:
        raise DataError(f"metric={metric!r}; expected one of {', '.join(RANKING)}")
    lengths = [whole_number("k", k, least=1) for k in ks]
    if not lengths:
        raise DataError("there are no lengths k of lists; expected at least one")
    return figure_by_k(*_audience(model, test), relevance_threshold(relevant_from), metric, lengths)


def judged(
    given: Any,
    test: Ratings | NewUsers,
    train: Ratings | None,
    options: Mapping[str, Any],
    *,
    genres: Any,
    auc: bool,
    report: Report,
) -> Evaluation:
    """The evaluation of a model, of lists or of an object, without the most popular beside it."""
    asked = _Asked.of(given, test, train, options)
    return _evaluated(asked, _beyond(asked, genres, auc), report)


@contextmanager
def judging_bar(label: str, test: Ratings | NewUsers, n_models: int, *, shown: bool) -> Iterator[Report]:
    """A bar of the people of a test that have been judged, for each of some models."""
    held_out = test.held_out if isinstance(test, NewUsers) else test
    n_judged = 0
    # What is no test is refused later.
    n_people = int(np.count_nonzero(held_out.by_user.counts)) if isinstance(held_out, Ratings) else 0
    total = n_models * n_people
    with progress_bar(label, total, shown=shown) as bar:

        def report(n_people: int) -> None:
            nonlocal n_judged
            n_judged += n_people
            bar.update(n_judged)

        yield report


def _beyond(asked: _Asked, genres: Any, auc: Any) -> Beyond:
    """What the figures beside accuracy are computed from."""
    if not isinstance(auc, bool):
        raise DataError(f"auc={auc!r}; expected True or False")
    if auc and not isinstance(asked.given, Model):
        raise DataError("auc=True for lists, which do not rank the whole catalogue; expected a model")
    popular = _popular_of(asked)
    return Beyond(
        popular=None if popular is None else _audience(popular, asked.test)[0],
        genres=None if genres is None else genre_table(genres, asked.answers.model.item_index_),
        auc=auc,
    )


class _Asked(NamedTuple):
    """What is evaluated, and by what.

    Attributes
    ----------
    given : Model, frame or object
    answers : Answers
        To the people of the test.
    held_out : Ratings
        The ratings to predict and to find in the lists.
    train : Ratings or None
    criteria : Criteria
    test : Ratings or NewUsers
    """

    given: Any
    answers: Answers
    held_out: Ratings
    train: Ratings | None
    criteria: Criteria
    test: Ratings | NewUsers

    @classmethod
    def of(
        cls, given: Any, test: Ratings | NewUsers, train: Ratings | None, options: Mapping[str, Any]
    ) -> _Asked:
        _check_arguments(given, test, train)
        held_out = test.held_out if isinstance(test, NewUsers) else test
        if isinstance(given, Model):
            criteria = Criteria.of(given.rating_range_, **options)
            return cls(given, _audience(given, test)[0], held_out, train, criteria, test)
        known = held_out if train is None else train
        criteria = Criteria.of((float(known.values.min()), float(known.values.max())), **options)
        answers = ForeignAnswers.of(given, held_out, train, criteria.k)
        return cls(given, answers, held_out, train, criteria, test)


def _evaluated(asked: _Asked, beyond: Beyond, report: Report = silently) -> Evaluation:
    model, criteria = asked.answers.model, asked.criteria
    people = PerPerson.of(asked.answers, asked.held_out, criteria, beyond, report=report)
    tally = Tally.summed(people, model, asked.held_out)
    figures: dict[str, Any] = tally.figures(model.n_raters, criteria, predicts_ratings=model.predicts_ratings)
    if isinstance(model, Trained) and not model.is_known:
        figures |= {"catalogue_coverage": None, "novelty": None}
    else:
        figures["gini"] = list_metrics.gini(tally.n_recommended)
    train_rmse, train_mae = _train_errors(asked)
    return Evaluation(
        **(figures | people.means(("popularity_bias", "serendipity", "diversity", "miscalibration", "auc"))),
        **criteria.protocol(),
        split=getattr(asked.test, "split", None),
        train_rmse=train_rmse,
        train_mae=train_mae,
        excluded=_excluded(asked),
        most_popular=None,
        # The last part of a model that has parts is the one that rates.
        has_regularization=isinstance(model, Model)
        and "regularization" in (model.parts or [model])[-1].get_params(),
        people=people,
    )


def _excluded(asked: _Asked) -> str:
    if not isinstance(asked.given, Model):
        return NOTHING
    return HISTORY if isinstance(asked.test, NewUsers) else TRAINING


def _most_popular(asked: _Asked) -> dict[str, float | None] | None:
    """The figures of the lists of what is most popular in the ratings that a model was fitted on."""
    popular = None if isinstance(asked.given, MostPopular) else _popular_of(asked)
    if popular is None:
        return None
    tally = Tally.of(*_audience(popular, asked.test), asked.criteria)
    return tally.figures_of_lists(popular.n_raters, asked.criteria)


def _popular_of(asked: _Asked) -> MostPopular | None:
    """The most popular of the ratings that were trained on; None if these are not known."""
    if isinstance(asked.given, Model):
        return MostPopular.beside(asked.given)
    return None if asked.train is None else MostPopular().fit(asked.train)


def _audience(model: Model, test: Ratings | NewUsers) -> tuple[Audience, Ratings]:
    """The people of a test, and the ratings to predict and to find in the lists."""
    if isinstance(test, NewUsers):
        return Audience.folded_in(model, test.history), test.held_out
    return Audience.known(model, test), test


def _check_arguments(given: Any, test: Any, train: Any) -> None:
    if isinstance(given, Model):
        given.check_fitted()
    elif not is_frame(given):
        check_answers(given)
    tested = test.held_out if isinstance(test, NewUsers) else test
    for name, ratings in (("test", tested), ("train", train)):
        if ratings is not None or name == "test":
            check_ratings(ratings, name)
            if isinstance(given, Model):
                given.item_index_.require_kind_of(ratings.item_index, name="item")
                if not isinstance(test, NewUsers):
                    given.user_index_.require_kind_of(ratings.user_index, name="user")
    if isinstance(test, NewUsers) and not isinstance(given, Model) and not is_frame(given):
        raise DataError(
            f"{type(given).__name__} cannot be told the history of new users; give a frame of their lists"
        )


def _check_model(model: Any, test: Any) -> None:
    if not isinstance(model, Model):
        raise DataError(f"expected a model, such as matinee.ALS().fit(train), got {type(model).__name__}")
    _check_arguments(model, test, None)


def _train_errors(asked: _Asked) -> tuple[float | None, float | None]:
    train, answers = asked.train, asked.answers
    if train is None or not answers.model.predicts_ratings:
        return None, None
    if isinstance(asked.given, Model):
        answers = Audience.known(asked.given, train)
    predicted = answers.predict(train)
    return metrics.rmse(train.values, predicted), metrics.mae(train.values, predicted)
