"""The filters of a list: only these, none of those, and only what enough people rated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.models.computed_once import ComputedOnce
from matinee.models.id_lookup import Kind, unknown_id
from matinee.ratings import Rows
from matinee.ratings.columns import frame_columns
from matinee.ratings.frames import is_frame
from matinee.ratings.ids import IdIndex

Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The items, or the users, of a model, from which a list may choose.

    Attributes
    ----------
    kind : {"item", "user"}
    index : IdIndex
    rated : Rows
        The fitted ratings, one row for each user.
    computed : ComputedOnce
        What the model has computed; another fit has another.
    """

    kind: Kind
    index: IdIndex
    rated: Rows
    computed: ComputedOnce

    @property
    def n_ratings(self) -> Positions:
        """How many fitted ratings there are of each item, or by each user; int64, shape (n,)."""
        if self.kind == "user":
            return self.rated.counts
        counts: Positions = self.computed.get(
            "n_raters", lambda: np.bincount(self.rated.columns, minlength=len(self.index))
        )
        return counts

    def positions(self, only: Any = None, exclude: Any = None, min_ratings: Any = None) -> Positions | None:
        """The positions of those that pass all filters, ascending; None if there is no filter.

        Parameters
        ----------
        only : ids, optional
            All of them have to be known.
        exclude : ids, optional
            Unknown ones make no difference, as they could not be in a list.
        min_ratings : int, optional

        Raises
        ------
        UnknownItemError, UnknownUserError
            For the first of ``only`` that the model has not seen.
        DataError
            If a filter is no column of ids, ``min_ratings`` is no whole number of at least 0, or the ids of
            ``exclude`` are strings and those of the model integers, or the reverse.
        """
        least = 0 if min_ratings is None else whole_number("min_ratings", min_ratings, least=0)
        if only is None and exclude is None and least == 0:
            return None
        passing = self.n_ratings >= least if least else np.ones(len(self.index), dtype=bool)
        if only is not None:
            name = f"{self.kind}s"
            chosen = np.zeros_like(passing)
            chosen[self._known(ids_listed(only, name))] = True
            passing &= chosen
        if exclude is not None:
            unwanted = ids_listed(exclude, "exclude")
            found = self.index.positions(unwanted)
            if (found < 0).all():
                self.index.require_kind_of_ids(unwanted, name=self.kind)
            passing[found[found >= 0]] = False
        return np.flatnonzero(passing)

    def of_each(self, items: Any, people: IdIndex, asked: Positions) -> Rows:
        """The positions of the items that each of some people may choose from.

        Parameters
        ----------
        items : mapping of user to ids, or a frame with the columns user and item
        people : IdIndex
        asked : ndarray of int, shape (n_asked,)
            The rows of people who need candidates.

        Returns
        -------
        Rows
            One row for each of ``people``; the values mean nothing.

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            If somebody asked for has no candidates, or somebody unknown has some.
        """
        users, counts, listed = _of_mapping(items) if isinstance(items, Mapping) else _of_frame(items)
        rows = people.positions(users)
        if (rows < 0).any():
            place = int(np.argmax(rows < 0))
            raise DataError(f"items names the user {_shown(users, place)}, who is not among the users here")
        named = np.zeros(len(people), dtype=bool)
        named[rows] = True
        if not named[asked].all():
            lacking = people.id_at(int(asked[np.argmin(named[asked])]))
            raise DataError(
                f"items has nothing for user {lacking!r}; give everybody candidates, if only an empty list, "
                "or name in users the people to recommend to"
            )
        cells = np.sort(np.repeat(rows, counts) * len(self.index) + self._known(listed))
        # numpy's unique takes several times as long as sorting.
        cells = cells[np.append(np.ones(min(len(cells), 1), dtype=bool), cells[1:] != cells[:-1])]
        owners, columns = np.divmod(cells, max(len(self.index), 1))
        indptr = np.searchsorted(owners, np.arange(len(people) + 1))
        return Rows(indptr, columns.astype(np.int32), np.zeros(len(columns), dtype=np.float32))

    def _known(self, ids: Any) -> Positions:
        positions = self.index.positions(ids)
        if (positions < 0).any():
            raise unknown_id(self.index, list(ids)[int(np.argmax(positions < 0))], self.kind)
        return positions


def is_of_each(items: Any) -> bool:
    """Whether items are candidates of each user by themselves, and not the same for all."""
    return isinstance(items, Mapping) or is_frame(items)


def ids_listed(given: Any, name: str) -> Any:
    """Ids that can be gone through more than once.

    Raises
    ------
    DataError
        For a single id, a mapping, a frame or a matrix.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise DataError(f"{name}={given!r}; expected a list of ids, such as [{given!r}]")
    if isinstance(given, Mapping) or is_frame(given):
        raise DataError(f"{name} is a {type(given).__name__}; expected a list of ids")
    is_column = hasattr(given, "dtype") or type(given).__module__.startswith("pyarrow")
    ids: Any = given if is_column else list(given)
    n_dimensions = getattr(ids, "ndim", 1)
    if n_dimensions == 1 and isinstance(
        next(iter(ids), None), list | tuple | AbstractSet | np.ndarray | pl.Series
    ):
        n_dimensions = 2
    if n_dimensions != 1:
        raise DataError(f"{name} has {n_dimensions} dimensions; expected a list of ids")
    return ids


def _of_mapping(items: Mapping[Any, Any]) -> tuple[list[Any], Positions, list[Any]]:
    """The users of a mapping, how many ids each has, and all these ids."""
    users = list(items)
    lists = [_plain(ids_listed(items[user], f"items of user {user!r}")) for user in users]
    counts = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    return users, counts, [each for ids in lists for each in ids]


def _plain(ids: Any) -> list[Any]:
    """The ids as Python's own numbers and strings, which are searched for all at once."""
    for convert in ("tolist", "to_list", "to_pylist"):
        if hasattr(ids, convert):
            found: list[Any] = getattr(ids, convert)()
            return found
    return [each.item() if isinstance(each, np.generic) else each for each in ids]


def _of_frame(items: Any) -> tuple[Any, Positions, Any]:
    """The users of a frame's rows, how many ids each row has, and all these ids."""
    users, listed = frame_columns(items, ["user", "item"])
    return users, np.ones(len(users), dtype=np.int64), listed


def _shown(users: Any, place: int) -> str:
    found = list(users)[place]
    return repr(found.item() if isinstance(found, np.generic) else found)
