"""A score taken apart into what each of a person's ratings adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matinee.models.answers import Contribution, Explanation
from matinee.ratings import Rows

if TYPE_CHECKING:
    from matinee.models.base import Model
    from matinee.models.person import Person


def explain(person: Person, column: int, n: int) -> Explanation:
    """The parts of the score of item ``column`` for a person: the n that matter most, and the rest."""
    rated = person._rated
    baseline, contributions = person._score_parts(column)
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    ids = person._model.item_index_.ids[rated.columns[largest]].tolist()
    shown = list(map(Contribution, ids, rated.values[largest].tolist(), contributions[largest].tolist()))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)


def score_parts(model: Model, rated: Rows, column: int) -> tuple[float, NDArray[np.float64]]:
    """What anybody's score of an item starts from, and what each rating of the one row ``rated`` adds.

    A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of item
    j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008, section 5).
    With biases, y stands for (y, 1), and the person's own bias is part of the sum.
    """
    baseline = model.mean_ + float(model.item_biases_[column])
    columns = rated.columns
    if len(columns) == 0:
        return baseline, np.zeros(0)
    fitted = model._fitted
    observed = fitted._observed(rated)
    factors = model._bordered_factors(columns)
    weights, targets = fitted._terms.weigh(observed.values, model.item_biases_[columns])
    precision = (factors.T * weights) @ factors
    if model._item_prior is not None:
        precision += model._item_prior
    precision[np.diag_indices_from(precision)] += float(fitted._user_ridge(observed)[0])
    asked = model._bordered_factors(np.array([column]))[0]
    response = np.linalg.lstsq(precision, asked, rcond=None)[0]
    return baseline, (factors @ response) * targets
