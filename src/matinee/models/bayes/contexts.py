"""Contexts in a chain: a third side that is drawn after users and items, column by column."""

from __future__ import annotations

import numpy as np

from matinee.models.bayes.own_noise import weighed
from matinee.models.bayes.sampled_side import SampledSide
from matinee.ratings import Contexts, Rows
from matinee.solving.contexts import ThirdSide
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import SecondRows, Side

# How large the rows of contexts are expected to be beside those of people and items, which tell ratings apart
# more. On MovieLens 100K, with the day, 0.1 and 1 are worse.
SHARE_OF_SCALES = 0.3


class SampledContexts(ThirdSide):
    """The contexts of a chain.

    Parameters
    ----------
    scale : float
        As in `SampledSide`.
    more
        The parameters of `ThirdSide`.
    """

    def __init__(
        self, by_user: Rows, by_item: Rows, contexts: Contexts, n_factors: int, scale: float, n_threads: int
    ) -> None:
        super().__init__(by_user, by_item, contexts, n_factors, n_threads)
        self.sampled = [
            SampledSide(column.rows, column.side, None, scale, n_threads) for column in self.columns
        ]
        for each in self.sampled:
            each.scales = SHARE_OF_SCALES * each.scales

    def draw(
        self,
        generator: np.random.Generator,
        users: Side,
        items: Side,
        *,
        offset: float,
        noise_precision: float,
        user_precisions: Doubles | None,
        item_precisions: Doubles | None,
    ) -> float:
        """Draw the values of one column after the other; returns the squared error after the last.

        Parameters
        ----------
        user_precisions, item_precisions : ndarray of float64, shape (n_users,), (n_items,), or None
            By which the ratings of each user and of each item are weighed.
        """
        squared_error = 0.0
        for place, (column, sampled) in enumerate(zip(self.columns, self.sampled, strict=True)):
            sampled.observed = weighed(
                self.left_for(place, users, items),
                columns=user_precisions,
                entries=None if item_precisions is None else item_precisions[column.items],
            )
            sampled.draw_prior(generator)
            seed = int(generator.integers(2**63))
            beside = SecondRows(column.items, items)
            squared_error = sampled.draw(users, offset, noise_precision, seed, second=beside)
            self.add_up()
        return squared_error
