"""Runs the demo without printing anything: read, split, fit, evaluate, recommend."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from matinee.cli.output import status
from matinee.cli.sources import Titles
from matinee.datasets import Movies, load_dataset, load_movies
from matinee.datasets.loading import DEMO, DEMO_PARAMETERS
from matinee.evaluation import Evaluation, evaluate
from matinee.models import ALS
from matinee.models.answers import Contribution, Explanation, Recommendation, SimilarItem
from matinee.models.recommender import Recommender
from matinee.ratings import Ratings
from matinee.ratings.ids import Id
from matinee.ratings.splits import split

SEED = 42
N_SHOWN = 8
N_REASONS = 2
MANY = 1_000  # more ratings than any of these people has

WELL_KNOWN = "Spirited Away"
VIEWER = 310  # this viewer likes film noir
OTHER_VIEWER = 5660  # this viewer likes animation
# The ratings of a person who likes space operas; one other film is there for comparison.
NEWCOMER = {
    "Star Wars": 5.0,
    "Star Trek II: The Wrath of Khan": 4.5,
    "Guardians of the Galaxy": 4.5,
    "Casablanca": 2.0,
}


@dataclass(frozen=True)
class Tip:
    """A recommendation, and the person's ratings that contribute most to it."""

    item: Id
    rating: float
    reasons: list[Contribution]


@dataclass(frozen=True)
class DemoRun:
    """All results of the demo.

    Attributes
    ----------
    ratings, train, test : Ratings
        All ratings, and the two parts that they are split into.
    movies : Movies
    model : Recommender
    evaluation, biases_alone : Evaluation
        The evaluation of the model, and of a model with biases but without tastes.
    seconds : float
        The time from reading to the end of the evaluation.
    """

    ratings: Ratings
    train: Ratings
    test: Ratings
    movies: Movies
    model: Recommender
    evaluation: Evaluation
    biases_alone: Evaluation
    seconds: float

    @property
    def titles(self) -> Titles:
        """The titles of the movies, by item."""
        return Titles(self.movies)

    @property
    def well_known(self) -> Id:
        """The film for which similar films are shown."""
        return self._item(WELL_KNOWN)

    def alike(self) -> list[SimilarItem]:
        """The films most like the well-known one."""
        return self.model.similar_items(self.well_known, N_SHOWN)

    def tips_for_viewer(self, viewer: Id = VIEWER) -> list[Tip]:
        """The recommendations for a viewer whom the model was fitted on."""
        found = self.model.recommend(viewer, N_SHOWN)
        return [_tip(one, self.model.explain(viewer, one.item, n=MANY)) for one in found]

    def best_rated(self, viewer: Id) -> dict[str, float]:
        """The titles that a viewer rated highest in the training ratings, and the stars."""
        of_viewer = self.train.to_frame().filter(pl.col("user") == viewer)
        best = of_viewer.sort("rating", "item", descending=[True, False]).head(N_SHOWN)
        return {self.movies.title(item): rating for item, rating in best.select("item", "rating").iter_rows()}

    def tips_for_newcomer(self) -> list[Tip]:
        """The recommendations for a person whom the model has never seen."""
        newcomer = self.model.fold_in({self._item(title): stars for title, stars in NEWCOMER.items()})
        return [_tip(one, newcomer.explain(one.item, n=MANY)) for one in newcomer.recommend(N_SHOWN)]

    def _item(self, title: str) -> Id:
        return next(item for item, movie in self.movies.items() if movie.title == title)


def run_demo() -> DemoRun:
    """Read, split, fit and evaluate."""
    began = time.perf_counter()
    with status("reading the demo data"):
        ratings, movies = load_dataset(DEMO), load_movies(DEMO)
        train, test = split(ratings, test_size=0.2, by="random", random_state=SEED)
    model = Recommender(random_state=SEED).fit(train, test)
    with status("evaluating"):
        evaluation = evaluate(model, test, train=train, progress=False)
        biases_alone = evaluate(_fit_biases(train), test, train=train, progress=False)
    seconds = time.perf_counter() - began
    return DemoRun(ratings, train, test, movies, model, evaluation, biases_alone, seconds)


def _fit_biases(train: Ratings) -> ALS:
    """A model of biases only: factors that start at zero stay at zero."""
    start = np.zeros((train.n_users, 1)), np.zeros((train.n_items, 1))
    return ALS(**DEMO_PARAMETERS | {"n_factors": 1}).fit(train, start=start, progress=False)


def _tip(found: Recommendation, explanation: Explanation) -> Tip:
    """The recommendation, with the films that the person liked and that speak most for it."""
    usual = float(np.mean([part.rating for part in explanation.contributions]))
    for_it = [part for part in explanation.contributions if part.contribution > 0 and part.rating >= usual]
    largest = sorted(for_it, key=lambda part: -part.contribution)
    assert found.rating is not None
    return Tip(found.item, found.rating, largest[:N_REASONS])
