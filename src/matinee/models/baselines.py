"""What a model must beat: the most popular, the biases alone, and chance.

Each is a model like any other, with factors and biases that it takes no training loop to find, so that it is
ranked, folded in and evaluated by the very same code.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NoReturn, Self

import numpy as np

from matinee.checks import number, random_generator
from matinee.errors import DataError
from matinee.models.als import ALS
from matinee.models.model import Model
from matinee.ratings import Ratings, Rows, check_ratings
from matinee.solving.row_problem import Floats, Side, Terms

__all__ = ["ItemBiases", "MostPopular", "Random"]

# Enough directions that two people's lists have little in common, and few enough to be cheap.
N_RANDOM_FACTORS = 32
# Decides only where factors are zero: for somebody of whom nothing is known.
RANDOM_BIAS = 1e-6


class Baseline(Model):
    """A model to compare others with; it stays in memory."""

    predicts_ratings: ClassVar[bool] = False
    n_threads: int | None = None

    def _check_parameters(self) -> None:
        pass

    @property
    def _with_biases(self) -> bool:
        return True

    @property
    def _terms(self) -> Terms:
        return Terms(offset=self.mean_)

    def save(self, path: str | Path) -> NoReturn:
        """Refused: a baseline is fitted again in a moment.

        Raises
        ------
        DataError
        """
        name = type(self).__name__
        raise DataError(
            f"{name} is a baseline to compare models with and has no file; fit it where it is used"
        )


class MostPopular(Baseline):
    """Everybody is recommended what most people rated; its score is the share of the users who did.

    How anybody rated it makes no difference. Of items that equally many rated, the first by id comes first.
    """

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Count who rated what. ``validation`` is what other models take, and changes nothing."""
        check_ratings(train)
        users = Side.empty(train.n_users, 1, biases=True)
        n_users = max(int(np.count_nonzero(np.diff(train.by_user.indptr))), 1)
        shares = np.bincount(train.by_user.columns, minlength=train.n_items) / n_users
        items = Side(np.zeros((train.n_items, 1), np.float32), shares.astype(np.float32))
        self._keep(train, users, items, 0.0, [])
        return self

    def _user_ridge(self, observed: Rows) -> Floats:
        # Nothing that people say moves them: 1e30 leaves nothing of a rating, and is finite in float32.
        return np.full(len(observed.indptr) - 1, 1e30, dtype=np.float32)

    def _fold_rows(self, rated: Rows) -> Side:
        return Side.empty(len(rated.indptr) - 1, 1, biases=True)


class ItemBiases(Baseline):
    """How much better than others an item is rated, and how much higher a person rates: no tastes.

    What `ALS` makes of factors that are zero.

    Parameters
    ----------
    regularization : float
        As so many ratings of no deviation, for every user and item: it keeps an item of a single high rating
        from the top.
    """

    predicts_ratings: ClassVar[bool] = True

    def __init__(self, *, regularization: float = 5.0) -> None:
        self.regularization = regularization

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Find the biases. ``validation`` is what other models take, and changes nothing.

        Raises
        ------
        DataError
            If the regularisation is not a positive number.
        """
        check_ratings(train)
        self._check_parameters()
        start = np.zeros((train.n_users, 1)), np.zeros((train.n_items, 1))
        als = ALS(n_factors=1, regularization=self.regularization, weighting="none")
        als.fit(train, start=start, progress=False)
        self._keep(train, als._users, als._items, als.mean_, als.history_)
        return self

    def _check_parameters(self) -> None:
        number("regularization", self.regularization, least=np.nextafter(0, 1))

    def _user_ridge(self, observed: Rows) -> Floats:
        return np.full(len(observed.indptr) - 1, self.regularization, dtype=np.float32)


class Random(Baseline):
    """Everybody is recommended items in an order that nothing decides but the seed.

    Everybody has another list: scores are products of factors that point anywhere, and those of somebody new
    follow from their ratings, by way of items whose factors mean nothing.

    Parameters
    ----------
    random_state : int, numpy.random.Generator or None
    """

    def __init__(self, *, random_state: int | np.random.Generator | None = 0) -> None:
        self.random_state = random_state

    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Draw the scores. ``validation`` is what other models take, and changes nothing.

        Raises
        ------
        DataError
            For a ``random_state`` that is none.
        """
        check_ratings(train)
        generator = random_generator(self.random_state)
        self._keep(train, _random(generator, train.n_users), _random(generator, train.n_items), 0.0, [])
        return self

    def _check_parameters(self) -> None:
        random_generator(self.random_state)

    def _user_ridge(self, observed: Rows) -> Floats:
        return np.ones(len(observed.indptr) - 1, dtype=np.float32)


def _random(generator: np.random.Generator, n_rows: int) -> Side:
    factors: Floats = generator.standard_normal((n_rows, N_RANDOM_FACTORS), dtype=np.float32)
    # Of one length, as an item of a long one would be in most lists.
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    return Side(factors, generator.standard_normal(n_rows, dtype=np.float32) * np.float32(RANDOM_BIAS))
