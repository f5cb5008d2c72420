"""Ratings of people whom a model has never seen, in the positions of its items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from matinee.checks import number
from matinee.errors import DataError
from matinee.models.id_lookup import Kind, positions_of, unknown_id
from matinee.ratings import Contexts, Ratings, Rows
from matinee.ratings.columns import LARGEST_RATING, frame_columns
from matinee.ratings.frames import eager_frame, is_frame
from matinee.ratings.ids import IdIndex


def rated_rows(
    index: IdIndex,
    ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
    kind: Kind = "item",
    contexts: Contexts | None = None,
) -> Rows:
    """One row of ratings, checked, from a mapping of item or user to rating, from pairs, or from a frame.

    Parameters
    ----------
    index : IdIndex
        The items of the model, or its users.
    kind : {"item", "user"}
        Which of them.
    contexts : Contexts or None
        Those of the model; a frame may have columns of them.

    Raises
    ------
    UnknownItemError, UnknownUserError
        For the first item or user that the model has not seen.
    DataError
        If a rating is not a finite number, or a frame lacks a column or holds the ratings of several users,
        or of several items.
    """
    if is_frame(ratings):
        return _of_frame(index, ratings, kind, contexts)
    try:
        by_id = dict(ratings)
    except (TypeError, ValueError):
        given = type(ratings).__name__
        raise DataError(
            f"expected ratings as {{{kind}: rating, …}}, as pairs, or as a frame, got {given}"
        ) from None
    columns = positions_of(index, list(by_id), kind, "raise")[0].astype(np.int32)
    for id, value in by_id.items():
        name = f"rating of item {id!r}" if kind == "item" else f"rating by user {id!r}"
        number(name, value, least=-LARGEST_RATING, most=LARGEST_RATING)
    order = np.argsort(columns)
    values = np.fromiter(map(float, by_id.values()), dtype=np.float32, count=len(by_id))
    return Rows(np.array([0, len(columns)], dtype=np.int64), columns[order], values[order])


def _of_frame(index: IdIndex, frame: Any, kind: Kind, contexts: Contexts | None) -> Rows:
    """One row of the ratings in a frame, with their weights if it has any; of two of an id the last."""
    table = eager_frame(frame)
    ids, values = frame_columns(table, [kind, "rating"])
    (weights,) = frame_columns(table, ["weight"]) if "weight" in table.columns else (None,)
    if len(ids) == 0:
        return Rows.empty(1)
    whose: Kind = "user" if kind == "item" else "item"
    if whose in table.columns:
        n = len(IdIndex.from_ids(*frame_columns(table, [whose]), name=whose))
        if n > 1:
            many = "fold_in_all(ratings)" if kind == "item" else "partial_fit(ratings)"
            raise DataError(f"the frame holds the ratings of {n:,} {whose}s; {many} takes many")
    given = [name for name in (contexts.names if contexts else ()) if name in table.columns]
    columns = dict(zip(given, frame_columns(table, given), strict=True))
    ratings = Ratings.from_arrays(
        np.zeros(len(ids), np.int64), ids, values, weights=weights, contexts=columns
    )
    return rated_by_all(index, ratings, kind, contexts)


def ratings_in_frame(frame: Any, contexts: Contexts | None) -> Ratings:
    """The ratings of many people in a frame, with those contexts of a model of which it has columns."""
    table = eager_frame(frame)
    return Ratings.from_frame(
        table.to_native(),
        contexts=[name for name in (contexts.names if contexts else ()) if name in table.columns],
    )


def in_contexts_of(ratings: Ratings, contexts: Contexts | None) -> Ratings:
    """The ratings with the codes of a model's contexts, or without any if it has none."""
    if contexts is None:
        return ratings if ratings.contexts is None else ratings.without_contexts()
    if ratings.contexts is None:
        codes = np.zeros(len(ratings), dtype=np.int64)
    else:
        codes = contexts.recoded(ratings.context_codes, ratings.contexts)
    return ratings.with_rows(ratings.by_user._replace(contexts=codes), contexts)


def rated_by_all(
    index: IdIndex, ratings: Ratings, kind: Kind = "item", contexts: Contexts | None = None
) -> Rows:
    """The ratings of many people, a row each, with the positions of a model's items as columns.

    Raises
    ------
    UnknownItemError
        For the first rated item that the model has not seen.
    """
    # The ids ascend on both sides, so the columns of a row still do.
    rated = in_contexts_of(ratings, contexts).by_user.renamed(index.positions(ratings.items))
    if (rated.columns < 0).any():
        unknown = ratings.by_user.columns[int(np.argmax(rated.columns < 0))]
        raise unknown_id(index, ratings.item_index.id_at(int(unknown)), kind)
    return rated
