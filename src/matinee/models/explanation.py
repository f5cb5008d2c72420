"""Builds the `Explanation` of a score from its parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matinee.models.answers import Contribution, Explanation
from matinee.ratings.ids import IdArray
from matinee.solving.row_problem import Floats


def explanation_of(
    ids: IdArray, ratings: Floats, baseline: float, contributions: NDArray[np.float64], n: int
) -> Explanation:
    """The score, the contributions of the n rated items that matter most, and the rest.

    Parameters
    ----------
    ids, ratings, contributions : ndarray, shape (n_rated,)
        The items that a person rated, their ratings, and what each adds to the score.
    baseline : float
        The part of the score that does not depend on the ratings.
    """
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    columns = (ids[largest], ratings[largest], contributions[largest])
    shown = list(map(Contribution, *(column.tolist() for column in columns)))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)
