"""All that a visitor has told the site, as files to download: for a spreadsheet, and for a program."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from matinee.web.visits.dependencies import CurrentVisit
from matinee.web.visits.visit import Visit

router = APIRouter()

# The columns of the CSV, by which an import recognises the file.
COLUMNS = ("matineeId", "title", "year", "rating", "ratedAt")
# Spreadsheets read a text that begins so as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@router.get("/ratings.csv")
def download_csv(visit: CurrentVisit) -> Response:
    """The visitor's ratings as CSV, the latest first."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for one in _ratings(visit):
        title = f"'{one['title']}" if one["title"].startswith(FORMULA) else one["title"]
        writer.writerow([one["item"], title, one["year"] or "", one["rating"], one["rated_at"]])
    return _file(file.getvalue(), "text/csv; charset=utf-8", "matinee-ratings.csv")


@router.get("/ratings.json")
def download_json(visit: CurrentVisit) -> Response:
    """All that the visitor has told the site, as JSON."""
    content = {
        "name": None if visit.account is None else visit.account.name,
        "ratings": _ratings(visit),
        "watchlist": [_film(visit, item) for item in visit.watchlist],
        "not_interested": [_film(visit, item) for item in visit.dismissed],
        "not_seen": [_film(visit, item) for item in visit.unseen],
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return _file(text, "application/json", "matinee.json")


def _ratings(visit: Visit) -> list[dict[str, Any]]:
    return [
        {
            **_film(visit, given.item),
            "rating": given.rating,
            "rated_at": datetime.fromtimestamp(given.rated_at // 1000, UTC).isoformat(),
        }
        for given in visit.ratings.values()
    ]


def _film(visit: Visit, item: str) -> dict[str, Any]:
    film = visit.showing.catalogue.get(item)
    return {
        "item": item,
        "title": item if film is None else film.title,
        "year": None if film is None else film.year,
    }


def _file(text: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=media_type, headers=headers)
