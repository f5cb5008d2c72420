"""The page of all films that a visitor has rated or is not interested in."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.cinema.films import Film
from matinee.web.pages.asking import PageNumber, Part
from matinee.web.pages.drawing import drawn_page
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

N_A_PAGE = 48


@router.get("/ratings")
def show_ratings(visit: CurrentVisit, part: PageNumber = 1) -> HTMLResponse:
    """The visitor's own ratings, the latest first, with forms to change and remove them."""
    rated = _listed(visit, list(visit.ratings))
    shown = Part(part, N_A_PAGE, len(rated))
    context = {
        "films": rated[shown.begin : shown.begin + N_A_PAGE],
        "part": shown,
        "unlisted": _unlisted(visit)[:N_A_PAGE],
        "dismissed": _listed(visit, visit.dismissed),
    }
    return drawn_page(visit, "ratings.html", context)


def _unlisted(visit: Visit) -> list[Film]:
    """Films that the visitor has rated and the list of movies no longer has. Only their ids are known."""
    catalogue = visit.showing.catalogue
    return [Film(item, item, None, (), 0, -1) for item in visit.ratings if item not in catalogue]


def _listed(visit: Visit, items: list[str]) -> list[Film]:
    """The films of items, without those that the list of movies no longer has."""
    films = (visit.showing.catalogue.get(item) for item in items)
    return [film for film in films if film is not None]
