"""The films to ask about first, held against the algebra in ten lines of numpy."""

from __future__ import annotations

import numpy as np

import matinee
from matinee.models import ItemRidge
from matinee.models.recommender import Recommender
from matinee.web.cinema.first_films import TellingFilms, first_films
from matinee.web.cinema.showing import Showing
from matinee.web.cinema.statistics import RatingStatistics, mean_squared_error
from tests.conftest import random_ratings


def test_films_worth_rating_leave_the_least_uncertainty_for_how_well_they_are_known(
    showing: Showing,
) -> None:
    """Each next film has the most of the fall of log det of the covariance, times its share of people."""
    model = showing.model
    statistics = RatingStatistics(model)
    users = model.user_factors_.astype(np.float64)
    precision = np.linalg.inv(users.T @ users / len(users))
    noise = mean_squared_error(model)
    chosen = first_films(model, statistics).choose(6)
    for turn, position in enumerate(chosen):
        before = np.linalg.slogdet(precision)[1]
        gains = []
        for y, count in zip(model.item_factors_.astype(np.float64), statistics.n_ratings, strict=True):
            after = np.linalg.slogdet(precision + np.outer(y, y) / noise)[1]
            gains.append((after - before) * count)
        for earlier in chosen[:turn]:
            gains[earlier] = -1
        assert int(np.argmax(gains)) == position
        y = model.item_factors_[position].astype(np.float64)
        precision += np.outer(y, y) / noise


def test_a_recommender_asks_by_the_factors_of_what_to_watch(blended_showing: Showing) -> None:
    model = blended_showing.model
    assert isinstance(model, Recommender)
    (watch,) = model.watch_models_
    assert isinstance(watch, matinee.ImplicitALS)
    chosen = blended_showing.first_films.choose(9)
    assert chosen == TellingFilms(watch, blended_showing.statistics).choose(9)
    assert len(set(chosen)) == 9


def test_a_model_without_factors_asks_for_the_most_rated() -> None:
    ratings = random_ratings(n_users=60, n_items=30, share=0.3, seed=2)
    ridge = ItemRidge().fit(ratings)
    stars = matinee.ALS(n_factors=2).fit(ratings, progress=False)
    counts = np.bincount(ratings.by_user.columns, minlength=30)
    order = np.argsort(-counts, kind="stable").tolist()
    for model in (ridge, Recommender.of_fitted(ridge, stars)):
        films = first_films(model, RatingStatistics(model))
        assert films.choose(5) == order[:5]
        assert films.choose(3, rated=order[:2], hidden=[order[3]]) == [order[2], *order[4:6]]
        assert len(films.choose(1000)) == np.count_nonzero(counts)
