"""Starts a fit from another model's factors, whatever rows the two have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from matinee.errors import DataError
from matinee.models.factor_model import FactorModel
from matinee.models.model import Model
from matinee.ratings import Ratings
from matinee.ratings.ids import IdIndex
from matinee.solving.contexts import ThirdSide
from matinee.solving.row_problem import Side
from matinee.solving.training_loop import take_start


def begin(model: Model, start: Any, train: Ratings, users: Side, items: Side) -> None:
    """Copy starting factors into both sides of a fit of ``model``.

    Parameters
    ----------
    start : (user_factors, item_factors), or Model
        Of a fitted model the rows with the same ids are copied, biases included; other rows stay as they are.

    Raises
    ------
    NotFittedError
        If ``start`` is a model that has not been fitted.
    DataError
        If arrays have the wrong shape or are not finite; if the model has other factors or another number of
        them; or if its ids are of another kind.
    """
    if not isinstance(start, Model):
        take_start(start, users, items)
        return
    known_users, known_items = _part_for(model, start, users.factors.shape[1]).sides_to_start_from
    _copy_known(start.user_index_, train.user_index, known_users, users, "user")
    _copy_known(start.item_index_, train.item_index, known_items, items, "item")


def begin_contexts(start: Model, contexts: ThirdSide) -> None:
    """Copy the values of contexts that a fitted model knows by the same names into those of a fit."""
    known = start.context_values if isinstance(start, FactorModel) else None
    if known is not None and start.contexts_ is not None:
        contexts.take(start.contexts_, known)


def _part_for(model: Model, start: Model, n_factors: int) -> FactorModel:
    """The model, or the part of it, whose factors are for the same purpose, and as many."""
    start.check_fitted()
    found = [
        part
        for part in (start, *start.parts)
        if isinstance(part, FactorModel) and part.predicts_ratings == model.predicts_ratings
    ]
    if not found:
        purpose = "for ratings" if model.predicts_ratings else "for what people watch"
        raise DataError(
            f"start is a {type(start).__name__}, which has no factors {purpose}; "
            f"expected a fitted {type(model).__name__}"
        )
    ranks = [part.item_factors_.shape[1] for part in found]
    if n_factors not in ranks:
        raise DataError(f"start has {ranks[0]} factors; expected {n_factors}, as n_factors says")
    return found[ranks.index(n_factors)]


def _copy_known(theirs: IdIndex, ours: IdIndex, known: Side, side: Side, name: str) -> None:
    theirs.require_kind_of(ours, name=name)
    positions = theirs.positions(ours.ids)
    rows = np.flatnonzero(positions >= 0)
    part = known.pick(positions[rows])
    if part.biases is None and side.biases is not None:
        part = Side(part.factors, np.zeros(len(rows), dtype=np.float32))
    side.put(rows, part)
