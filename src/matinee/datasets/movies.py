"""Movies: titles, years and genres by item id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from matinee.datasets.movie_features import movie_features
from matinee.errors import DataError
from matinee.ratings.ids import Id


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie: its id, title without the year, year if known, and genres. ``str`` gives "Title (1995)"."""

    item: Id
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.title if self.year is None else f"{self.title} ({self.year})"


class Movies(Mapping[Id, Movie]):
    """Movies by item id, in the order they were given.

    Parameters
    ----------
    movies : iterable of Movie
        Movies with different ids; a DataError if an id is given twice.
    """

    def __init__(self, movies: Iterable[Movie]) -> None:
        self._by_item: dict[Id, Movie] = {}
        for movie in movies:
            if movie.item in self._by_item:
                raise DataError(f"item {movie.item!r} is given twice; expected every item once")
            self._by_item[movie.item] = movie

    def __getitem__(self, item: Id) -> Movie:
        return self._by_item[item]

    def __iter__(self) -> Iterator[Id]:
        return iter(self._by_item)

    def __len__(self) -> int:
        return len(self._by_item)

    def __repr__(self) -> str:
        return f"Movies({len(self):,} movies)"

    def title(self, item: Id) -> str:
        """The title of an item without the year; the id as text if the item is not known."""
        movie = self._by_item.get(item)
        return str(item) if movie is None else movie.title

    def to_frame(self) -> pl.DataFrame:
        """The movies as a frame with the columns item, title, year (null if unknown) and genres (a list)."""
        movies = list(self._by_item.values())
        columns = {
            "item": pl.Series([movie.item for movie in movies]),
            "title": pl.Series([movie.title for movie in movies], dtype=pl.String),
            "year": pl.Series([movie.year for movie in movies], dtype=pl.Int32),
            "genres": pl.Series([list(movie.genres) for movie in movies], dtype=pl.List(pl.String)),
        }
        return pl.DataFrame(columns)

    def features(self) -> pl.DataFrame:
        """What is known of the movies, for the ``item_features`` of a model.

        The columns are item, year, genres, years (periods of three), genre_pairs and genre_decades. Periods,
        pairs and decades that fewer than five movies have are left out. A movie of unknown year gets the mean
        of the others' years. That says nothing about the movie, as it becomes 0 once the years are scaled to
        mean 0. A column that is empty for all movies is left out.
        """
        return movie_features(self.to_frame().drop("title"))
