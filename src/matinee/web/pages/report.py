"""The report page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.dependencies import CurrentVisit
from matinee.web.report import make_report
from matinee.web.templating import page

router = APIRouter()


@router.get("/report")
def show_report(visit: CurrentVisit) -> HTMLResponse:
    """How much is rated, how, and how good the model is."""
    return page(visit, "report.html", {"report": make_report(visit.showing, visit.services.store)})
