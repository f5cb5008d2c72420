"""One line a request, and no more while the database is away."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from matinee.web.logs import configuration
from tests.web.site import Site


class Log:
    """What the server logs in one of the formats."""

    def __init__(self) -> None:
        self.stream = StringIO()

    def use(self, form: str) -> None:
        chosen = configuration(form)
        chosen["handlers"]["stderr"]["stream"] = self.stream
        dictConfig(chosen)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    loggers = [logging.getLogger(name) for name in ("", "matinee", "uvicorn", "sqlalchemy.pool")]
    usual = [(each, each.level, each.handlers[:]) for each in loggers]
    yield Log()
    for each, level, handlers in usual:
        each.setLevel(level)
        each.handlers[:] = handlers


def test_a_request_is_a_line_of_json_with_the_id_of_the_proxy(quick_site: Site, log: Log) -> None:
    log.use("json")
    answer = quick_site.client().get("/search?q=secret", headers={"X-Request-ID": "proxy-17"})
    (line,) = map(json.loads, log.lines)
    assert answer.headers["x-request-id"] == line["request_id"] == "proxy-17"
    assert (line["level"], line["method"], line["path"], line["status"]) == ("INFO", "GET", "/search", 200)
    assert line["client"] == "192.0.2.1" and line["milliseconds"] > 0 and line["time"].endswith("Z")


@pytest.mark.parametrize("given", ["", "two words", "line\\nbreak", "é", "x" * 129, "<script>"])
def test_an_id_that_could_be_mistaken_in_a_log_is_replaced(quick_site: Site, log: Log, given: str) -> None:
    log.use("text")
    answer = quick_site.client().get("/health", headers={"X-Request-ID": given.encode()})
    own = answer.headers["x-request-id"]
    assert own != given and own.isalnum()
    (line,) = log.lines
    assert f" INFO {own} GET /health 200 " in line


def test_no_path_can_make_a_second_line(quick_site: Site, log: Log) -> None:
    for form in ("text", "json"):
        log.use(form)
        quick_site.client().get("/films/1%0A2026-01-01T00:00:00Z%20ERROR%1b[2J")
    assert len(log.lines) == 2
    assert "\x1b" not in log.stream.getvalue()


def test_a_defect_is_logged_with_the_id_of_its_request(
    quick_site: Site, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the particulars")

    monkeypatch.setattr("matinee.web.api.recommendations.recommend", fail)
    log.use("json")
    client = quick_site.client(raise_server_exceptions=False)
    headers = {"X-Request-ID": "proxy-18"}
    answer = client.post("/api/v1/recommendations", json={"ratings": []}, headers=headers)
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "proxy-18")
    (line,) = map(json.loads, log.lines)
    assert (line["status"], line["request_id"]) == (500, "proxy-18")


def test_while_the_database_is_away_the_log_says_so_once(
    quick_site: Site, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed\nthe connection"))

    browser = quick_site.browser()
    monkeypatch.setattr(quick_site.store, "reading", fail)
    log.use("text")
    headers = {"Authorization": "Bearer any"}
    answers = [browser.client.get("/api/v1/me/ratings", headers=headers) for _ in range(50)]
    assert {answer.status_code for answer in answers} == {503}
    (said,) = [line for line in log.lines if " ERROR " in line]
    assert "the database did not answer: " in said and "server closed the connection" in said
    assert len(log.lines) == 51
