"""The report page: how many ratings there are, how good the model is, and how old it is."""

from __future__ import annotations

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import HTMLResponse

from matinee.web.cinema.showing import Showing
from matinee.web.languages import day_in_words, digits, gettext, language, short_day
from matinee.web.pages.charts import Chart, bar_chart, star_chart
from matinee.web.pages.report_figures import DayCount, make_report
from matinee.web.rendering.shared_text import SharedText
from matinee.web.rendering.templating import page, part
from matinee.web.rendering.wording import age, counted
from matinee.web.store.visitor_counts import VisitorCounts
from matinee.web.visits.dependencies import CurrentVisit

router = APIRouter()

# Every seventh bar of the chart has its date below it.
LABEL_EVERY = 7


@router.get("/report")
def show_report(visit: CurrentVisit) -> HTMLResponse:
    """The report. Its figures are the same for everybody and name nobody, so they are drawn once for all."""
    showing, counts = visit.showing, visit.services.counts.get()
    kept: SharedText = visit.request.app.state.report
    state = (showing, counts, age(showing.fitted_at))
    figures = kept.get(language(), state, lambda: _figures(showing, counts, visit.services.is_simulated))
    return page(visit, "report.html", {"figures": figures})


def _figures(showing: Showing, counts: VisitorCounts, is_simulated: bool) -> Markup:
    report = make_report(showing, counts)
    context = {
        "report": report,
        "last": report.last_iteration,
        "fitted_at": showing.fitted_at,
        "is_simulated": is_simulated,
        "model_chart": star_chart("model", gettext("Ratings behind the suggestions"), report.distribution),
        "visitor_chart": star_chart(
            "visitors", gettext("Ratings by visitors of this site"), report.visitors_distribution
        ),
        "day_chart": _day_chart(report.days),
    }
    return part("parts/report_figures.html", context)


def _day_chart(days: list[DayCount]) -> Chart:
    last = len(days) - 1
    entries = [
        (
            short_day(one.day) if (last - place) % LABEL_EVERY == 0 else "",
            day_in_words(one.day),
            one.n_ratings,
        )
        for place, one in enumerate(days)
    ]
    total = sum(one.n_ratings for one in days)
    description = gettext("%(ratings)s in the last %(days)s days, %(today)s of them today.") % {
        "ratings": counted(total, "rating"),
        "days": len(days),
        "today": digits(days[-1].n_ratings),
    }
    columns = (gettext("Day"), gettext("Ratings"))
    return bar_chart("days", gettext("Ratings per day"), description, columns, entries)
