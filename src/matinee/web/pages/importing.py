"""Imports what a visitor rated on another site: shows first what was found, and stores it if they agree."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse

from matinee.errors import DataError
from matinee.web.cinema.films import Film
from matinee.web.cinema.importing import Imported, read_import
from matinee.web.rendering.templating import page
from matinee.web.store.ratings_log import checked_stars
from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter(prefix="/ratings/import")

SITES = {
    "letterboxd": "Letterboxd",
    "imdb": "IMDb",
    "movielens": "MovieLens",
    "goodreads": "Goodreads",
    "matinee": "Matinee",
}


@router.get("")
def show_import(visit: CurrentVisit) -> HTMLResponse:
    """The form that takes an export."""
    return page(visit, "import.html", {"found": None, "error": None})


@router.post("")
def preview_import(visit: CurrentVisit, export: UploadFile) -> HTMLResponse:
    """What was found in an export. Nothing is stored yet."""
    try:
        found = _read(visit, export)
    except DataError as error:
        return page(visit, "import.html", {"found": None, "error": str(error)}, status_code=422)
    context = {
        "found": found,
        "error": None,
        "site": SITES[found.site],
        "n_known": sum(film.item in visit.ratings for film, _ in found.stars),
        "ratings": json.dumps({film.item: stars for film, stars in found.stars}),
    }
    return page(visit, "import.html", context)


@router.post("/confirm")
def store_import(
    visit: CurrentVisit,
    ratings: Annotated[str, Form(max_length=1_000_000)],
    replace: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Store what was shown. Stars given here stay, unless they are to be replaced."""
    asked = _asked(visit, ratings)
    wanted = [(film, stars) for film, stars in asked if replace or film.item not in visit.ratings]
    visit.rate_many(wanted)
    return RedirectResponse(f"/ratings?imported={len(wanted)}", status_code=303)


def _read(visit: Visit, export: UploadFile) -> Imported:
    """The content of an uploaded file. The name that the browser gave it is not used."""
    handle, name = tempfile.mkstemp(prefix="matinee-import-")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(export.file.read())
        return read_import(visit.showing, path, visit.services.links)
    except DataError as error:
        # The visitor knows no path on this server.
        raise DataError(str(error).replace(str(path), "the file").replace(path.name, "the file")) from None
    finally:
        path.unlink()


def _asked(visit: Visit, text: str) -> list[tuple[Film, float]]:
    """The ratings that the preview's form sends back: those that still are of listed films."""
    try:
        ratings = json.loads(text)
    except ValueError:
        ratings = None
    if not isinstance(ratings, dict):
        raise DataError("the form is damaged; choose the file again")
    catalogue = visit.showing.catalogue
    return [(catalogue[item], checked_stars(stars)) for item, stars in ratings.items() if item in catalogue]
