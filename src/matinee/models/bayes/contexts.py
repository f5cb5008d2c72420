"""Contexts in a chain: a third side that is drawn after users and items, column by column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.bayes.sampled_side import SampledSide
from matinee.models.bayes.user_noise import weighed_by_column
from matinee.ratings import Ratings, Rows
from matinee.ratings.contexts import ContextCodes, Contexts, digits_of
from matinee.solving.contexts import side_of_codes
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import Floats, SecondRows, Side, bias_of, predict_pairs

# How large the rows of contexts are expected to be beside those of people and items, which tell ratings apart
# more. On MovieLens 100K, with the day, 0.1 and 1 are worse.
SHARE_OF_SCALES = 0.3


def with_contexts_in_use(train: Ratings) -> Ratings:
    """The ratings with contexts of only those values that they have.

    Raises
    ------
    DataError
        If there are more values than ratings.
    """
    if train.contexts is None:
        return train
    contexts = train.contexts.in_use(train.context_codes)
    if contexts.n_values > len(train):
        raise DataError(
            f"the contexts {', '.join(contexts.names)} have {contexts.n_values:,} values for {len(train):,} "
            "ratings; expected fewer: take larger bins, such as days in place of times"
        )
    codes = contexts.recoded(train.context_codes, train.contexts)
    return train.with_rows(train.by_user._replace(contexts=codes), contexts)


class ContextColumn:
    """The values of one column of contexts, and the ratings of each.

    Parameters
    ----------
    by_user : Rows
    values : ndarray of int64, shape (n_ratings,)
        The value of each rating.
    contexts : ndarray of int32, shape (n_ratings,)
        The context of each rating.
    side : Side
        The rows of the values.
    """

    def __init__(
        self,
        by_user: Rows,
        values: NDArray[np.int64],
        contexts: NDArray[np.int32],
        side: Side,
        scale: float,
        n_threads: int,
    ) -> None:
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=len(side.factors))
        users = np.repeat(np.arange(by_user.n_rows, dtype=np.int32), by_user.counts)
        self.rows = Rows(
            np.concatenate([[0], np.cumsum(counts)]),
            users[order],
            by_user.values[order],
            None if by_user.weights is None else by_user.weights[order],
        )
        self.items, self.contexts = by_user.columns[order], contexts[order]
        self.sampled = SampledSide(self.rows, side, None, scale, n_threads)
        self.sampled.scales = SHARE_OF_SCALES * self.sampled.scales
        self.shares = self.rows.totals / self.rows.total

    @property
    def with_mean(self) -> Side:
        """The rows of the values, after their mean over the ratings."""
        side, shares = self.sampled.side, self.shares
        factors, biases = shares @ side.factors, shares @ bias_of(side)
        return Side(
            np.vstack([factors.astype(np.float32), side.factors]),
            np.append(np.float32(biases), bias_of(side)).astype(np.float32),
        )


class SampledContexts:
    """The contexts of a chain: their values, and what they add up to.

    They start at zero: the first users and items are drawn as if there were none.

    Parameters
    ----------
    by_user, by_item : Rows
        The ratings, each with a code of ``contexts`` in which every value is known.
    contexts : Contexts
    n_factors : int
    scale : float
        As in `SampledSide`.
    """

    def __init__(
        self, by_user: Rows, by_item: Rows, contexts: Contexts, n_factors: int, scale: float, n_threads: int
    ) -> None:
        assert by_user.contexts is not None and by_item.contexts is not None
        self.sizes, self.n_threads = contexts.sizes, n_threads
        self._codes, places = np.unique(by_user.contexts, return_inverse=True)
        self._values = [digits - 1 for digits in digits_of(self._codes, self.sizes)]
        self._of_users = places.astype(np.int32)
        self._of_items = np.searchsorted(self._codes, by_item.contexts).astype(np.int32)
        self.columns = [
            ContextColumn(
                by_user,
                of_codes[places],
                self._of_users,
                Side.empty(size - 1, n_factors, biases=True),
                scale,
                n_threads,
            )
            for size, of_codes in zip(self.sizes, self._values, strict=True)
        ]
        self._sums = self._summed()

    @property
    def beside_items(self) -> SecondRows:
        """The contexts of the ratings by user, whose first rows are items."""
        return SecondRows(self._of_users, self._sums)

    @property
    def beside_users(self) -> SecondRows:
        """The contexts of the ratings by item, whose first rows are users."""
        return SecondRows(self._of_items, self._sums)

    @property
    def values(self) -> Side:
        """The rows of the values of all columns, in the order of `rows_of_codes`."""
        parts = [column.with_mean for column in self.columns]
        return Side(np.vstack([part.factors for part in parts]), np.concatenate([bias_of(p) for p in parts]))

    def of(self, codes: ContextCodes) -> Side:
        """The factors and biases of contexts, known or not."""
        return side_of_codes(self.values, codes, self.sizes)

    def draw(
        self,
        generator: np.random.Generator,
        users: Side,
        items: Side,
        *,
        offset: float,
        noise_precision: float,
        user_precisions: Doubles | None,
    ) -> float:
        """Draw the values of one column after the other; returns the squared error after the last.

        Parameters
        ----------
        user_precisions : ndarray of float64, shape (n_users,), or None
            By which the ratings of each user are weighed.
        """
        squared_error = 0.0
        for column, of_codes in zip(self.columns, self._values, strict=True):
            observed = column.rows
            if user_precisions is not None:
                observed = weighed_by_column(observed, user_precisions)
            if len(self.columns) > 1:
                observed = observed._replace(values=self._left_by_others(column, of_codes, users, items))
            sampled = column.sampled
            sampled.observed = observed
            sampled.draw_prior(generator)
            seed = int(generator.integers(2**63))
            beside = SecondRows(column.items, items)
            squared_error = sampled.draw(users, offset, noise_precision, seed, second=beside)
            self._sums = self._summed()
        return squared_error

    def _left_by_others(
        self, column: ContextColumn, of_codes: NDArray[np.int64], users: Side, items: Side
    ) -> Floats:
        """The ratings less what the other columns say of them."""
        own = column.sampled.side.pick(of_codes)
        others = Side(self._sums.factors - own.factors, bias_of(self._sums) - bias_of(own))
        said = np.zeros(len(column.items), dtype=np.float32)
        for rows, side, of_others in (
            (column.rows.columns, users, others),
            (column.items, items, Side(others.factors, None)),
        ):
            alone = Side(side.factors, None)
            said += predict_pairs(
                rows, column.contexts, alone, of_others, offset=0.0, n_threads=self.n_threads
            )
        left: Floats = column.rows.values - said
        return left

    def _summed(self) -> Side:
        """The rows of all contexts that occur."""
        n_factors = self.columns[0].sampled.side.factors.shape[1]
        sums = Side.empty(len(self._codes), n_factors, biases=True)
        for column, values in zip(self.columns, self._values, strict=True):
            part = column.sampled.side.pick(values)
            sums.factors[:] += part.factors
            bias_of(sums)[:] += bias_of(part)
        return sums
