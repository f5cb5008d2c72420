"""Finds the positions of ids in a model, and makes the errors about unknown ids."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError, UnknownItemError, UnknownUserError
from matinee.ratings.ids import IdIndex

Unknown = Literal["fallback", "nan", "raise"]
Kind = Literal["user", "item"]

REMEDIES = {
    "user": "ratings of a new user go through fold_in({item: rating, …})",
    "item": "an item gets factors by partial_fit or at the next fit in which it has ratings, or features",
}


def positions_of(index: IdIndex, ids: Any, kind: Kind, unknown: str) -> tuple[NDArray[np.int64], bool]:
    """The positions of ids, −1 where unknown, and whether a single id was given.

    Raises
    ------
    DataError
        If the ids are integers and those of the index strings, or the reverse, so that none can be known.
    UnknownUserError, UnknownItemError
        With ``unknown="raise"``, for the first id that the index does not have.
    """
    ids = list(ids) if isinstance(ids, AbstractSet | Iterator | range) else ids
    if unknown not in get_args(Unknown):
        raise DataError(f'unknown={unknown!r}; expected "fallback", "nan" or "raise"')
    is_scalar = isinstance(ids, str | bytes) or np.ndim(ids) == 0
    positions = index.positions([ids] if is_scalar else ids)
    if unknown != "raise" and (positions < 0).all():
        index.require_kind_of_ids([ids] if is_scalar else ids, name=kind)
    if unknown == "raise" and (positions < 0).any():
        given = [ids] if is_scalar else list(ids)
        raise unknown_id(index, given[int(np.argmax(positions < 0))], kind)
    return positions, is_scalar


def unknown_id(index: IdIndex, given: Any, kind: Kind) -> UnknownUserError | UnknownItemError:
    """The error for an unknown id; its message hints at a wrong type of id and says what to do."""
    given = given.item() if isinstance(given, np.generic) else given
    error = UnknownUserError if kind == "user" else UnknownItemError
    if not isinstance(given, str) and np.ndim(given) > 0:
        many = (
            "recommend_all(users) makes a list for each, recommend_group(users) one for all together, and "
            "predict(users, items) takes many"
            if kind == "user"
            else "predict takes many"
        )
        return error(f"expected the id of one {kind}, got a {type(given).__name__} of {len(given)}; {many}")
    known = "strings" if index.holds_strings else "integers"
    other_type = isinstance(given, str) != index.holds_strings
    hint = f" ({kind} ids here are {known}, this is a {type(given).__name__})" if other_type else ""
    return error(f"{kind} {given!r} is not known to the model{hint}; {REMEDIES[kind]}")
