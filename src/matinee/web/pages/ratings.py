"""The pages of a visitor's own films: what they have rated, what they want to see; and deleting it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from matinee.web.cinema.films import Film
from matinee.web.cinema.search_text import words
from matinee.web.pages.asking import PageNumber, Part
from matinee.web.pages.drawing import drawn_page
from matinee.web.store.ratings_log import GivenRating, checked_stars
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

N_A_PAGE = 48

Rated = tuple[Film, GivenRating]
# The orders of the list by the value of the form's field.
ORDERS: dict[str, tuple[str, Callable[[Rated], Any]]] = {
    "latest": ("Latest first", lambda one: -one[1].rated_at),
    "oldest": ("Oldest first", lambda one: one[1].rated_at),
    "best": ("Most stars first", lambda one: -one[1].rating),
    "worst": ("Fewest stars first", lambda one: one[1].rating),
    "title": ("By title", lambda one: words(one[0].title)),
    "year": ("By year", lambda one: one[0].year or 0),
}
Short = Annotated[str, Query(max_length=200)]


@router.get("/ratings")
def show_ratings(
    visit: CurrentVisit,
    part: PageNumber = 1,
    sort: Short = "latest",
    stars: Short = "",
    genre: Short = "",
    title: Short = "",
) -> HTMLResponse:
    """The visitor's own ratings, with forms to change and remove them.

    They can be sorted, and narrowed to a number of stars, a genre, or words of the title.
    """
    asked = {"sort": sort if sort in ORDERS else "latest", "stars": stars, "genre": genre, "title": title}
    rated = _rated(visit)
    found = _narrowed(rated, asked)
    shown = Part(part, N_A_PAGE, len(found))
    fields = {name: value for name, value in asked.items() if value}
    context = {
        "films": [film for film, _ in found[shown.begin : shown.begin + N_A_PAGE]],
        "n_rated": len(rated),
        "part": shown,
        "asked": asked,
        "query": f"{urlencode(fields)}&",
        "orders": {name: words for name, (words, _) in ORDERS.items()},
        "unlisted": _unlisted(visit)[:N_A_PAGE],
        "dismissed": _listed(visit, visit.dismissed),
    }
    return drawn_page(visit, "ratings.html", context)


@router.get("/watchlist")
def show_watchlist(visit: CurrentVisit) -> HTMLResponse:
    """The films that the visitor wants to see, the latest first."""
    return drawn_page(visit, "watchlist.html", {"films": _listed(visit, visit.watchlist)})


@router.post("/forget")
def forget_everything(visit: CurrentVisit) -> RedirectResponse:
    """Erase all that somebody without an account has left here."""
    if visit.account is not None:
        raise HTTPException(403, "Delete the account on its own page, with its password.")
    visit.forget_everything()
    return RedirectResponse("/ratings", status_code=303)


def _rated(visit: Visit) -> list[Rated]:
    """The films that the visitor has rated, and the list of movies still has, the latest first."""
    films = visit.showing.catalogue
    return [(films[item], given) for item, given in visit.ratings.items() if item in films]


def _narrowed(rated: list[Rated], asked: dict[str, str]) -> list[Rated]:
    wanted = words(asked["title"])
    stars = checked_stars(asked["stars"]) if asked["stars"] else None
    found = [
        (film, given)
        for film, given in rated
        if (stars is None or given.rating == stars)
        and (not asked["genre"] or asked["genre"] in film.genres)
        and all(any(word.startswith(part) for word in words(film.title)) for part in wanted)
    ]
    return sorted(found, key=ORDERS[asked["sort"]][1])


def _unlisted(visit: Visit) -> list[Film]:
    """Films that the visitor has rated and the list of movies no longer has. Only their ids are known."""
    catalogue = visit.showing.catalogue
    return [Film(item, item, None, (), 0, -1) for item in visit.ratings if item not in catalogue]


def _listed(visit: Visit, items: list[str]) -> list[Film]:
    """The films of items, without those that the list of movies no longer has."""
    films = (visit.showing.catalogue.get(item) for item in items)
    return [film for film in films if film is not None]
