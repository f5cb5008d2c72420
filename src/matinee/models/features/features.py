"""Turns what is known about users or items besides ratings into the columns of a sparse matrix."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.ratings import Rows
from matinee.ratings.columns import whole_frame
from matinee.ratings.ids import IdIndex

# A text column with more different values is an id or a title, from which nothing can be learned.
MOST_CATEGORIES = 2_000
LARGEST_SINGLE = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column, scaled to mean 0 and standard deviation 1."""

    name: str
    mean: float
    deviation: float

    n_features = 1

    def encode(self, value: Any) -> dict[int, float]:
        """The features of one value, by their place."""
        plain = _finite_number(value)
        if plain is None:
            raise DataError(f"feature {self.name!r} is {_shown(value)}; expected a finite number")
        scaled = (plain - self.mean) / self.deviation
        if not abs(scaled) <= LARGEST_SINGLE:
            message = f"is too far from the {self.mean:g} ± {self.deviation:g} of the fitted values"
            raise DataError(f"feature {self.name!r}: {_shown(value)} {message}")
        return {0: scaled}


@dataclass(frozen=True)
class CategoryColumn:
    """A column of text or of lists of text, with one feature for each value that occurs."""

    name: str
    categories: tuple[str, ...]

    @property
    def n_features(self) -> int:
        """The number of features: one for each category."""
        return len(self.categories)

    def encode(self, value: Any) -> dict[int, float]:
        """The features of one value, by their place; a category that the fit did not see is ignored."""
        given = [value] if isinstance(value, str) else value
        if isinstance(given, Mapping | bytes) or not isinstance(given, Iterable):
            raise self._wrong(value)
        features = {}
        for each in given:
            if not isinstance(each, str):
                raise self._wrong(value)
            if each in self._places:
                features[self._places[each]] = 1.0
        return features

    @cached_property
    def _places(self) -> dict[str, int]:
        return {category: place for place, category in enumerate(self.categories)}

    def _wrong(self, value: Any) -> DataError:
        return DataError(f"feature {self.name!r} is {_shown(value)}; expected text, or a list of texts")


@dataclass(frozen=True)
class MatrixColumn:
    """Ready numbers, taken as they are."""

    name: str
    n_features: int

    def encode(self, value: Any) -> dict[int, float]:
        """The features of one value, by their place."""
        try:
            numbers = np.asarray(value, dtype=np.float32).reshape(-1)
        except (TypeError, ValueError):
            numbers = np.full(1, np.nan, np.float32)
        if len(numbers) != self.n_features or not np.isfinite(numbers).all():
            raise DataError(
                f"feature {self.name!r} is {_shown(value)}; expected {self.n_features:,} finite numbers"
            )
        return {int(place): float(numbers[place]) for place in np.flatnonzero(numbers)}


Column = NumberColumn | CategoryColumn | MatrixColumn


class FeatureColumns:
    """Turns the columns of a frame into features, learned from one frame and applied to it and to newcomers.

    Numbers are scaled to mean 0 and standard deviation 1. Text, and lists of text such as genres, give one
    feature for each value. A column with the same value everywhere is left out. Frames come from a
    `FeatureTable`.
    """

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        ends = np.cumsum([0, *[column.n_features for column in columns]])
        self._starts = dict(zip([column.name for column in columns], ends.tolist(), strict=False))
        self.n_features = int(ends[-1])

    def places_of(self, name: str) -> slice:
        """The places of the features of one column."""
        start = self._starts[name]
        column = next(each for each in self.columns if each.name == name)
        return slice(start, start + column.n_features)

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> FeatureColumns:
        """The columns of the frame that differ from row to row.

        Raises
        ------
        DataError
            If a text column has too many different values, or if no column is left.
        """
        columns = [column for series in frame.iter_columns() if (column := _column(series)) is not None]
        if not columns:
            raise DataError(
                f"no column of {frame.columns} differs from row to row; there is nothing to learn"
            )
        return cls(columns)

    def encode_frame(self, frame: pl.DataFrame) -> Rows:
        """The features of every row."""
        names = [column.name for column in self.columns]
        return self._rows(dict(zip(names, row, strict=True)) for row in frame.select(names).iter_rows())

    def encode_one(self, features: Mapping[str, Any]) -> Rows:
        """The features of one newcomer; a feature that is not given counts as unknown.

        Raises
        ------
        DataError
            If the fit had no column of that name, or a value has the wrong type.
        """
        if not isinstance(features, Mapping):
            raise DataError(f"expected features as {{name: value, …}}, got {type(features).__name__}")
        unknown = [name for name in features if name not in self._starts]
        if unknown:
            expected = ", ".join(self._starts)
            raise DataError(
                f"no feature {unknown[0]!r} was fitted (a column with one value everywhere is left out); "
                f"expected some of {expected}"
            )
        return self._rows([features])

    def _rows(self, table: Iterable[Mapping[str, Any]]) -> Rows:
        counts, places, values = [0], [], []
        for row in table:
            found = {
                self._starts[column.name] + place: value
                for column in self.columns
                if column.name in row
                for place, value in column.encode(row[column.name]).items()
            }
            counts.append(len(found))
            places += sorted(found)
            values += [found[place] for place in sorted(found)]
        indptr = np.cumsum(counts, dtype=np.int64)
        return Rows(indptr, np.array(places, dtype=np.int32), np.array(values, dtype=np.float32))

    def to_list(self) -> list[dict[str, Any]]:
        """The columns as plain values, for a model file."""
        return list(map(_plain, self.columns))

    @classmethod
    def from_list(cls, columns: list[dict[str, Any]]) -> FeatureColumns:
        """The columns from the plain values that `to_list` gave."""
        return cls(list(map(_stored_column, columns)))


def index_of(ids: Any, kind: str) -> tuple[IdIndex, NDArray[Any]]:
    """The index of the ids of features, and the position of each; a DataError if one is there twice."""
    index, positions = IdIndex.encode(ids, name=kind)
    repeated = np.flatnonzero(np.bincount(positions, minlength=len(index)) > 1)
    if len(repeated):
        given = index.id_at(int(repeated[0]))
        raise DataError(f"{kind} features have {kind} {given!r} twice; expected a row for each")
    return index, positions


@dataclass(frozen=True)
class RowsById(ABC):
    """Rows of features, each with an id.

    Attributes
    ----------
    index : IdIndex
        The ids of the rows.
    positions : ndarray of int, shape (n_rows,)
        The position of each row's id in the index.
    """

    index: IdIndex
    positions: NDArray[Any]

    @abstractmethod
    def encode(self, ids: IdIndex, kind: str) -> tuple[NDArray[np.int64], FeatureColumns, Rows]:
        """The positions of the ids that have a row, the columns, and the features of these ids."""

    def ids_beside(self, ids: IdIndex, kind: str) -> IdIndex:
        """The ids of the ratings together with those of the rows.

        Raises
        ------
        DataError
            If one has strings as ids and the other integers.
        """
        if self.index.holds_strings != ids.holds_strings:
            ours, theirs = ("strings" if each.holds_strings else "integers" for each in (self.index, ids))
            raise DataError(
                f"{kind} ids are {ours} in the features and {theirs} in the ratings; "
                "expected the same in both"
            )
        return ids.union(self.index, name=kind)

    def places_of(self, ids: IdIndex, kind: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The positions of the ids that have a row, and the places of their rows; warns if some have none."""
        places = np.full(len(self.index), -1)
        places[self.positions] = np.arange(len(self.positions))
        found = self.index.positions(ids.ids)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            warnings.warn(
                f"{kind} features lack {len(missing):,} of {len(ids):,} {kind}s, the first "
                f"{ids.id_at(int(missing[0]))!r}; nothing is known of them, so they count as average",
                stacklevel=7,
            )
        known = np.flatnonzero(found >= 0)
        return known, places[found[known]]


@dataclass(frozen=True)
class FeatureTable(RowsById):
    """A frame of features, split into the ids of its rows and the other columns.

    Attributes
    ----------
    frame : polars.DataFrame
        The other columns; they are Float64, String or List(String), without missing values.
    """

    frame: pl.DataFrame

    @classmethod
    def read(cls, features: Any, kind: str) -> FeatureTable:
        """The table in a frame; the column of ids is named "user" or "item", or is the first.

        Raises
        ------
        DataError
            If it is not a frame, has no other column or no rows, has an id twice, a null, a NaN or an
            infinity, or has a column that is not of numbers, text or lists of text.
        """
        frame = whole_frame(features)
        if frame.width < 2:
            raise DataError(
                f"{kind} features have the columns {frame.columns}; expected ids and another column"
            )
        if frame.height == 0:
            raise DataError(f"{kind} features have no rows; expected one for each {kind}")
        name = kind if kind in frame.columns else frame.columns[0]
        index, positions = index_of(frame[name], kind)
        columns = [_readable(series) for series in frame.drop(name).iter_columns()]
        return cls(index, positions, pl.DataFrame(columns))

    def encode(self, ids: IdIndex, kind: str) -> tuple[NDArray[np.int64], FeatureColumns, Rows]:
        """The positions of the ids that have a row, the columns, and the features of these ids."""
        known, places = self.places_of(ids, kind)
        frame = self.frame[places]
        columns = FeatureColumns.from_frame(frame)
        return known, columns, columns.encode_frame(frame)


def _readable(series: pl.Series) -> pl.Series:
    """The column as Float64, String or List(String).

    Raises
    ------
    DataError
        If it has a null, a NaN or an infinity, or is of another type.
    """
    name, dtype = series.name, series.dtype
    if series.null_count():
        raise DataError(
            f"feature {name!r} is missing in row {_first(series.is_null())}; expected a value in each"
        )
    if _is_text(dtype):
        return series.cast(pl.String)
    if isinstance(dtype, pl.List | pl.Array) and (_is_text(dtype.inner) or dtype.inner == pl.Null):
        lists = series.cast(pl.List(pl.String))
        gaps = lists.list.drop_nulls().list.len() < lists.list.len()
        if gaps.any():
            raise DataError(f"feature {name!r} has a null in the list of row {_first(gaps)}; expected text")
        return lists
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        raise DataError(f"feature {name!r} is of type {dtype}; expected numbers, text or lists of text")
    values = series.cast(pl.Float64)
    infinite = ~values.is_finite()
    if infinite.any():
        row = _first(infinite)
        raise DataError(f"feature {name!r} is {values[row]} in row {row}; expected a finite number")
    return values


def _is_text(dtype: Any) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _first(found: pl.Series) -> int:
    return int(found.arg_max() or 0)


def _column(series: pl.Series) -> Column | None:
    if series.dtype == pl.Float64:
        return _number_column(series.name, series.to_numpy())
    return _category_column(series)


def _number_column(name: str, values: NDArray[Any]) -> NumberColumn | None:
    # The deviation would be no test, since rounding can leave it above 0.
    if values.min() == values.max():
        return None
    # Scaled first, since the square of a large float need not fit into a float.
    unit = float(np.abs(values).max())
    scaled = values / unit
    mean, deviation = float(scaled.mean()) * unit, float(scaled.std()) * unit
    return NumberColumn(name, mean, deviation) if deviation > 0 else None


def _category_column(series: pl.Series) -> CategoryColumn | None:
    # A value that is twice in a list counts once, since it is in one row only.
    values = series if series.dtype == pl.String else series.list.unique().explode().drop_nulls()
    # Renamed, since value_counts adds a column named "count".
    counts = values.alias("value").value_counts()
    categories = tuple(sorted(each for each, count in counts.iter_rows() if count < len(series)))
    if len(categories) > MOST_CATEGORIES:
        raise DataError(
            f"feature {series.name!r} has {len(categories):,} different values; expected at most "
            f"{MOST_CATEGORIES:,}: leave out titles, names and ids"
        )
    return CategoryColumn(series.name, categories) if categories else None


def _finite_number(value: Any) -> float | None:
    if not isinstance(value, int | float | Decimal | np.integer | np.floating | np.bool_):
        return None
    try:
        plain = float(value)
    except (ValueError, OverflowError):
        return None
    return plain if np.isfinite(plain) else None


def _shown(value: Any) -> str:
    """The value for an error message, shortened if it is too long."""
    return f"{value!r:.80}"


def _plain(column: Column) -> dict[str, Any]:
    if isinstance(column, NumberColumn):
        return {"name": column.name, "mean": column.mean, "deviation": column.deviation}
    if isinstance(column, CategoryColumn):
        return {"name": column.name, "categories": list(column.categories)}
    return {"name": column.name, "n_features": column.n_features}


def _stored_column(stored: dict[str, Any]) -> Column:
    if "n_features" in stored:
        return MatrixColumn(str(stored["name"]), whole_number("n_features", stored["n_features"], least=1))
    if "categories" in stored:
        return CategoryColumn(str(stored["name"]), tuple(map(str, stored["categories"])))
    column = NumberColumn(str(stored["name"]), float(stored["mean"]), float(stored["deviation"]))
    if not (np.isfinite(column.mean) and 0 < column.deviation <= np.finfo(np.float64).max):
        raise DataError(f"feature {column.name!r} has mean {column.mean} and deviation {column.deviation}")
    return column
