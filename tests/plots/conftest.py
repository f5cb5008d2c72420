"""A small cinema whose factors are given, so that what a picture must show is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import matinee
from matinee.models.model import Model
from matinee.ratings import Ratings

from ..conftest import random_ratings

GENRES = ("Comedy", "Drama", "Horror")


@pytest.fixture(scope="session")
def split_ratings() -> tuple[Ratings, Ratings]:
    train, test = matinee.split(random_ratings(), test_size=0.3, random_state=1)
    return train, test


@pytest.fixture(scope="session")
def movies() -> matinee.Movies:
    """A title for every item but the last; genres in turn."""
    items = random_ratings().items.tolist()[:-1]
    return matinee.Movies(
        matinee.Movie(item, f"Film {item}", 1950 + place, (GENRES[place % 3],))
        for place, item in enumerate(items)
    )


@pytest.fixture(scope="session")
def als(split_ratings: tuple[Ratings, Ratings]) -> matinee.ALS:
    train, test = split_ratings
    return matinee.ALS(n_factors=3, regularization=0.05, n_iterations=8).fit(train, test)


@pytest.fixture(scope="session")
def implicit(split_ratings: tuple[Ratings, Ratings]) -> matinee.ImplicitALS:
    train, test = split_ratings
    return matinee.ImplicitALS(n_factors=3, n_iterations=6).fit(train, test)


@pytest.fixture(scope="session")
def bayes(split_ratings: tuple[Ratings, Ratings]) -> matinee.BayesianALS:
    train, test = split_ratings
    return matinee.BayesianALS(n_factors=3, n_samples=20, n_burn_in=5).fit(train, test)


@pytest.fixture(autouse=True)
def pyplot_is_left_alone() -> Iterator[None]:
    """No picture opens a window, nor changes what pyplot thinks is the current figure, nor any setting."""
    import sys

    import matplotlib

    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def counts_by_item(model: Model) -> np.ndarray:
    counts = np.zeros(len(model.item_index_), dtype=int)
    for column in model.rated_.columns:
        counts[column] += 1
    return counts
