"""The page of a film."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.cinema.films import Film, model_id
from matinee.web.cinema.reasons import Reason, reasons_for
from matinee.web.cinema.recommending import fold_in, is_sure, predict, similar
from matinee.web.languages import gettext
from matinee.web.pages.charts import star_chart
from matinee.web.pages.drawing import drawn_page
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

N_SIMILAR, N_ALIKE, N_REASONS = 6, 48, 3


# An id may contain a slash, so this route must come before the one for a film alone.
@router.get("/films/{item:path}/like")
def show_films_like(visit: CurrentVisit, item: str) -> HTMLResponse:
    """Films like one that the visitor has watched, without those they know or are not interested in."""
    film = visit.film(item)
    left_out = {film.item, *visit.ratings, *visit.dismissed}
    found = similar(visit.showing, film, N_ALIKE + len(left_out))
    alike = [each for each, _ in found if each.item not in left_out][:N_ALIKE]
    return drawn_page(visit, "like.html", {"film": film, "alike": alike})


@router.get("/films/{item:path}")
def show_film(visit: CurrentVisit, item: str) -> HTMLResponse:
    """A film: the visitor's stars, their expected rating, how others rated it, and similar films."""
    film = visit.film(item)
    # Their own rating of the film must not influence the guess.
    others = {rated: stars for rated, stars in visit.stars.items() if rated != film.item}
    prediction = predict(visit.showing, others, film)
    is_shown = prediction is not None and is_sure(visit.showing.model, prediction)
    distribution = visit.showing.statistics.of(film.position)
    context = {
        "film": film,
        "prediction": prediction if is_shown else None,
        "is_unsure": prediction is not None and not is_shown,
        "reasons": _reasons(visit, others, film) if film.is_known else [],
        "distribution": distribution,
        "chart": star_chart("stars", gettext("How %(film)s was rated") % {"film": film}, distribution),
        "similar": [alike for alike, _ in similar(visit.showing, film, N_SIMILAR)],
        "is_dismissed": film.item in visit.dismissed,
    }
    return drawn_page(visit, "film.html", context)


def _reasons(visit: Visit, ratings: dict[str, float], film: Film) -> list[Reason]:
    person = fold_in(visit.showing, ratings)
    if person is None:
        return []
    return reasons_for(visit.showing, person, [model_id(visit.showing.model, film)], N_REASONS)[0]
