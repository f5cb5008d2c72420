"""What a model must beat: the most popular, the biases alone, and chance.

Each is a model like any other, with factors and biases that it takes no training loop to find, so that it is
ranked, folded in, saved and evaluated by the very same code.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, random_generator
from matinee.models.als import ALS
from matinee.models.factor_model import FactorModel
from matinee.models.parameters import thread_count
from matinee.models.people import FactorPeople, People
from matinee.models.solved_model import SolvedModel
from matinee.ratings import Ratings, Rows
from matinee.solving.row_problem import Floats, Side, Terms

__all__ = ["ItemBiases", "MostPopular", "Random"]

# Enough directions that two people's lists have little in common, and few enough to be cheap.
N_RANDOM_FACTORS = 32
# Decides only where factors are zero: for somebody of whom nothing is known.
RANDOM_BIAS = 1e-6


class MostPopular(FactorModel):
    """Everybody is recommended what most people rated; its score is the share of the users who did.

    How anybody rated it makes no difference. Of items that equally many rated, the first by id comes first.
    """

    predicts_ratings = False
    has_biases = True

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Count who rated what. ``validation`` is what other models take, and changes nothing."""
        self.check_fit(train, validation)
        n_users = max(int(np.count_nonzero(train.by_user.counts)), 1)
        shares = np.bincount(train.by_user.columns, minlength=train.n_items) / n_users
        items = Side(np.zeros((train.n_items, 1), np.float32), shares.astype(np.float32))
        self.keep_fit(train, _nobody_special(train.n_users), items, 0.0, [])
        return self

    def check_parameters(self) -> None:
        """Nothing to check: there is no parameter."""

    @property
    def people(self) -> People:
        """The users that the model was fitted on, all alike."""
        return self._all_alike(self.rated_)

    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, all alike."""
        return self._all_alike(rated)

    def _all_alike(self, rated: Rows) -> People:
        side, threads = _nobody_special(rated.n_rows), thread_count(self.n_threads)
        return FactorPeople(side, rated, self.items_for_people, _no_contributions, threads)


def _nobody_special(n_people: int) -> Side:
    return Side.empty(n_people, 1, biases=True)


def _no_contributions(rated: Rows, columns: NDArray[Any]) -> NDArray[np.float64]:
    return np.zeros((len(columns), len(rated.columns)))


class ItemBiases(SolvedModel):
    """How much better than others an item is rated, and how much higher a person rates: no tastes.

    What `ALS` makes of factors that are zero.

    Parameters
    ----------
    regularization : float
        As so many ratings of no deviation, for every user and item: it keeps an item of a single high rating
        from the top.
    """

    has_biases = True

    def __init__(self, *, regularization: float = 5.0) -> None:
        self.regularization = regularization

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Find the biases. ``validation`` is what other models take, and changes nothing.

        Raises
        ------
        DataError
            If the regularisation is not a positive number.
        """
        self.check_fit(train, validation)
        start = np.zeros((train.n_users, 1)), np.zeros((train.n_items, 1))
        als = ALS(n_factors=1, regularization=self.regularization, weighting="none")
        als.fit(train, start=start, progress=False)
        self.keep_fit(train, als.user_side, als.item_side, als.mean_, als.history_)
        return self

    def check_parameters(self) -> None:
        """Raise a DataError unless the regularisation is a positive number."""
        number("regularization", self.regularization, least=np.nextafter(0, 1))

    @property
    def terms(self) -> Terms:
        """Ratings less the mean."""
        return Terms(offset=self.mean_)

    def user_ridge(self, observed: Rows) -> Floats:
        """The same for everybody."""
        return np.full(observed.n_rows, self.regularization, dtype=np.float32)


class Random(SolvedModel):
    """Everybody is recommended items in an order that nothing decides but the seed.

    Everybody has another list: items have factors that point anywhere, and people are what their ratings
    make of these, as in a model whose factors mean something.

    Parameters
    ----------
    random_state : int, numpy.random.Generator or None
    """

    predicts_ratings = False
    has_biases = True

    def __init__(self, *, random_state: int | np.random.Generator | None = 0) -> None:
        self.random_state = random_state

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Draw the factors. ``validation`` is what other models take, and changes nothing.

        Raises
        ------
        DataError
            For a ``random_state`` that is none.
        """
        self.check_fit(train, validation)
        items = _random_side(random_generator(self.random_state), train.n_items)
        # The people take the place of these once the model can fold them in.
        nobody = Side.empty(train.n_users, N_RANDOM_FACTORS, biases=True)
        self.keep_fit(train, nobody, items, 0.0, [])
        users = self.fold(train.by_user)
        self.keep_fit(train, users, items, 0.0, [])
        return self

    def check_parameters(self) -> None:
        """Raise a DataError for a ``random_state`` that is none."""
        random_generator(self.random_state)

    @property
    def terms(self) -> Terms:
        """Ratings as they are."""
        return Terms(offset=self.mean_)

    def user_ridge(self, observed: Rows) -> Floats:
        """The same for everybody."""
        return np.ones(observed.n_rows, dtype=np.float32)


def _random_side(generator: np.random.Generator, n_rows: int) -> Side:
    factors: Floats = generator.standard_normal((n_rows, N_RANDOM_FACTORS), dtype=np.float32)
    # Of one length, as an item of a long one would be in most lists.
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    return Side(factors, generator.standard_normal(n_rows, dtype=np.float32) * np.float32(RANDOM_BIAS))
