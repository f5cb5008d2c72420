"""Reads the address of a page: the filters and the sliders that a form sends, and the part of a long list."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from matinee.errors import DataError
from matinee.web.cinema.catalogue import Filters

EARLIEST, LATEST = 0, 9999

YearText = Annotated[str, Query(max_length=10)]


def form_filters(
    genre: Annotated[list[str] | None, Query(max_length=20)] = None,
    year_from: YearText = "",
    year_to: YearText = "",
) -> Filters:
    """The filters that a form sends. Unlike a program, a form sends empty fields for what was not chosen.

    Raises
    ------
    DataError
        If a year is not a year, or the years are turned round.
    """
    genres = tuple(dict.fromkeys(name for name in genre or () if name.strip()))
    first, last = _year(year_from), _year(year_to)
    if first is not None and last is not None and first > last:
        raise DataError(f"the years end in {last}, before they begin in {first}; turn them round")
    return Filters(genres, first, last)


def _year(text: str) -> int | None:
    stripped = text.strip()
    if not stripped:
        return None
    if not (stripped.isascii() and stripped.isdecimal() and EARLIEST <= int(stripped) <= LATEST):
        raise DataError(f"{stripped!r} is not a year; expected a number such as 1979, or nothing")
    return int(stripped)


def form_blend(blend: Annotated[str, Query(max_length=20)] = "") -> float | None:
    """The blend that a form sends; None if it sends none.

    Raises
    ------
    DataError
        If it is not a number from 0 to 1.
    """
    return _share(blend, "blend", "a number from 0, safe, to 1, only the best")


def form_diversity(diversity: Annotated[str, Query(max_length=20)] = "") -> float:
    """The diversity that a form sends; 0 if it sends none.

    Raises
    ------
    DataError
        If it is not a number from 0 to 1.
    """
    return _share(diversity, "diversity", "a number from 0, as usual, to 1, the most variety") or 0.0


def _share(text: str, name: str, expected: str) -> float | None:
    stripped = text.strip()
    if not stripped:
        return None
    try:
        chosen = float(stripped)
    except ValueError:
        chosen = nan
    if not 0 <= chosen <= 1:
        raise DataError(f"{stripped!r} is no {name}; expected {expected}")
    return chosen


FormBlend = Annotated[float | None, Depends(form_blend)]
FormDiversity = Annotated[float, Depends(form_diversity)]
FormFilters = Annotated[Filters, Depends(form_filters)]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


def filter_query(filters: Filters) -> str:
    """The filters as the end of an address: empty, or with an ampersand in front."""
    fields: list[tuple[str, object]] = [("genre", genre) for genre in filters.genres]
    years = (("year_from", filters.year_from), ("year_to", filters.year_to))
    fields += [(name, year) for name, year in years if year is not None]
    return f"&{urlencode(fields)}" if fields else ""


@dataclass(frozen=True)
class Part:
    """One page of a long list.

    Attributes
    ----------
    number : int
        From 1.
    size : int
        How many entries a page has.
    n_entries : int
        In the whole list.
    """

    number: int
    size: int
    n_entries: int

    @property
    def begin(self) -> int:
        """How many entries come before this page."""
        return (self.number - 1) * self.size

    @property
    def n_parts(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.n_entries // self.size))

    @property
    def previous(self) -> int | None:
        """The number of the page before, if there is one."""
        return min(self.number - 1, self.n_parts) if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The number of the page after, if there is one."""
        return self.number + 1 if self.number < self.n_parts else None
