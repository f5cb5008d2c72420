"""A score taken apart into what each of a person's ratings adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from matinee.models.answers import Contribution, Explanation
from matinee.ratings import Rows

if TYPE_CHECKING:
    from matinee.models.base import Model


def explain(model: Model, rated: Rows, column: int, n: int) -> Explanation:
    """The parts of the score of item ``column`` for a person with the one row ``rated``.

    A person's factors are linear in their weighted targets, ``x = A⁻¹ Σ c_i t_i y_i``, so the score of item
    j is a sum over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) c_i t_i`` (Hu, Koren & Volinsky 2008, section 5).
    With biases, y stands for (y, 1), and the person's own bias is part of the sum.
    """
    baseline = model.mean_ + float(model.item_biases_[column])
    columns, values = rated.columns, rated.values
    if len(columns) == 0:
        return Explanation(baseline, baseline, [], 0.0)
    fitted = model._fitted
    observed = fitted._observed(rated)
    factors = model._bordered_factors(columns)
    weights, targets = fitted._terms.weigh(observed.values, model.item_biases_[columns])
    precision = (factors.T * weights) @ factors
    if model._item_prior is not None:
        precision += model._item_prior
    precision[np.diag_indices_from(precision)] += float(fitted._user_ridge(observed)[0])
    asked = model._bordered_factors(np.array([column]))[0]
    contributions = (factors @ np.linalg.lstsq(precision, asked, rcond=None)[0]) * targets
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    ids = model.item_index_.ids[columns[largest]].tolist()
    shown = list(map(Contribution, ids, values[largest].tolist(), contributions[largest].tolist()))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)
