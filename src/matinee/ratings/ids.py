"""Translates between the caller's own ids and the positions 0, 1, 2, … in a factor matrix."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from matinee.errors import DataError
from matinee.ratings.masked import unmasked

Id: TypeAlias = int | str
IdArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Positions: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Codes: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

# Codes are int32, and the number of ids must fit in int32 as well.
MAX_IDS = 2**31 - 2
# Ids are kept in an array of fixed width; a longer "id" means that a column of prose was taken by mistake.
MAX_ID_LENGTH = 256
# Above this, floats skip integers, so two ids may have become one already.
MAX_EXACT_FLOAT = 2.0**53
INT64 = np.iinfo(np.int64)
UINT64 = np.iinfo(np.uint64)


class IdIndex:
    """Sorted unique ids, and the position of each.

    Parameters
    ----------
    ids : ndarray of int64, uint64 or unicode, shape (n,)
        Sorted and unique; `from_ids` takes them in any order and of any kind.
    """

    def __init__(self, ids: IdArray) -> None:
        self.ids = ids

    @classmethod
    def from_ids(cls, ids: Any, *, name: str = "id") -> IdIndex:
        """The index of a collection of ids, in any order; raises a DataError as `encode` does."""
        return cls(_unique(_id_column(ids, name), name))

    @classmethod
    def encode(cls, column: Any, *, name: str = "id") -> tuple[IdIndex, Codes]:
        """The index of a whole column and the position of each of its values.

        Parameters
        ----------
        column : list, ndarray, or pandas, polars or Arrow column, shape (n,)
            64-bit integers, floats that are whole numbers, or strings; categories count as their values.
        name : str
            The word for an id in an error: "user" or "item".

        Returns
        -------
        IdIndex, ndarray of int32, shape (n,)

        Raises
        ------
        DataError
            For a missing id, mixed integers and strings, or any other type; the message has the 0-based row.
        """
        values = _id_column(column, name)
        ids = _unique(values, name)
        if isinstance(values, pl.Series):
            # An Enum numbers its categories in the order given, so its physical values are the positions.
            codes = values.cast(pl.Enum(ids.tolist())).to_physical().to_numpy()
            return cls(ids), codes.astype(np.int32)
        if _has_moderate_range(values):
            lookup = np.zeros(int(ids[-1]) + 1, dtype=np.int32)
            lookup[ids] = np.arange(len(ids), dtype=np.int32)
            return cls(ids), lookup[values]
        return cls(ids), _search_in_blocks(ids, values)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdIndex):
            return NotImplemented
        return self.holds_strings == other.holds_strings and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "strings" if self.holds_strings else "integers"
        return f"IdIndex({len(self):,} {kind})"

    @property
    def holds_strings(self) -> bool:
        """Whether the ids are strings; integers otherwise."""
        return self.ids.dtype.kind == "U"

    def id_at(self, position: int) -> Id:
        """The id at a position, as a plain int or str."""
        found: Id = self.ids[position].item()
        return found

    def take(self, positions: Any) -> pl.Series:
        """The ids at many positions."""
        # Strings are taken inside polars: numpy would make each as wide as the widest.
        ids = pl.Series(self.ids.tolist(), dtype=pl.String) if self.holds_strings else pl.Series(self.ids)
        return ids.gather(positions)

    def require_kind_of(self, other: IdIndex, *, name: str) -> None:
        """Raise a DataError if one index holds strings and the other integers, so that no id can match."""
        if len(self) and len(other) and self.holds_strings != other.holds_strings:
            raise _other_kind(self, other.id_at(0), name)

    def require_kind_of_ids(self, ids: Any, *, name: str) -> None:
        """Raise a DataError if these ids are all strings and the index holds integers, or the reverse."""
        values = _as_array(ids)
        kinds = {_kind_of_id(type(id)) for id in values.ravel().tolist()} if values.dtype == object else set()
        kinds |= {"string"} if values.dtype.kind == "U" else set()
        kinds |= {"number"} if values.dtype.kind in "iuf" else set()
        other = "number" if self.holds_strings else "string"
        if len(self) and values.size and kinds == {other}:
            raise _other_kind(self, values.ravel()[0], name)

    def position(self, id: Any) -> int:
        """The position of an id of any type; −1 if it is unknown."""
        known = self._as_own_type(id)
        if known is None:
            return -1
        place = int(np.searchsorted(self.ids, known))
        return place if place < len(self.ids) and self.ids[place] == known else -1

    def positions(self, ids: Any) -> Positions:
        """The position of each id; −1 where it is unknown.

        Parameters
        ----------
        ids : id, list, ndarray, or pandas, polars or Arrow column, shape (n,)
            Ids of any type. A float that is a whole number finds its integer; a value that cannot be an id
            here is unknown.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        values = _as_array(ids)
        if values.dtype.kind in "iu" and not self.holds_strings:
            return self._search(values)
        if values.dtype.kind == "U" and self.holds_strings:
            return self._search(values)
        if values.dtype.kind in "Of":
            found = (self.position(id) for id in values.ravel().tolist())
            return np.fromiter(found, dtype=np.int64, count=values.size).reshape(values.shape)
        return np.full(values.shape, -1, dtype=np.int64)

    def union(self, other: IdIndex, *, name: str = "id") -> IdIndex:
        """The index of the ids in either; a DataError if one holds strings and the other integers."""
        if len(other) == 0 or len(self) == 0:
            return self if len(self) else other
        if self.holds_strings != other.holds_strings:
            raise DataError(f"{name} ids mix integers and strings; expected one or the other")
        if self.holds_strings or self.ids.dtype == other.ids.dtype:
            new = other.ids[self.positions(other.ids) < 0]
            # Two runs that ascend: a stable sort merges them.
            return IdIndex(np.sort(np.concatenate([self.ids, new]), kind="stable"))
        return IdIndex.from_ids(self.ids.tolist() + other.ids.tolist(), name=name)

    def _as_own_type(self, id: Any) -> Any:
        """The id as a numpy scalar of the dtype of the ids; None if that dtype cannot hold it."""
        if self.holds_strings:
            fits = isinstance(id, str) and len(id) * 4 <= self.ids.dtype.itemsize and "\0" not in id
            # A value of the index's own width: numpy would widen a copy of all the ids for any other.
            return np.array(id, dtype=self.ids.dtype)[()] if fits else None
        whole = _whole_number(id)
        limits = np.iinfo(self.ids.dtype)
        if whole is None or not limits.min <= whole <= limits.max:
            return None
        return self.ids.dtype.type(whole)

    @cached_property
    def _lookup(self) -> Codes | None:
        """The position of each integer from 0 to the largest id; None if that would be a large table."""
        if self.holds_strings or not _has_moderate_range(self.ids):
            return None
        lookup = np.full(int(self.ids[-1]) + 1, -1, dtype=np.int32)
        lookup[self.ids] = np.arange(len(self.ids), dtype=np.int32)
        return lookup

    def _search(self, values: IdArray) -> Positions:
        if len(self.ids) == 0 or values.size == 0:
            return np.full(values.shape, -1, dtype=np.int64)
        lookup = self._lookup
        if lookup is not None and int(values.min()) >= 0 and int(values.max()) < len(lookup):
            return lookup[values].astype(np.int64)
        comparable, wanted = self._comparable(values)
        places = np.searchsorted(self.ids, wanted)
        places[places == len(self.ids)] = 0
        unknown = (self.ids[places] != wanted) | ~comparable
        places[unknown] = -1
        return places.astype(np.int64, copy=False)

    def _comparable(self, values: IdArray) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], IdArray]:
        """The values in the dtype of the ids, and which of them that dtype can hold."""
        if values.dtype.kind == "U":
            if values.dtype.itemsize <= self.ids.dtype.itemsize:
                return np.ones(values.shape, dtype=bool), values.astype(self.ids.dtype)
            return np.char.str_len(values) * 4 <= self.ids.dtype.itemsize, values.astype(self.ids.dtype)
        fits = np.ones(values.shape, dtype=bool)
        if values.dtype.kind == "u" and self.ids.dtype.kind == "i":
            fits = values <= np.uint64(INT64.max)
        elif values.dtype.kind == "i" and self.ids.dtype.kind == "u":
            fits = values >= 0
        return fits, values.astype(self.ids.dtype, copy=False)


def _whole_number(id: Any) -> int | None:
    if isinstance(id, bool | np.bool_):
        return None
    if isinstance(id, int | np.integer):
        return int(id)
    if isinstance(id, float | np.floating) and float(id).is_integer():
        return int(id)
    return None


def _as_array(ids: Any) -> IdArray:
    """The ids as an array whose kind shows their type; a mixed list stays Python objects."""
    ids = unmasked(ids)
    if isinstance(ids, np.ndarray):
        # The columns of a matrix are matrices, and so are theirs, for ever.
        return np.asarray(ids) if isinstance(ids, np.matrix) else ids
    if type(ids).__module__.startswith("pyarrow"):
        ids = ids.to_pylist()
    elif hasattr(ids, "to_numpy"):
        return np.asarray(ids.to_numpy())
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        ids = [ids]
    ids = list(ids)
    types = set(map(type, ids))
    if types == {int}:
        try:
            return np.array(ids, dtype=np.int64)
        except OverflowError:
            return _objects(ids)
    # numpy drops NULs at the end of a string, which could make two different strings equal, and makes every
    # string as wide as the widest.
    if types == {str} and not any("\0" in id or len(id) > MAX_ID_LENGTH for id in ids):
        return np.array(ids)
    return _objects(ids)


def _objects(values: list[Any]) -> IdArray:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _id_column(column: Any, name: str) -> IdArray | pl.Series:
    """The column as an array of integers or a polars series of strings, without missing values."""
    if type(column).__module__.startswith("pyarrow"):
        column = pl.Series(pl.from_arrow(column))
    if isinstance(column, pl.Series):
        return _polars_id_column(column, name)
    array = _as_array(column)
    if array.ndim != 1:
        raise DataError(f"{name} ids have {array.ndim} dimensions; expected one column")
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "f":
        return _whole_floats(array, name)
    if array.dtype.kind == "U":
        return _checked_strings(_string_series(array.tolist(), name), name)
    if array.dtype.kind in "OT":
        return _object_id_column(array.tolist(), name)
    raise DataError(f"{name} ids are of type {array.dtype}; expected integers or strings")


def _polars_id_column(column: pl.Series, name: str) -> IdArray | pl.Series:
    dtype = column.dtype
    if dtype == pl.Object or dtype == pl.Int128 or dtype == pl.Null:
        return _object_id_column(column.to_list(), name)
    if column.null_count():
        raise _missing_id(int(column.is_null().arg_max() or 0), name)
    if dtype.is_integer():
        return column.to_numpy()
    if dtype.is_float():
        return _whole_floats(column.to_numpy(), name)
    if dtype == pl.String:
        return _checked_strings(column, name)
    if dtype == pl.Categorical or dtype == pl.Enum:
        return _checked_strings(column.cast(pl.String), name)
    raise DataError(f"{name} ids are of type {dtype}; expected integers or strings")


def _object_id_column(values: list[Any], name: str) -> IdArray | pl.Series:
    kinds = set(map(_kind_of_id, set(map(type, values))))
    for row, value in enumerate(values):
        if value is None or value != value or type(value).__name__ == "NAType":
            raise _missing_id(row, name)
    if kinds <= {"string"}:
        return _checked_strings(_string_series(values, name), name)
    if kinds == {"string", "number"}:
        raise DataError(f"{name} ids mix integers and strings; expected one or the other")
    if kinds != {"number"}:
        row = next(row for row, value in enumerate(values) if _kind_of_id(type(value)) == "other")
        raise DataError(
            f"row {row}: {name} {values[row]!r} is of type {type(values[row]).__name__}; "
            "expected integers or strings"
        )
    return _integer_array([_whole(value, row, name) for row, value in enumerate(values)], name)


def _kind_of_id(kind: type) -> str:
    if issubclass(kind, str):
        return "string"
    if issubclass(kind, int | np.integer | float | np.floating) and not issubclass(kind, bool):
        return "number"
    return "other"


def _whole(value: Any, row: int, name: str) -> int:
    whole = _whole_number(value)
    if whole is None or (isinstance(value, float | np.floating) and abs(float(value)) > MAX_EXACT_FLOAT):
        raise _not_whole(value, row, name)
    return whole


def _integer_array(values: list[int], name: str) -> IdArray:
    low, high = min(values, default=0), max(values, default=0)
    if low < INT64.min or high > UINT64.max or (low < 0 and high > INT64.max):
        outside = low if low < INT64.min else high
        raise DataError(f"{name} {outside} does not fit in 64 bits; give such ids as strings")
    return np.array(values, dtype=np.int64 if high <= INT64.max else np.uint64)


def _whole_floats(values: IdArray, name: str) -> IdArray:
    bad = ~(np.abs(values) <= MAX_EXACT_FLOAT) | (np.trunc(values) != values)
    if bad.any():
        row = int(bad.argmax())
        if np.isnan(values[row]):
            raise _missing_id(row, name)
        raise _not_whole(values[row].item(), row, name)
    return values.astype(np.int64)


def _string_series(values: list[Any], name: str) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.String)
    except (UnicodeError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{name} ids hold text that is not valid Unicode ({error}); convert it first"
        ) from error


def _checked_strings(values: pl.Series, name: str) -> pl.Series:
    unusable = values.str.contains("\0", literal=True) | (values.str.len_chars() > MAX_ID_LENGTH)
    if unusable.any():
        row = int(unusable.arg_max() or 0)
        raise DataError(
            f"row {row}: {name} {values[row][:40]!r}… is over {MAX_ID_LENGTH} characters long "
            "or holds a NUL; is this the right column?"
        )
    return values


def _unique(values: IdArray | pl.Series, name: str) -> IdArray:
    if isinstance(values, pl.Series):
        ids: IdArray = np.array(values.unique().sort().to_list(), dtype=np.str_)
    elif _has_moderate_range(values):
        seen = np.zeros(int(values.max()) + 1, dtype=bool)
        seen[values] = True
        ids = np.flatnonzero(seen)
    else:
        ids = pl.Series(values).unique().sort().to_numpy()
    if len(ids) > MAX_IDS:
        raise DataError(f"{len(ids):,} distinct {name} ids; at most {MAX_IDS:,} are supported")
    needs_unsigned = ids.dtype.kind == "u" and len(ids) > 0 and int(ids[-1]) > INT64.max
    return ids if ids.dtype.kind == "U" or needs_unsigned else ids.astype(np.int64, copy=False)


def _has_moderate_range(values: IdArray) -> bool:
    """Whether a table indexed by id is small compared with the column itself."""
    if values.size == 0:
        return False
    return int(values.min()) >= 0 and int(values.max()) < 2 * values.size + 1_000_000


def _search_in_blocks(ids: IdArray, values: IdArray) -> Codes:
    """The position of every value, all of them known; in blocks, as searchsorted answers in int64."""
    codes = np.empty(len(values), dtype=np.int32)
    block = 1 << 20
    for start in range(0, len(values), block):
        part = values[start : start + block].astype(ids.dtype, copy=False)
        codes[start : start + block] = np.searchsorted(ids, part)
    return codes


def _other_kind(index: IdIndex, given: Any, name: str) -> DataError:
    known, other = ("strings", "numbers") if index.holds_strings else ("integers", "strings")
    given = given.item() if isinstance(given, np.generic) else given
    return DataError(
        f"the {name} ids are {known} in what was fitted, such as {index.id_at(0)!r}, and {other} here, "
        f"such as {given!r}: none can match; convert one side"
    )


def _missing_id(row: int, name: str) -> DataError:
    return DataError(f"row {row}: {name} is missing; expected an integer or a string")


def _not_whole(value: Any, row: int, name: str) -> DataError:
    if isinstance(value, float | np.floating) and MAX_EXACT_FLOAT < abs(float(value)) < np.inf:
        return DataError(
            f"row {row}: {name} {value!r} is a float too large to tell ids apart; "
            "give ids as integers or strings"
        )
    return DataError(f"row {row}: {name} {value!r} is not a whole number; expected an integer or a string")
