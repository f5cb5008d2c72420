"""The report page: how many ratings there are, how good the model is, and how old it is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from matinee.web.pages.charts import Chart, bar_chart, star_chart
from matinee.web.pages.report_figures import DayCount, make_report
from matinee.web.rendering.templating import page
from matinee.web.rendering.wording import counted, day_in_words
from matinee.web.visits.dependencies import CurrentVisit

router = APIRouter()

# Every seventh bar of the chart has its date below it.
LABEL_EVERY = 7


@router.get("/report")
def show_report(visit: CurrentVisit) -> HTMLResponse:
    """The report. It is the same for everybody and names nobody."""
    report = make_report(visit.showing, visit.services.store)
    context = {
        "report": report,
        "last": report.last_iteration,
        "fitted_at": visit.showing.fitted_at,
        "model_chart": star_chart("model", "Ratings behind the suggestions", report.distribution),
        "visitor_chart": star_chart(
            "visitors", "Ratings by visitors of this site", report.visitors_distribution
        ),
        "day_chart": _day_chart(report.days),
    }
    return page(visit, "report.html", context)


def _day_chart(days: list[DayCount]) -> Chart:
    last = len(days) - 1
    entries = [
        (
            f"{one.day.day} {one.day:%b}" if (last - place) % LABEL_EVERY == 0 else "",
            day_in_words(one.day),
            one.n_ratings,
        )
        for place, one in enumerate(days)
    ]
    total = sum(one.n_ratings for one in days)
    description = (
        f"{counted(total, 'rating')} in the last {len(days)} days, {days[-1].n_ratings:,} of them today."
    )
    return bar_chart("days", "Ratings per day", description, ("Day", "Ratings"), entries)
