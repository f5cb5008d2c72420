"""Recommends films to a visitor by fold-in, with reasons. Without ratings, recommends popular films."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matinee.models import Model
from matinee.models.answers import Recommendation
from matinee.models.person import Person
from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.films import Film, model_id
from matinee.web.cinema.kinds import require_blend, require_diversity
from matinee.web.cinema.reasons import Reason, reasons_for
from matinee.web.cinema.showing import Showing

# The share of ratings that the interval of a prediction holds.
INTERVAL = 0.9
# A guess whose interval covers a greater share of the scale says nothing, and is not shown.
MOST_COVERED = 0.8
# A list of more variety is made in parts: the first films of the home page, then its rounds of further ones.
# So those that are shown stay where they are, and the time does not grow with the square of the length.
FIRST_PART, LATER_PART = 12, 24


@dataclass(frozen=True)
class Prediction:
    """The stars that somebody is expected to give, and their interval if the model gives one."""

    stars: float
    low: float | None = None
    high: float | None = None
    share: float = INTERVAL


@dataclass(frozen=True)
class Suggestion:
    """A recommended film.

    Attributes
    ----------
    film : Film
    score : float or None
        The list is ordered by it, unless it has more variety. None for a film that is only popular.
    predicted : Prediction or None
        The expected stars, within the scale; None if the model predicts no ratings, or is too unsure.
    reasons : list of Reason
        The visitor's own ratings that raise its score most, the strongest first. May be empty.
    """

    film: Film
    score: float | None
    predicted: Prediction | None
    reasons: list[Reason]


def recommend(
    showing: Showing,
    ratings: Mapping[str, float],
    n: int = 12,
    *,
    filters: Filters | None = None,
    hidden: Collection[str] = (),
    n_reasons: int = 2,
    blend: float | None = None,
    diversity: float = 0.0,
) -> list[Suggestion]:
    """The n films to recommend to somebody with these ratings; popular films if the model knows none of them.

    Parameters
    ----------
    showing : Showing
    ratings : mapping of item to stars
        Ratings of films that the model does not know are ignored.
    filters : Filters, optional
    hidden : items
        Not recommended.
    n_reasons : int
        The most ratings to give as reasons for each film.
    blend : float, optional
        In place of the model's own, from 0 to 1: the safe choices, or only the best. It makes no difference
        to somebody without ratings.
    diversity : float
        From 0 to 1: how unlike each film should be to those before it. It makes no difference to somebody
        without ratings. The list is made in parts of 12, 24, 24, … films, each varied by itself, so that
        further films change none of those before them.

    Returns
    -------
    list of Suggestion
        No film in it is rated or hidden.

    Raises
    ------
    DataError
        If there is a blend or a diversity, and the model has none.
    """
    ranking = _checked(showing, blend, diversity)
    person = fold_in(showing, ratings)
    if person is None:
        return popular(showing, n, filters=filters, unwanted={*ratings, *hidden})
    unwanted = {item for item in hidden if item not in ratings}
    found = _best(showing, person, n, filters, unwanted, ranking)
    return _suggestions(showing, person, found, n_reasons, blend)


def recommend_to_user(
    showing: Showing,
    user: object,
    n: int = 12,
    *,
    filters: Filters | None = None,
    n_reasons: int = 0,
    blend: float | None = None,
    diversity: float = 0.0,
) -> list[Suggestion]:
    """The n films to recommend to a user of the ratings that the model was fitted to.

    The parameters are those of `recommend`.

    Raises
    ------
    UnknownUserError
        If the model has not seen the user.
    DataError
        If there is a blend or a diversity, and the model has none.
    """
    ranking = _checked(showing, blend, diversity)
    person = showing.model.person(user)
    found = _best(showing, person, n, filters, set(), ranking)
    return _suggestions(showing, person, found, n_reasons, blend)


def popular(
    showing: Showing, n: int = 12, *, filters: Filters | None = None, unwanted: Collection[str] = ()
) -> list[Suggestion]:
    """The n most rated films that are not unwanted."""
    passing = None if not filters else set(showing.catalogue.positions(filters).tolist())
    found: list[Suggestion] = []
    for position in showing.popular_positions:
        if len(found) == n:
            break
        film = showing.film_by_position[position]
        if film.item not in unwanted and (passing is None or position in passing):
            found.append(Suggestion(film, None, None, []))
    return found


def worth_rating(
    showing: Showing, ratings: Mapping[str, float], n: int = 12, *, hidden: Collection[str] = ()
) -> list[Film]:
    """The n films whose ratings would tell most about somebody's taste, and that many people know."""
    rated, unwanted = _positions(showing, ratings), _positions(showing, hidden)
    chosen = showing.first_films.choose(n, rated=rated, hidden=unwanted)
    return [showing.film_by_position[position] for position in chosen]


def similar(showing: Showing, film: Film, n: int = 8) -> list[tuple[Film, float]]:
    """The n films most similar to one, with similarities from −1 to 1; none if the model does not know it."""
    if not film.is_known:
        return []
    found = showing.model.similar_items(model_id(showing.model, film), n)
    return [(showing.film_of(item), score) for item, score in found]


def predict(showing: Showing, ratings: Mapping[str, float], film: Film) -> Prediction | None:
    """The expected rating of a film by somebody with these ratings; None if the model cannot say."""
    person = fold_in(showing, ratings) if showing.model.predicts_ratings and film.is_known else None
    if person is None:
        return None
    item = model_id(showing.model, film)
    # Their rating of this film, if there is one, is part of what the guess is made from.
    found = person.recommend(1, items=[item], exclude_seen=False)
    return _predictions(showing.model, person, found)[0]


def is_sure(model: Model, prediction: Prediction) -> bool:
    """Whether a prediction says enough to be shown. That of a model without intervals always is."""
    if prediction.low is None or prediction.high is None:
        return True
    least, greatest = model.rating_range_
    return prediction.high - prediction.low <= MOST_COVERED * (greatest - least)


def fold_in(showing: Showing, ratings: Mapping[str, float]) -> Person | None:
    """Somebody with these ratings, folded into the model; None if it knows none of the films."""
    ids, catalogue = showing.model.item_index_, showing.catalogue
    films = ((catalogue.get(item), stars) for item, stars in ratings.items())
    known = {ids.id_at(film.position): stars for film, stars in films if film is not None and film.is_known}
    return showing.model.fold_in(known) if known else None


def _checked(showing: Showing, blend: float | None, diversity: float) -> dict[str, float]:
    """What orders a list, as the model takes it; nothing where the model's own order is asked for."""
    ranking = {}
    if blend is not None:
        require_blend(showing.model)
        ranking["blend"] = blend
    if diversity:
        require_diversity(showing.model)
        ranking["diversity"] = diversity
    return ranking


def _best(
    showing: Showing,
    person: Person,
    n: int,
    filters: Filters | None,
    hidden: set[str],
    ranking: dict[str, float],
) -> list[Recommendation]:
    items = None
    if filters:
        items = showing.model.item_index_.ids[showing.catalogue.positions(filters)]
    if "diversity" in ranking:
        return _varied(showing, person, n, items, hidden, ranking)
    asked: Any = person
    found: list[Recommendation] = asked.recommend(n + len(hidden), items=items, **ranking)
    return [one for one in found if str(one.item) not in hidden][:n]


def _varied(
    showing: Showing, person: Person, n: int, items: Any, hidden: set[str], ranking: dict[str, float]
) -> list[Recommendation]:
    """The list in parts, none of which changes for those that come after it."""
    asked: Any = person
    films = (showing.catalogue.get(item) for item in hidden)
    unwanted = [model_id(showing.model, film) for film in films if film is not None and film.is_known]
    found: list[Recommendation] = []
    wanted = min(n, FIRST_PART)
    while len(found) < n:
        exclude = [*unwanted, *(one.item for one in found)] or None
        part = asked.recommend(wanted, items=items, exclude=exclude, **ranking)
        found += part
        if len(part) < wanted:
            break
        wanted = LATER_PART
    return found[:n]


def _suggestions(
    showing: Showing, person: Person, found: list[Recommendation], n_reasons: int, blend: float | None
) -> list[Suggestion]:
    reasons = reasons_for(showing, person, [one.item for one in found], n_reasons, blend=blend)
    predictions = _predictions(showing.model, person, found)
    return [
        Suggestion(
            showing.film_of(one.item),
            one.score,
            predicted if predicted is not None and is_sure(showing.model, predicted) else None,
            why,
        )
        for one, predicted, why in zip(found, predictions, reasons, strict=True)
    ]


def _predictions(model: Model, person: Person, found: list[Recommendation]) -> list[Prediction | None]:
    """The expected ratings of recommended items; None for each if the model predicts no ratings."""
    if not model.predicts_ratings or not found:
        return [None] * len(found)
    if model.has_intervals:
        asked: Any = person
        answers = asked.predict([one.item for one in found], interval=INTERVAL)
        return list(map(Prediction, *(each.tolist() for each in answers)))
    return [
        Prediction(float(np.clip(one.score, *model.rating_range_)))
        if one.rating is None
        else Prediction(one.rating, *(one.interval or ()))
        for one in found
    ]


def _positions(showing: Showing, items: Collection[str]) -> list[int]:
    films = (showing.catalogue.get(item) for item in items)
    return [film.position for film in films if film is not None and film.is_known]
