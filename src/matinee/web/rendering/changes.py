"""What a visitor has just done to a film, as the page that follows tells it.

A form names the page to go on with, and adds the film to its address. What is told is the present state of
that film, so that an address which is loaded again, or sent to somebody else, tells the truth too.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from matinee.web.cinema.films import Film
from matinee.web.visits.visit import Visit

PARAMETER = "changed"


@dataclass(frozen=True)
class Change:
    """A film, and what is noted about it now.

    Attributes
    ----------
    film : Film
    stars : float or None
        The visitor's rating.
    is_dismissed : bool
    """

    film: Film
    stars: float | None
    is_dismissed: bool


def change_in(visit: Visit) -> Change | None:
    """The change that the address of a page speaks of; None without one."""
    item = visit.request.query_params.get(PARAMETER)
    film = None if item is None else visit.showing.catalogue.get(item)
    if film is None:
        return None
    given = visit.ratings.get(film.item)
    return Change(film, None if given is None else given.rating, film.item in visit.dismissed)


def address_after(request: Request, film: Film) -> str:
    """The address of this page once a form on it has changed something about a film."""
    return f"{_path(request)}?{urlencode([*_other_fields(request), (PARAMETER, film.item)])}"


def address_of(request: Request) -> str:
    """The address of this page without a change in it."""
    kept = _other_fields(request)
    return f"{_path(request)}?{urlencode(kept)}" if kept else _path(request)


def _path(request: Request) -> str:
    """The path with one slash at its beginning: with two it would be the address of another server."""
    return "/" + request.url.path.lstrip("/\\")


def _other_fields(request: Request) -> list[tuple[str, str]]:
    fields = parse_qsl(request.url.query)
    return [(name, value) for name, value in fields if name != PARAMETER]
