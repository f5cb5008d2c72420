"""Imports what a visitor rated on another site: shows first what was found, and stores it if they agree."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse

from matinee.errors import DataError
from matinee.web.cinema.importing import Imported, ImportedRating, read_import
from matinee.web.rendering.templating import page
from matinee.web.store.ratings_log import checked_stars
from matinee.web.store.tables import now
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
        "n_known": sum(one.film.item in visit.ratings for one in found.rated),
        "ratings": json.dumps({film.item: [stars, rated_at] for film, stars, rated_at in found.rated}),
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
    wanted = [one for one in asked if replace or one.film.item not in visit.ratings]
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


def _asked(visit: Visit, text: str) -> list[ImportedRating]:
    """The ratings that the preview's form sends back: those that still are of listed films."""
    try:
        ratings = json.loads(text)
        sent = [(item, stars, rated_at) for item, (stars, rated_at) in ratings.items()]
    except (ValueError, TypeError, AttributeError):
        raise DataError("the form is damaged; choose the file again") from None
    catalogue = visit.showing.catalogue
    return [
        ImportedRating(catalogue[item], checked_stars(stars), _checked_time(rated_at))
        for item, stars, rated_at in sent
        if item in catalogue
    ]


def _checked_time(rated_at: Any) -> int | None:
    if rated_at is None or (type(rated_at) is int and 0 <= rated_at <= now()):
        return rated_at
    raise DataError("the form is damaged; choose the file again")
