"""What the next page says about the film that a visitor has just changed.

A form names the page to show next, and adds the film to the address of that page. The page reads the present
state of the film, so that it tells the truth even if the address is loaded again or sent to somebody else.
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
    """A film, and what the visitor says about it now.

    Attributes
    ----------
    film : Film
    stars : float or None
        The visitor's rating.
    is_dismissed : bool
        Whether the visitor is not interested in it.
    is_unseen : bool
        Whether the visitor has not seen it.
    is_wanted : bool
        Whether it is on the visitor's watchlist.
    """

    film: Film
    stars: float | None
    is_dismissed: bool
    is_unseen: bool
    is_wanted: bool


def change_in(visit: Visit) -> Change | None:
    """The change that the address of a page names; None if it names none."""
    item = visit.request.query_params.get(PARAMETER)
    film = None if item is None else visit.showing.catalogue.get(item)
    if film is None:
        return None
    given = visit.ratings.get(film.item)
    return Change(
        film,
        None if given is None else given.rating,
        is_dismissed=film.item in visit.dismissed,
        is_unseen=film.item in visit.unseen,
        is_wanted=film.item in visit.watchlist,
    )


def address_after(request: Request, film: Film) -> str:
    """The address of this page after a form on it has changed a film."""
    return f"{_path(request)}?{urlencode([*_other_fields(request), (PARAMETER, film.item)])}"


def address_of(request: Request) -> str:
    """The address of this page without the film that was changed."""
    kept = _other_fields(request)
    return f"{_path(request)}?{urlencode(kept)}" if kept else _path(request)


def address_with(request: Request, name: str, value: object) -> str:
    """The address of this page with another value of one field, and without the film that was changed."""
    kept = [(other, text) for other, text in _other_fields(request) if other != name]
    return f"{_path(request)}?{urlencode([*kept, (name, value)])}"


def address_without(request: Request, *names: str) -> str:
    """The address of this page without some fields, and without the film that was changed."""
    kept = [(name, text) for name, text in _other_fields(request) if name not in names]
    return f"{_path(request)}?{urlencode(kept)}" if kept else _path(request)


def _path(request: Request) -> str:
    """The path with exactly one slash in front: with two, it would be the address of another server."""
    return "/" + request.url.path.lstrip("/\\")


def _other_fields(request: Request) -> list[tuple[str, str]]:
    fields = parse_qsl(request.url.query)
    return [(name, value) for name, value in fields if name != PARAMETER]
