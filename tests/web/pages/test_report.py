"""The report page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from markupsafe import Markup

from matinee.web import languages
from matinee.web.rendering import templating
from tests.web.server_process import HANG_SECONDS
from tests.web.site import Site


def test_the_report_is_drawn_once_for_all_and_again_when_something_has_changed(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(template: str, context: Mapping[str, Any]) -> Markup:
        drawn.append(languages.language())
        return templating.part(template, context)

    monkeypatch.setattr("matinee.web.pages.report.part", draw)
    # However slow the machine is, the counts are those of the moment.
    monkeypatch.setattr("matinee.web.store.visitor_counts.QUICK_SECONDS", HANG_SECONDS)
    ada, bob = quick_site.browser(), quick_site.browser()
    before = [browser.get("/report").text for browser in (ada, bob, ada)]
    assert drawn == ["en"]
    figures = [html.split('<div class="report">')[1].split("</main>")[0] for html in before]
    assert len(set(figures)) == 1
    # What is about a visitor is still their own.
    assert len(set(before)) == 3
    ada.post(f"/films/{items['Alien']}/rating", rating="5")
    assert "1 rating, 5.0 stars on average" in bob.get("/report").text
    ada.post("/language", language="de")
    assert "1 Bewertung, im Mittel 5,0 Sterne" in ada.get("/report").text
    assert "1 rating, 5.0 stars on average" in bob.get("/report").text
    assert drawn == ["en", "en", "de"]
