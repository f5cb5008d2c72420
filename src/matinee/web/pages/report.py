"""The report: how much there is, how it was rated, how well the model does, and how old it is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.dependencies import CurrentVisit
from matinee.web.pages.charts import Chart, bar_chart, star_chart
from matinee.web.reporting import VisitorFigures, model_figures, visitor_figures
from matinee.web.templating import page
from matinee.web.wording import counted, day

router = APIRouter()

# Every so many days of the chart have their date below them.
LABEL_EVERY = 7


@router.get("/report")
def show_report(visit: CurrentVisit) -> HTMLResponse:
    """The report, which is the same for everybody and names nobody."""
    with visit.services.store.reading() as session:
        visitors = visitor_figures(session)
    model = model_figures(visit.showing)
    context = {
        "visitors": visitors,
        "model": model,
        "model_chart": star_chart("model", "Ratings that the model learned from", model.distribution),
        "visitor_chart": star_chart("visitors", "Ratings by visitors of this site", visitors.distribution),
        "day_chart": _day_chart(visitors),
    }
    return page(visit, "report.html", context)


def _day_chart(visitors: VisitorFigures) -> Chart:
    days = visitors.by_day
    last = len(days) - 1
    entries = [
        (_short(begin) if (last - place) % LABEL_EVERY == 0 else "", day(begin), count)
        for place, (begin, count) in enumerate(days)
    ]
    total = sum(count for _, count in days)
    description = f"{counted(total, 'rating')} in the last {len(days)} days, {days[-1][1]:,} of them today."
    return bar_chart("days", "Ratings a day", description, ("Day", "Ratings"), entries)


def _short(begin: int) -> str:
    """``"5 Mar"``."""
    number, month, _ = day(begin).split(" ")
    return f"{number} {month[:3]}"
