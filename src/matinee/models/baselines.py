"""The baselines that a model must beat: the most popular items, the biases alone, and chance.

Each is a model like any other. Its factors and biases need no training loop, so the same code ranks items,
folds people in, saves the model and evaluates it.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, random_generator
from matinee.models.als import ALS
from matinee.models.factor_model import FactorModel
from matinee.models.factor_people import FactorPeople
from matinee.models.model import Model
from matinee.models.parameters import thread_count
from matinee.models.people import People
from matinee.models.solved_model import SolvedModel
from matinee.ratings import Ratings, Rows
from matinee.solving.row_problem import Floats, Side, Terms

__all__ = ["ItemBiases", "MostPopular", "Random"]

# Enough directions that two people's lists have little in common, and few enough to be fast.
N_RANDOM_FACTORS = 32
# So small that it decides the order only where the factors are zero: for a person without ratings.
RANDOM_BIAS = 1e-6


class MostPopular(FactorModel):
    """Recommends to everybody the items that most users rated; the score is the share of users who did.

    The values of the ratings make no difference; if they have weights, a user counts by the weight. Items
    with equally many ratings are ordered by id.
    """

    contexts_are = "ignored"
    predicts_ratings = False
    has_biases = True

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Count the users who rated each item. ``validation`` is ignored; other models use it."""
        self.check_fit(train, validation)
        n_users = max(int(np.count_nonzero(train.by_user.counts)), 1)
        rated = train.by_user
        self._keep(train, np.bincount(rated.columns, rated.weights, minlength=train.n_items) / n_users)
        return self

    @classmethod
    def beside(cls, model: Model) -> Self:
        """What is most popular among the ratings that another model was fitted on."""
        popular = cls()
        ratings = Ratings(model.user_index_, model.item_index_, model.rated_)
        popular._keep(ratings, model.n_raters / max(int(model.n_raters.max()), 1))
        return popular

    def _keep(self, train: Ratings, shares: NDArray[np.float64]) -> None:
        items = Side(np.zeros((len(shares), 1), np.float32), shares.astype(np.float32))
        self.keep_fit(train, _nobody_special(train.n_users), items, 0.0, [])

    def check_parameters(self) -> None:
        """Do nothing: there are no parameters to check."""

    @property
    def people(self) -> People:
        """The users that the model was fitted on, all alike."""
        return self._all_alike(self.rated_)

    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, all alike."""
        return self._all_alike(rated)

    def _all_alike(self, rated: Rows) -> People:
        side, threads = _nobody_special(rated.n_rows), thread_count(self.n_threads)
        return FactorPeople.of(side, rated, None, self.items_for_people, threads)


def _nobody_special(n_people: int) -> Side:
    return Side.empty(n_people, 1, biases=True)


class ItemBiases(SolvedModel):
    """Predicts a rating as the mean, the item's bias and the user's bias, without factors.

    It equals an `ALS` model whose factors are all zero.

    Parameters
    ----------
    regularization : float
        Has the effect of this many ratings without deviation for every user and item. It keeps an item with a
        single high rating from the top.
    """

    contexts_are = "ignored"
    has_biases = True

    def __init__(self, *, regularization: float = 5.0) -> None:
        self.regularization = regularization

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Find the biases. ``validation`` is ignored; other models use it.

        Raises
        ------
        DataError
            If the regularisation is not a positive number.
        """
        self.check_fit(train, validation)
        start = np.zeros((train.n_users, 1)), np.zeros((train.n_items, 1))
        als = ALS(n_factors=1, regularization=self.regularization, weighting="none")
        als.fit(train.without_contexts(), start=start, progress=False)
        self.keep_fit(train, als.user_side, als.item_side, als.mean_, als.history_)
        return self

    def check_parameters(self) -> None:
        """Raise a DataError unless the regularisation is a positive number."""
        number("regularization", self.regularization, least=np.nextafter(0, 1))

    @property
    def terms(self) -> Terms:
        """The terms of ratings less their mean."""
        return Terms(offset=self.mean_)

    def user_ridge(self, observed: Rows) -> Floats:
        """The regularisation of people, the same for everybody."""
        return np.full(observed.n_rows, self.regularization, dtype=np.float32)


class Random(SolvedModel):
    """Recommends items in a random order, which depends on the seed and on the person's ratings.

    People get different lists: the items' factors point in random directions, and the people's factors follow
    from these and their ratings, as in any other model.

    Parameters
    ----------
    random_state : int, numpy.random.Generator or None
    """

    contexts_are = "ignored"
    predicts_ratings = False
    has_biases = True

    def __init__(self, *, random_state: int | np.random.Generator | None = 0) -> None:
        self.random_state = random_state

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Draw the factors. ``validation`` is ignored; other models use it.

        Raises
        ------
        DataError
            If ``random_state`` is not a seed, a generator or None.
        """
        self.check_fit(train, validation)
        items = _random_side(random_generator(self.random_state), train.n_items)
        # A placeholder: the people replace it as soon as the model can fold them in.
        nobody = Side.empty(train.n_users, N_RANDOM_FACTORS, biases=True)
        self.keep_fit(train, nobody, items, 0.0, [])
        users = self.fold(train.by_user)
        self.keep_fit(train, users, items, 0.0, [])
        return self

    def check_parameters(self) -> None:
        """Raise a DataError unless ``random_state`` is a seed, a generator or None."""
        random_generator(self.random_state)

    @property
    def terms(self) -> Terms:
        """The terms of ratings as they are."""
        return Terms(offset=self.mean_)

    def user_ridge(self, observed: Rows) -> Floats:
        """The regularisation of people, the same for everybody."""
        return np.ones(observed.n_rows, dtype=np.float32)


def _random_side(generator: np.random.Generator, n_rows: int) -> Side:
    factors: Floats = generator.standard_normal((n_rows, N_RANDOM_FACTORS), dtype=np.float32)
    # All of one length, since an item with long factors would be in most lists.
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    return Side(factors, generator.standard_normal(n_rows, dtype=np.float32) * np.float32(RANDOM_BIAS))
