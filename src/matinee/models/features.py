"""What is known of users or items besides ratings, as the columns of a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.columns import whole_frame
from matinee.errors import DataError
from matinee.ids import IdIndex
from matinee.ratings import Rows

# A text column of more different values is an id or a title, and says nothing that could be learned.
MOST_CATEGORIES = 2_000


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column, scaled to mean 0 and deviation 1."""

    name: str
    mean: float
    deviation: float

    n_features = 1

    def encode(self, value: Any) -> dict[int, float]:
        """The features of one value, by place."""
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise DataError(f"feature {self.name!r} is {value!r}; expected a finite number")
        return {0: (float(value) - self.mean) / self.deviation}


@dataclass(frozen=True)
class CategoryColumn:
    """A column of text or of lists of text: a feature for each value that occurs."""

    name: str
    categories: tuple[str, ...]

    @property
    def n_features(self) -> int:
        """One for each category."""
        return len(self.categories)

    def encode(self, value: Any) -> dict[int, float]:
        """The features of one value, by place; a category that the fit did not see is none of them."""
        given = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else None
        if given is None or not all(isinstance(each, str) for each in given):
            raise DataError(f"feature {self.name!r} is {value!r}; expected text, or a list of texts")
        return {self.categories.index(each): 1.0 for each in given if each in self.categories}


Column = NumberColumn | CategoryColumn


class FeatureColumns:
    """How the columns of a frame become features: learned from one frame, applied to it and to newcomers.

    Numbers are scaled to mean 0 and deviation 1; text, and lists of text such as genres, give a feature for
    each value. A column that is the same everywhere says nothing and is left out.
    """

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        ends = np.cumsum([0, *[column.n_features for column in columns]])
        self._starts = dict(zip([column.name for column in columns], ends.tolist(), strict=False))
        self.n_features = int(ends[-1])

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> FeatureColumns:
        """The columns that say something.

        Raises
        ------
        DataError
            For a null, a NaN or an infinity; a column of another type; or if nothing is left.
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
        """The features of one newcomer; what is not given counts as nothing known.

        Raises
        ------
        DataError
            For a name that the fit had no column of, or a value of another type.
        """
        if not isinstance(features, Mapping):
            raise DataError(f"expected features as {{name: value, …}}, got {type(features).__name__}")
        unknown = [name for name in features if name not in self._starts]
        if unknown:
            expected = ", ".join(self._starts)
            raise DataError(f"no feature {unknown[0]!r} was fitted; expected some of {expected}")
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
        """As plain values, for a model file."""
        return [
            {"name": each.name, "mean": each.mean, "deviation": each.deviation}
            if isinstance(each, NumberColumn)
            else {"name": each.name, "categories": list(each.categories)}
            for each in self.columns
        ]

    @classmethod
    def from_list(cls, columns: list[dict[str, Any]]) -> FeatureColumns:
        """What `to_list` gave."""
        return cls(
            [
                CategoryColumn(str(each["name"]), tuple(map(str, each["categories"])))
                if "categories" in each
                else NumberColumn(str(each["name"]), float(each["mean"]), float(each["deviation"]))
                for each in columns
            ]
        )


@dataclass(frozen=True)
class FeatureTable:
    """A frame of features, read: the ids of its rows and the other columns.

    Attributes
    ----------
    index : IdIndex
    positions : ndarray of int, shape (n_rows,)
        Of each row's id in the index.
    frame : polars.DataFrame
        Without the ids.
    """

    index: IdIndex
    positions: NDArray[Any]
    frame: pl.DataFrame

    @classmethod
    def read(cls, features: Any, kind: str) -> FeatureTable:
        """A frame with a column of ids, named "user" or "item" or else the first.

        Raises
        ------
        DataError
            If it is no frame, has no other column, or has an id twice.
        """
        if isinstance(features, FeatureTable):
            return features
        frame = whole_frame(features)
        if frame.width < 2:
            raise DataError(
                f"{kind} features have the columns {frame.columns}; expected ids and something else"
            )
        name = kind if kind in frame.columns else frame.columns[0]
        index = IdIndex.from_ids(frame[name], name=kind)
        positions = index.positions(frame[name])
        repeated = np.flatnonzero(np.bincount(positions, minlength=len(index)) > 1)
        if len(repeated):
            given = index.id_at(int(repeated[0]))
            raise DataError(f"{kind} features have {kind} {given!r} twice; expected a row for each")
        return cls(index, positions, frame.drop(name))

    def rows_of(self, ids: IdIndex, kind: str) -> pl.DataFrame:
        """The rows in the order of other ids.

        Raises
        ------
        DataError
            If they lack one.
        """
        places = np.full(len(self.index), -1)
        places[self.positions] = np.arange(len(self.positions))
        found = self.index.positions(ids.ids)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            raise DataError(
                f"{kind} features lack {len(missing):,} of {len(ids):,} {kind}s of the ratings, the first "
                f"{ids.id_at(int(missing[0]))!r}; expected a row for each"
            )
        return self.frame[places[found]]


def _column(series: pl.Series) -> Column | None:
    name = series.name
    if series.null_count():
        row = int(series.is_null().arg_max() or 0)
        raise DataError(f"feature {name!r} is missing in row {row}; expected a value in every row")
    if isinstance(series.dtype, pl.List | pl.Array) and series.dtype.inner in (pl.String, pl.Categorical):
        return _category_column(name, series.explode().drop_nulls().cast(pl.String), len(series))
    if series.dtype in (pl.String, pl.Categorical) or isinstance(series.dtype, pl.Enum):
        return _category_column(name, series.cast(pl.String), len(series))
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise DataError(
            f"feature {name!r} is of type {series.dtype}; expected numbers, text or lists of text"
        )
    values = series.cast(pl.Float64).to_numpy()
    if not np.isfinite(values).all():
        row = int(np.isfinite(values).argmin())
        raise DataError(f"feature {name!r} is {values[row]} in row {row}; expected a finite number")
    deviation = float(values.std())
    return NumberColumn(name, float(values.mean()), deviation) if deviation > 0 else None


def _category_column(name: str, values: pl.Series, n_rows: int) -> CategoryColumn | None:
    counts = values.value_counts()
    categories = tuple(sorted(each for each, count in counts.iter_rows() if count < n_rows))
    if len(categories) > MOST_CATEGORIES:
        raise DataError(
            f"feature {name!r} has {len(categories):,} different values; expected at most "
            f"{MOST_CATEGORIES:,}: leave out titles, names and ids"
        )
    return CategoryColumn(name, categories) if categories else None
