"""Ratings with planted noise, and a chain with own noise of users and items in float64, by the definition."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.special

from matinee.models import BayesianALS
from matinee.models.bayes.own_noise import DEGREES
from matinee.ratings import Ratings

from .test_chain import PlainSide


def planted(side: Literal["user", "item"]) -> tuple[Ratings, np.ndarray]:
    """Ratings of 90 items by 120 users, and the deviation of the noise of each user or of each item."""
    generator = np.random.default_rng(0)
    n_users, n_items = 120, 90
    left, right = generator.normal(size=(n_users, 2)), generator.normal(size=(n_items, 2))
    users, items = np.nonzero(generator.random((n_users, n_items)) < 0.5)
    of_ratings, n_rows = (users, n_users) if side == "user" else (items, n_items)
    deviations = np.where(np.arange(n_rows) % 2, 0.4, 1.0)
    values = 3 + 0.5 * (left[users] * right[items]).sum(axis=1)
    values += deviations[of_ratings] * generator.normal(size=len(users))
    return Ratings.from_arrays(users, items, values), deviations


def in_two_parts(ratings: Ratings) -> tuple[Ratings, Ratings]:
    """Four fifths of the ratings to fit, and the rest."""
    held_out = np.random.default_rng(1).random(len(ratings)) < 0.2
    return ratings.subset(~held_out), ratings.subset(held_out)


def answers(model: BayesianALS, test: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """The predictions of the test ratings and their deviations."""
    mean, deviation = model.predict(
        test.users[test.user_positions], test.items[test.by_user.columns], return_std=True
    )
    return mean, deviation


class PlainNoise:
    """The precisions of the rows of one side and their ν."""

    def __init__(self, generator: np.random.Generator, rated: np.ndarray) -> None:
        self.generator, self.counts = generator, rated.sum(axis=1)
        self.own, self.degrees = np.ones(len(rated)), 10.0

    def draw(self, squares: np.ndarray, alpha: float) -> None:
        rates = self.degrees + alpha * squares
        self.own = self.generator.gamma((self.degrees + self.counts) / 2) * 2 / rates
        own, halves = self.own[self.counts > 0], DEGREES / 2
        logs = len(own) * (halves * np.log(halves) - scipy.special.gammaln(halves))
        logs += (halves - 1) * np.log(own).sum() - halves * own.sum()
        shares = np.exp(logs - logs.max())
        self.degrees = self.generator.choice(DEGREES, p=shares / shares.sum())


def plain_chain(matrix: np.ndarray, n_sweeps: int, *, item_noise: bool) -> list[np.ndarray]:
    """The items' biases, 1/α and the users' log ν of each sweep; then the items' log ν and log d, if any."""
    generator = np.random.default_rng(1)
    rated = np.isfinite(matrix).astype(np.float64)
    targets = np.where(rated > 0, matrix - np.nanmean(matrix), 0.0)
    users, items = (PlainSide(generator, np.zeros((n, 0))) for n in matrix.shape)
    of_users, of_items = PlainNoise(generator, rated), PlainNoise(generator, rated.T)
    alpha = 1.0
    kept: list[tuple[Any, ...]] = []

    def squares() -> np.ndarray:
        scores = users.rows[:, :-1] @ items.rows[:, :-1].T + users.rows[:, -1:] + items.rows[:, -1]
        return rated * (targets - scores) ** 2

    for _ in range(n_sweeps):
        users.draw_prior()
        users.draw_rows(rated * np.outer(of_users.own, of_items.own), targets, items.rows, alpha)
        of_users.draw(squares() @ of_items.own, alpha)
        items.draw_prior()
        items.draw_rows((rated * np.outer(of_users.own, of_items.own)).T, targets.T, users.rows, alpha)
        if item_noise:
            of_items.draw(squares().T @ of_users.own, alpha)
        squared_error = of_users.own @ squares() @ of_items.own
        alpha = generator.gamma(1 + rated.sum() / 2, 1 / (1 + squared_error / 2))
        more = (np.log(of_items.degrees), np.log(of_items.own)) if item_noise else ()
        kept.append((items.rows[:, -1], 1 / alpha, np.log(of_users.degrees), *more))
    return [np.array(series) for series in zip(*kept, strict=True)]
