"""A score taken apart into what each of a person's ratings adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.answers import Contribution, Explanation
from matinee.ratings import Rows

if TYPE_CHECKING:
    from matinee.models.model import Model
    from matinee.models.person import Person


def explain(person: Person, column: int, n: int) -> Explanation:
    """The parts of the score of item ``column`` for a person: the n that matter most, and the rest."""
    return explain_all(person, np.array([column]), n)[0]


def explain_all(person: Person, columns: NDArray[Any], n: int) -> list[Explanation]:
    """The same of the scores of several items, for hardly more work than of one."""
    parts = zip(*person._score_parts(columns), strict=True)
    return [_explanation(person, float(baseline), contributions, n) for baseline, contributions in parts]


def _explanation(person: Person, baseline: float, contributions: NDArray[np.float64], n: int) -> Explanation:
    rated = person._rated
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    ids = person._model.item_index_.ids[rated.columns[largest]].tolist()
    shown = list(map(Contribution, ids, rated.values[largest].tolist(), contributions[largest].tolist()))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)


def score_parts(
    model: Model, rated: Rows, columns: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What anybody's score of each item starts from, and what each rating of the one row ``rated`` adds.

    A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of item
    j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008, section 5).
    With biases, y stands for (y, 1), and the person's own bias is part of the sum.

    Parameters
    ----------
    columns : ndarray of int, shape (n_items,)

    Returns
    -------
    ndarray of float64, shape (n_items,) and (n_items, n_rated)
    """
    baselines = model.mean_ + model.item_biases_[columns].astype(np.float64)
    if len(rated.columns) == 0:
        return baselines, np.zeros((len(columns), 0))
    fitted = model._fitted
    observed = fitted._observed(rated)
    factors = model._bordered_factors(rated.columns)
    weights, targets = fitted._terms.weigh(observed.values, model.item_biases_[rated.columns])
    precision = (factors.T * weights) @ factors
    if model._item_prior is not None:
        precision += model._item_prior
    precision[np.diag_indices_from(precision)] += float(fitted._user_ridge(observed)[0])
    asked = model._bordered_factors(columns)
    responses = np.linalg.lstsq(precision, asked.T, rcond=None)[0]
    return baselines, (factors @ responses).T * targets
