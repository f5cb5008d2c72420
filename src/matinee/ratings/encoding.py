"""Turns columns of ratings into codes: which of them count, whose they are, and which come twice."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.ratings.columns import Values, weight_values
from matinee.ratings.ids import MAX_IDS, Codes, IdIndex

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

OPTIONAL = ("timestamps", "weights", "contexts")


def check_lengths(columns: list[Any]) -> None:
    """Raise a DataError unless users, items, values, timestamps, weights and contexts are of one length."""
    names = ("users", "items", "values", "timestamps", "weights", "contexts")
    for column, name in zip(columns, names, strict=True):
        is_column = hasattr(column, "__len__") and not isinstance(column, str | bytes | AbstractSet | Mapping)
        if not is_column and not (column is None and name in OPTIONAL):
            given = type(column).__name__
            raise DataError(f"{name}: expected a column, such as a list or an array, got {given}")
    lengths = [(len(column), name) for column, name in zip(columns, names, strict=True) if column is not None]
    if len({length for length, _ in lengths}) > 1:
        listed = ", ".join(f"{length} {name}" for length, name in lengths)
        raise DataError(f"expected columns of equal length, got {listed}")


def counted(weights: Any) -> tuple[NDArray[np.bool_] | None, Values | None]:
    """Which ratings count at all, and the weights of all of them.

    None for the first if all do, and for the second if all count 1.

    Raises
    ------
    DataError
        For a bad weight, or if all are 0.
    """
    if weights is None:
        return None, None
    values = weight_values(weights)
    kept = values > 0
    if len(values) and not kept.any():
        raise DataError("every rating has the weight 0; expected at least one that counts")
    is_plain = bool((values[kept] == 1).all())
    return None if kept.all() else kept, None if is_plain else values


def encode_with(
    registered: Any, column: Any, name: str, kept: NDArray[np.bool_] | None
) -> tuple[IdIndex, Codes]:
    """The index of the column's kept ids and of the registered ids, and the codes of the kept in it."""
    index, codes = IdIndex.encode(column, name=name)
    if kept is not None:
        used, places = np.unique(codes[kept], return_inverse=True)
        index, codes = IdIndex(index.ids[used]), places.astype(np.int32)
    if registered is None:
        return index, codes
    whole = index.union(IdIndex.from_ids(registered, name=name), name=name)
    return whole, whole.positions(index.ids).astype(np.int32)[codes]


def axis_index(ids: Any, length: int, name: str) -> tuple[IdIndex, Codes]:
    """The index of the ids of a matrix's rows or columns, numbers from 0 by default, and the code of each."""
    if length > MAX_IDS:
        raise DataError(f"the matrix has {length:,} {name}s; at most {MAX_IDS:,} are supported")
    if ids is None:
        return IdIndex(np.arange(length, dtype=np.int64)), np.arange(length, dtype=np.int32)
    index, codes = IdIndex.encode(ids, name=name)
    if len(codes) != length:
        raise DataError(
            f"got {len(codes)} {name} ids for a matrix with {length} {name}s; expected one for each"
        )
    if len(index) != length:
        raise DataError(f"{length - len(index)} of the {length} {name} ids are repeated; expected unique ids")
    return index, codes


def are_sorted(users: Codes, items: Codes) -> bool:
    """Whether ratings are sorted by user and then by item, and no pair comes twice."""
    same_user = users[1:] == users[:-1]
    return bool(np.where(same_user, items[1:] > items[:-1], users[1:] > users[:-1]).all())


def repeats_of(indptr: Array, items: Codes) -> Array:
    """Which of the sorted ratings are of the same user and item as the one before."""
    repeats = np.empty(len(items), dtype=bool)
    np.equal(items[1:], items[:-1], out=repeats[1:])
    starts = indptr[:-1]
    repeats[starts[starts < len(items)]] = False
    return repeats


def duplicate_error(
    user_index: IdIndex, item_index: IdIndex, indptr: Array, items: Codes, order: Array, repeats: Array
) -> DataError:
    place = int(repeats.argmax())
    user = user_index.id_at(int(np.searchsorted(indptr, place, side="right")) - 1)
    item = item_index.id_at(int(items[place]))
    return DataError(
        f"row {order[place]}: user {user!r} has rated item {item!r} already, in row {order[place - 1]}; "
        'choose with duplicates="last", "first", "mean" or "sum"'
    )
