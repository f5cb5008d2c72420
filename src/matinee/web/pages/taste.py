"""The page of what the model believes a visitor likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.cinema.taste import Leaning, decade_of, factor_ends, genres_of, leanings
from matinee.web.languages import gettext, signed
from matinee.web.pages.drawing import drawn_page
from matinee.web.rendering.wording import counted
from matinee.web.visits.dependencies import CurrentVisit

router = APIRouter()

# With fewer ratings, every genre would be the taste of a film.
FEWEST_RATINGS = 5
ROW, NAME, HALF = 26, 110, 125


@dataclass(frozen=True)
class LeaningBar:
    """A bar of the chart: to the right for what is liked more than by others, to the left for less."""

    leaning: Leaning
    x: float
    y: float
    width: float
    text: str


@router.get("/taste")
def show_taste(visit: CurrentVisit) -> HTMLResponse:
    """Genres and decades against the average, and where the visitor is among all viewers."""
    stars, showing = visit.stars, visit.showing
    is_enough = len(stars) >= FEWEST_RATINGS
    genres = leanings(showing, stars, genres_of) if is_enough else []
    decades = sorted(leanings(showing, stars, decade_of), key=lambda one: one.name) if is_enough else []
    context = {
        "fewest": FEWEST_RATINGS,
        "is_enough": is_enough,
        "genre_bars": leaning_bars(genres),
        "decade_bars": leaning_bars(decades),
        "factors": factor_ends(showing, stars) if is_enough else [],
        "measures": {"row": ROW, "name": NAME, "half": HALF},
    }
    return drawn_page(visit, "taste.html", context)


def leaning_bars(listed: Sequence[Leaning]) -> list[LeaningBar]:
    """The bars of some leanings, so long that the longest fills its half."""
    most = max((abs(one.difference) for one in listed), default=1.0) or 1.0
    bars = []
    for place, one in enumerate(listed):
        width = HALF * abs(one.difference) / most
        x = NAME + HALF - (width if one.difference < 0 else 0)
        text = gettext("%(difference)s stars; rated: %(films)s") % {
            "difference": signed(one.difference),
            "films": counted(one.n_films, "film"),
        }
        bars.append(LeaningBar(one, round(x, 1), ROW * place, round(max(width, 1), 1), text))
    return bars
