"""Finds the movies that somebody rated elsewhere in a list of movies: by id, or else by title and year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from matinee.datasets.exports import ExportedRating
from matinee.datasets.movies import Movies
from matinee.datasets.titles import short_keys, title_keys
from matinee.ratings.ids import Id

How = Literal["id", "title", "ambiguous", "none"]


class Match(NamedTuple):
    """What became of a rating.

    Attributes
    ----------
    how : {"id", "title", "ambiguous", "none"}
        By what the movie was found; "ambiguous" if several movies have the title and the year.
    item : id or None
        The id of the movie.
    """

    how: How
    item: Id | None = None


class MovieMatcher:
    """A list of movies, in which movies are looked up that another source names.

    Parameters
    ----------
    movies : Movies
    links : mapping of int to str
        For the number of a movie at IMDb, its id in the list, as text.
    """

    def __init__(self, movies: Movies, links: Mapping[int, str]) -> None:
        self._by_text = {str(item): item for item in movies}
        self._links = links
        self._years = {item: movie.year for item, movie in movies.items()}
        self._whole: dict[str, list[Id]] = defaultdict(list)
        self._short: dict[str, list[Id]] = defaultdict(list)
        for item, movie in movies.items():
            for keys, known in ((title_keys, self._whole), (short_keys, self._short)):
                for key in keys(movie.title):
                    known[key].append(item)

    def match(self, rated: ExportedRating) -> Match:
        """The movie that was rated."""
        item = self._by_id(rated.id)
        if item is not None:
            return Match("id", item)
        for found in self._by_title(rated):
            if len(found) == 1:
                return Match("title", found.pop())
            if found:
                return Match("ambiguous")
        return Match("none")

    def _by_id(self, id: str | None) -> Id | None:
        if id is None:
            return None
        if id in self._by_text:
            return self._by_text[id]
        number = id.removeprefix("tt")
        linked = self._links.get(int(number)) if number.isdecimal() else None
        return None if linked is None else self._by_text.get(linked)

    def _by_title(self, rated: ExportedRating) -> Iterator[set[Id]]:
        """The movies that may be meant, from the surest way to compare to the least sure."""
        whole, short = title_keys(rated.title), short_keys(rated.title)
        same = {item for key in whole for item in self._whole.get(key, ())}
        if rated.year is None:
            yield same
            return
        yield self._of_years(same, rated.year, 0)
        # A film is dated by its first showing in one source, and by its release in another.
        yield self._of_years(same, rated.year, 1)
        yield {item for item in same if self._years[item] is None}
        alike = {item for key in whole for item in self._short.get(key, ())}
        alike |= {item for key in short for item in self._whole.get(key, ())}
        yield self._of_years(alike, rated.year, 0)

    def _of_years(self, items: set[Id], year: int, distance: int) -> set[Id]:
        years = ((item, self._years[item]) for item in items)
        return {item for item, known in years if known is not None and abs(known - year) <= distance}
