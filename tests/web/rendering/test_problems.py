"""Errors: problem details for programs, pages for people, and no particulars for either."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from tests.web.site import Site


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/movies/nothing", 404),
        ("PATCH", "/api/v1/movies", 405),
        ("GET", "/api/v1/movies?limit=0", 422),
        ("POST", "/api/v1/recommendations", 422),
    ],
)
def test_errors_of_the_api_are_problem_details(quick_site: Site, method: str, path: str, status: int) -> None:
    answer = quick_site.client().request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"] and document["detail"]


def test_a_defect_is_told_without_its_particulars(quick_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the particulars")

    monkeypatch.setattr("matinee.web.api.recommendations.recommend", fail)
    client = quick_site.client(raise_server_exceptions=False)
    answer = client.post("/api/v1/recommendations", json={"ratings": []})
    assert answer.status_code == 500
    assert answer.json()["status"] == 500
    assert "particulars" not in answer.text


def test_without_the_database_people_get_a_page_and_programs_a_problem(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch, items: dict[str, str]
) -> None:
    browser = quick_site.logged_in()

    def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("sqlalchemy.orm.Session.execute", fail)
    monkeypatch.setattr("sqlalchemy.orm.Session.scalar", fail)
    client = TestClient(quick_site.app, cookies=browser.client.cookies, raise_server_exceptions=False)
    assert client.get("/ratings").status_code == 503
    # Who it was cannot be looked up, and what they asked for is no less unknown for that.
    assert client.get("/nothing").status_code == 404
    ready = client.get("/ready")
    assert (ready.status_code, ready.headers["content-type"]) == (503, "application/problem+json")
    body = {"ratings": [{"item": items["Alien"], "rating": 5}], "n": 3}
    assert client.post("/api/v1/recommendations", json=body).status_code == 200
