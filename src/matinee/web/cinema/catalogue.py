"""Finds films by the words of their titles, in an index in memory that is quick enough for each key typed."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.web.cinema.films import Film
from matinee.web.cinema.near_titles import NearTitles
from matinee.web.cinema.search_text import words

# The points that a match adds to the popularity of a film, which is from 0 to 1. A title equal to the query
# comes before all others. Beginning with the query counts as much as being the most rated film.
IS_QUERY, BEGINS_WITH_QUERY, HAS_WHOLE_WORDS = 3.0, 1.0, 1.0
ARTICLES = frozenset(("the", "a", "an", "le", "la", "les", "der", "die", "das", "el", "il", "los", "las"))
# Points for a title that is only like the query, for the whole likeness: one letter of ten counts as much as
# half the difference between the most and the least rated film.
IS_LIKE_QUERY = 5.0
# Sorts after every letter, so that bisection finds the last word with a beginning.
LAST = "\U0010ffff"
# Further words are ignored: titles differ in fewer, and each word costs a pass over the films.
MOST_WORDS = 12

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Filters:
    """Which films to show. Empty filters let all films pass.

    Attributes
    ----------
    genres : tuple of str
        Only films that have all of these.
    year_from, year_to : int or None
        Only films of these years, both included. A film of unknown year passes neither.
    """

    genres: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None

    def __bool__(self) -> bool:
        return bool(self.genres) or self.year_from is not None or self.year_to is not None


@dataclass(frozen=True)
class Found:
    """One page of the results of a search, and how many results there are in all.

    ``is_near`` says that no title has all words of the query, and that these are like it.
    """

    films: list[Film]
    n_found: int
    is_near: bool = False


class Catalogue(Mapping[str, Film]):
    """Films by the text of their ids, searchable by the words of their titles.

    Parameters
    ----------
    films : list of Film
        Their ids must differ.
    """

    def __init__(self, films: list[Film]) -> None:
        self._films = films
        self._places = {film.item: place for place, film in enumerate(films)}
        counts = np.array([film.n_ratings for film in films], dtype=np.float64)
        self._popularity = np.log1p(counts) / max(np.log1p(counts.max(initial=0)), 1.0)
        self._years = np.array([film.year or 0 for film in films], dtype=np.int32)
        self._genres = _by_genre(films)
        titles = [words(film.title) for film in films]
        self._words = _WordIndex(films, titles)
        self._near = NearTitles(titles)

    def __getitem__(self, item: str) -> Film:
        return self._films[self._places[item]]

    def __iter__(self) -> Any:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._films)

    @property
    def genres(self) -> list[str]:
        """All genres in alphabetical order."""
        return sorted(self._genres)

    def has_genre(self, genre: str) -> bool:
        """Whether any film has the genre."""
        return genre in self._genres

    @property
    def years(self) -> tuple[int, int] | None:
        """The earliest and the latest year of any film; None if no year is known."""
        known = self._years[self._years > 0]
        return (int(known.min()), int(known.max())) if len(known) else None

    def search(
        self, query: str, *, limit: int = 20, offset: int = 0, filters: Filters | None = None
    ) -> Found:
        """Films with all words of the query, whole or as the beginning of a word; the best matches first.

        If no film has them all, those whose titles are like the query.

        Parameters
        ----------
        query : str
            Accents, case and punctuation do not matter, and a year counts as a word. A query without
            words matches every film, the most rated first.
        limit, offset : int
        filters : Filters, optional
        """
        asked = words(query)[:MOST_WORDS]
        worth = self._words.worth(asked) if asked else np.zeros(len(self))
        wanted = worth >= 0
        is_near = bool(asked) and not wanted.any()
        if is_near:
            near, likeness = self._near.like(asked)
            worth[near] = IS_LIKE_QUERY * likeness
            wanted[near] = True
        if filters:
            wanted &= self.mask(filters)
        places = np.flatnonzero(wanted)
        scores = worth[places] + self._popularity[places]
        best = places[np.argsort(-scores, kind="stable")[offset : offset + limit]]
        return Found([self._films[place] for place in best.tolist()], len(places), is_near)

    def mask(self, filters: Filters) -> Mask:
        """Which films pass the filters, in the order of the catalogue."""
        wanted = np.ones(len(self), dtype=bool)
        for genre in filters.genres:
            wanted &= self._genres.get(genre, np.zeros(len(self), dtype=bool))
        if filters.year_from is not None or filters.year_to is not None:
            wanted &= self._years > 0
        if filters.year_from is not None:
            wanted &= self._years >= filters.year_from
        if filters.year_to is not None:
            wanted &= self._years <= filters.year_to
        return wanted

    def positions(self, filters: Filters) -> NDArray[np.int64]:
        """The positions in the model of the films that pass the filters and that it knows."""
        all_positions = np.fromiter((film.position for film in self._films), dtype=np.int64, count=len(self))
        chosen: NDArray[np.int64] = all_positions[self.mask(filters) & (all_positions >= 0)]
        return chosen


class _WordIndex:
    """The titles of each word. Words are sorted, so that words with the same beginning are neighbours."""

    def __init__(self, films: list[Film], title_words: list[list[str]]) -> None:
        self._n_films = len(films)
        places: dict[str, list[int]] = defaultdict(list)
        titles: list[tuple[str, int]] = []
        for place, (film, title) in enumerate(zip(films, title_words, strict=True)):
            year = [] if film.year is None else [str(film.year)]
            for word in dict.fromkeys([*title, *year]):
                places[word].append(place)
            titles += [(_joined(version), place) for version in _versions(title)]
        self._words = sorted(places)
        lengths = [len(places[word]) for word in self._words]
        self._begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._places = np.array([place for word in self._words for place in places[word]], dtype=np.int32)
        titles.sort()
        self._titles = [title for title, _ in titles]
        self._titled = np.array([place for _, place in titles], dtype=np.int32)

    def worth(self, asked: list[str]) -> NDArray[np.float64]:
        """How well each title matches, without its popularity; below 0 if a word is missing."""
        n_matched, n_whole = np.zeros(self._n_films, np.int32), np.zeros(self._n_films, np.int32)
        for word in asked:
            matched = np.zeros(self._n_films, dtype=bool)
            matched[self._beginning_with(word)] = True
            n_matched += matched
            n_whole[self._being(word)] += 1
        worth: NDArray[np.float64] = HAS_WHOLE_WORDS * n_whole / len(asked)
        worth[self._titled_from(_joined(asked))] += BEGINS_WITH_QUERY
        worth[self._titled_exactly(_joined(asked))] += IS_QUERY
        worth[n_matched < len(asked)] = -1.0
        return worth

    def _beginning_with(self, word: str) -> NDArray[np.int32]:
        first, last = bisect_left(self._words, word), bisect_left(self._words, word + LAST)
        return self._places[self._begins[first] : self._begins[last]]

    def _being(self, word: str) -> NDArray[np.int32]:
        place = bisect_left(self._words, word)
        if place == len(self._words) or self._words[place] != word:
            return self._places[:0]
        return self._places[self._begins[place] : self._begins[place + 1]]

    def _titled_from(self, beginning: str) -> NDArray[np.int32]:
        first = bisect_left(self._titles, beginning)
        return self._titled[first : bisect_left(self._titles, beginning + LAST)]

    def _titled_exactly(self, title: str) -> NDArray[np.int32]:
        first = bisect_left(self._titles, title)
        return self._titled[first : bisect_left(self._titles, title + "\0")]


def _versions(title: list[str]) -> list[list[str]]:
    """A title, and also without its leading article."""
    return [title, title[1:]] if len(title) > 1 and title[0] in ARTICLES else [title]


def _joined(title: Collection[str]) -> str:
    return " ".join(title)


def _by_genre(films: list[Film]) -> dict[str, Mask]:
    found: dict[str, Mask] = {}
    for place, film in enumerate(films):
        for genre in film.genres:
            found.setdefault(genre, np.zeros(len(films), dtype=bool))[place] = True
    return found
