"""A score and its parts, as `explain` answers them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matinee.models.answers import Contribution, Explanation
from matinee.ratings.ids import IdArray
from matinee.solving.row_problem import Floats


def explanation_of(
    ids: IdArray, ratings: Floats, baseline: float, contributions: NDArray[np.float64], n: int
) -> Explanation:
    """The n rated items that matter most to a score, and the rest.

    Parameters
    ----------
    ids, ratings, contributions : ndarray, shape (n_rated,)
        The items that a person rated, how, and what each adds to the score.
    baseline : float
        What the score starts from.
    """
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    columns = (ids[largest], ratings[largest], contributions[largest])
    shown = list(map(Contribution, *(column.tolist() for column in columns)))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)
