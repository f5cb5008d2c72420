"""A film: how it was rated, what is like it, and what this visitor is expected to give it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.cinema.recommending import predict, similar
from matinee.web.dependencies import CurrentVisit
from matinee.web.templating import page

router = APIRouter()


@router.get("/films/{item:path}")
def show_film(visit: CurrentVisit, item: str) -> HTMLResponse:
    """The page of a film."""
    film = visit.film(item)
    context = {
        "film": film,
        "given": visit.ratings.get(film.item),
        "distribution": visit.showing.statistics.of(film.position),
        "similar": similar(visit.showing, film, 8),
        "prediction": predict(visit.showing, visit.stars, film),
    }
    return page(visit, "film.html", context)


@router.get("/ratings")
def show_ratings(visit: CurrentVisit) -> HTMLResponse:
    """All that this visitor has rated, and what they are not interested in."""
    catalogue = visit.showing.catalogue
    rated = [(catalogue[item], given) for item, given in visit.ratings.items() if item in catalogue]
    dismissed = [catalogue[item] for item in visit.dismissed if item in catalogue]
    return page(visit, "ratings.html", {"rated": rated, "dismissed": dismissed})
