"""Renders pages that show films, with posters, the visitor's stars and the choices of the filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse

from matinee.web.pages.posters import poster_of
from matinee.web.rendering.templating import page
from matinee.web.visits.visit import Visit


def drawn_page(visit: Visit, template: str, context: Mapping[str, Any]) -> HTMLResponse:
    """A page with posters, the visitor's own stars beside each film, and the choices of the filters."""
    catalogue = visit.showing.catalogue
    known = {
        "poster_of": poster_of,
        "own_stars": visit.stars,
        "wanted": frozenset(visit.watchlist),
        "genres": catalogue.genres,
        "years": catalogue.years,
    }
    return page(visit, template, known | dict(context))
