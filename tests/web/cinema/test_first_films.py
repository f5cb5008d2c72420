"""The films to ask about first, held against the algebra in ten lines of numpy."""

from __future__ import annotations

import numpy as np

from matinee.web.cinema.first_films import FirstFilms
from matinee.web.cinema.showing import Showing
from matinee.web.cinema.statistics import RatingStatistics, mean_squared_error


def test_films_worth_rating_leave_the_least_uncertainty_for_how_well_they_are_known(
    showing: Showing,
) -> None:
    """Each next film has the most of the fall of log det of the covariance, times its share of people."""
    model = showing.model
    statistics = RatingStatistics(model)
    users = model.user_factors_.astype(np.float64)
    precision = np.linalg.inv(users.T @ users / len(users))
    noise = mean_squared_error(model)
    chosen = FirstFilms(model, statistics).choose(6)
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
