"""Ratings of people whom a model has never seen, in the positions of its items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from matinee.checks import number
from matinee.errors import DataError
from matinee.models.id_lookup import positions_of, unknown_id
from matinee.ratings import Ratings, Rows
from matinee.ratings.columns import LARGEST_RATING, frame_columns
from matinee.ratings.frames import eager_frame, is_frame
from matinee.ratings.ids import IdIndex


def rated_rows(item_index: IdIndex, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Rows:
    """One row of ratings, checked, from a mapping of item to rating, from pairs, or from a frame.

    Raises
    ------
    UnknownItemError
        For the first item that the model has not seen.
    DataError
        If a rating is not a finite number, or a frame lacks a column or holds the ratings of several users.
    """
    if is_frame(ratings):
        return _of_frame(item_index, ratings)
    try:
        by_item = dict(ratings)
    except (TypeError, ValueError):
        given = type(ratings).__name__
        raise DataError(
            f"expected ratings as {{item: rating, …}}, as pairs, or as a frame, got {given}"
        ) from None
    columns = positions_of(item_index, list(by_item), "item", "raise")[0].astype(np.int32)
    for item, value in by_item.items():
        number(f"rating of item {item!r}", value, least=-LARGEST_RATING, most=LARGEST_RATING)
    order = np.argsort(columns)
    values = np.fromiter(map(float, by_item.values()), dtype=np.float32, count=len(by_item))
    return Rows(np.array([0, len(columns)], dtype=np.int64), columns[order], values[order])


def _of_frame(item_index: IdIndex, frame: Any) -> Rows:
    """One row of the ratings in the columns item and rating; of two of an item the last."""
    table = eager_frame(frame)
    items, values = frame_columns(table, ["item", "rating"])
    if len(items) == 0:
        return Rows.empty(1)
    if "user" in table.columns:
        n_users = len(IdIndex.from_ids(*frame_columns(table, ["user"]), name="user"))
        if n_users > 1:
            raise DataError(
                f"the frame holds the ratings of {n_users:,} users; fold_in_all(ratings) takes many"
            )
    return rated_by_all(item_index, Ratings.from_arrays(np.zeros(len(items), np.int64), items, values))


def rated_by_all(item_index: IdIndex, ratings: Ratings) -> Rows:
    """The ratings of many people, a row each, with the positions of a model's items as columns.

    Raises
    ------
    UnknownItemError
        For the first rated item that the model has not seen.
    """
    # The ids ascend on both sides, so the columns of a row still do.
    columns = item_index.positions(ratings.items)[ratings.by_user.columns]
    if (columns < 0).any():
        unknown = ratings.by_user.columns[int(np.argmax(columns < 0))]
        raise unknown_id(item_index, ratings.item_index.id_at(int(unknown)), "item")
    return ratings.by_user._replace(columns=columns.astype(np.int32))
