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

    A person's factors are linear in their ratings, ``x = A⁻¹ Σ t_i y_i``, so the score of item j is a sum
    over the rated items, ``Σ (y_jᵀ A⁻¹ y_i) t_i`` (Hu, Koren & Volinsky 2008, section 5). With biases, y
    stands for (y, 1), and the person's own bias is part of the sum.
    """
    biases = model.item_biases_.astype(np.float64)
    baseline = model.mean_ + float(biases[column])
    columns, values = rated.columns, rated.values
    if len(columns) == 0:
        return Explanation(baseline, baseline, [], 0.0)
    observed, asked = model._bordered_factors(columns), model._bordered_factors(np.array([column]))[0]
    precision = observed.T @ observed
    precision[np.diag_indices_from(precision)] += float(model._ridge(np.array([len(columns)]))[0])
    influence = observed @ np.linalg.lstsq(precision, asked, rcond=None)[0]
    contributions = influence * (values - model.mean_ - biases[columns])
    largest = np.argsort(-np.abs(contributions), kind="stable")[:n]
    ids = model.item_index_.ids[columns[largest]].tolist()
    shown = list(map(Contribution, ids, values[largest].tolist(), contributions[largest].tolist()))
    score = baseline + float(contributions.sum())
    rest = score - baseline - sum(part.contribution for part in shown)
    return Explanation(score, baseline, shown, rest)
