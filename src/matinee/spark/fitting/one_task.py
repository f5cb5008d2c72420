"""Fits a model in a single task, if the fit is so small that exchanging factors would not pay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from matinee.models.alternating_model import AlternatingModel
from matinee.ratings import Ratings
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration
from matinee.solving.training_loop import take_start
from matinee.spark.arrow_batches import pack, unpack
from matinee.spark.fitting.blocks import Block
from matinee.spark.fitting.preparation import Prepared
from matinee.spark.fitting.results import ratings_of
from matinee.spark.fitting.sides import arrays_of, side_of
from matinee.spark.workers import task_threads


def fit_in_one_task(
    model: AlternatingModel, prepared: Prepared, start: tuple[Any, Any] | None
) -> AlternatingModel:
    """The given model, fitted by one executor as on any single machine."""
    n_users, n_items = prepared.size.n_users, prepared.size.n_items
    parameters, kind = model.get_params(), type(model)
    if start is not None:
        # Checked on the driver, so that the caller sees the error and not the failure of a task.
        take_start(start, model.empty_side(n_users), model.empty_side(n_items))

    def fit(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, float, list[Iteration]]]:
        for packed in blocks:
            users, items = (IdIndex(np.arange(n)) for n in (n_users, n_items))
            train = Ratings(users, items, Block.from_bytes(packed).rows)
            fitted = kind(**{**parameters, "n_threads": task_threads()})
            fitted.fit(train, start=start, progress=False)
            users_found, items_found = (
                pack(**arrays_of(side)) for side in (fitted.user_side, fitted.item_side)
            )
            yield users_found, items_found, fitted.mean_, fitted.history_

    ((*packed_sides, mean, history),) = prepared.users.blocks.mapPartitions(fit).collect()
    users, items = (side_of(unpack(packed), model.n_factors) for packed in packed_sides)
    model.keep_fit(ratings_of(prepared), users, items, mean, history)
    return model
