"""What a list of movies says of each one, as columns of text that models learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations

import polars as pl

# From fewer movies nothing is learned of a value, and each one costs the fit time and memory.
FEWEST_MOVIES = 5
MOST_VALUES = 1_000
# Three years tell new from nearly new; ten tell how the genres of an age differ.
YEARS = 3
DECADE = 10


def movie_features(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns item, year, genres, years, genre_pairs and genre_decades of a frame of movies.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns item, year (null if unknown) and genres (a list).
    """
    years, genres = frame["year"].to_list(), frame["genres"].to_list()
    decades = [_period(year, DECADE) for year in years]
    crossed = {
        "years": [_period(year, YEARS) for year in years],
        "genre_pairs": [_pairs(names) for names in genres],
        "genre_decades": [
            [f"{name}, {decade}" for name in names for decade in of_movie]
            for names, of_movie in zip(genres, decades, strict=True)
        ],
    }
    columns = [
        frame["item"],
        frame["year"].cast(pl.Float64).fill_null(strategy="mean"),
        frame["genres"],
        *[pl.Series(name, _common(lists), dtype=pl.List(pl.String)) for name, lists in crossed.items()],
    ]
    return pl.DataFrame([column for column in columns if not _says_nothing(column)])


def _period(year: int | None, width: int) -> list[str]:
    """The period of so many years that a year is in; nothing if the year is unknown."""
    if year is None:
        return []
    first = year // width * width
    return [f"{first}-{first + width - 1}"]


def _pairs(names: Iterable[str]) -> list[str]:
    return [f"{one} & {other}" for one, other in combinations(sorted(set(names)), 2)]


def _common(lists: list[list[str]]) -> list[list[str]]:
    """The lists without values that few movies have."""
    counts = Counter(value for values in lists for value in set(values))
    # By name among equals, so that the order of the movies makes no difference.
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = {value for value, count in ordered[:MOST_VALUES] if count >= FEWEST_MOVIES}
    return [[value for value in values if value in kept] for values in lists]


def _says_nothing(column: pl.Series) -> bool:
    """Whether all years are unknown, or all lists are empty."""
    if column.name == "item":
        return False
    return column.count() == 0 if column.dtype == pl.Float64 else column.list.len().sum() == 0
