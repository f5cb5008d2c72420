"""Answers errors: programs get RFC 9457 problem details, people get a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount

from matinee.errors import DataError, UnknownItemError, UnknownUserError
from matinee.web.rendering.templating import bare_page, page
from matinee.web.security.headers import HEADERS
from matinee.web.visits.visit import Visit

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Paths that begin so are for programs; all others are for people.
FOR_PROGRAMS = ("/api/", "/health", "/ready", "/metrics")


class ProblemResponse(JSONResponse):
    """Problem details."""

    media_type = MEDIA_TYPE


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The problem details of a status. The type is ``about:blank``, so the title is the status's phrase."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        content["errors"] = errors
    return ProblemResponse(content, status, headers=dict(headers or {}))


def install(app: FastAPI) -> None:
    """Make the application answer every error through this module."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(DataError, _of_data)
    app.add_exception_handler(UnknownItemError, _of_unknown)
    app.add_exception_handler(UnknownUserError, _of_unknown)
    app.add_exception_handler(OperationalError, _of_database)
    app.add_exception_handler(TimeoutError, _of_database)
    app.add_exception_handler(Exception, _of_defect)


def is_for_program(path: str) -> bool:
    """Whether a path is for programs."""
    return path.startswith(FOR_PROGRAMS)


def refusal(path: str, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """An error answered without knowing the visitor: before the cookie is read, or without the database."""
    if is_for_program(path):
        return problem(status, detail, headers=headers)
    context = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    answer = bare_page("error.html", context, status_code=status)
    answer.headers.update(headers or {})
    return answer


def _answer(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if is_for_program(request.url.path):
        return problem(status, detail, errors=errors, headers=headers)
    visit = Visit(request, request.app.state.services)
    context = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    try:
        answer = page(visit, "error.html", context, status_code=status)
    except (OperationalError, TimeoutError):  # the database cannot say who the visitor is
        return refusal(request.url.path, status, detail, headers=headers)
    answer.headers.update(headers or {})
    return answer


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code in (404, 405) and detail == HTTPStatus(error.status_code).phrase:
        detail = f"This server does not answer {request.method} {request.url.path[:200]}."
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return _answer(request, error.status_code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """The methods of all routes of a path. Starlette itself names those of the first route only."""
    # Static files have changed the root path to their own.
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", "")}
    methods = {
        method
        for method in METHODS
        for route in request.app.routes
        # The static files match any method, and take only GET.
        if method == "GET" or not isinstance(route, Mount)
        if route.matches({**scope, "method": method})[0] == Match.FULL
    }
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]), "detail": one["msg"]} for one in error.errors()
    ]
    detail = "; ".join(f"{one['where']}: {one['detail']}" for one in errors[:5])
    return _answer(request, 422, detail, errors=errors)


def _of_data(request: Request, error: Exception) -> Response:
    return _answer(request, 422, str(error))


def _of_unknown(request: Request, error: Exception) -> Response:
    return _answer(request, 404, str(error))


def _of_database(request: Request, error: Exception) -> Response:
    """The database is away, or busy for too long: nothing was changed, and a second try may succeed."""
    request.app.state.services.outage.note(error)
    detail = "The database does not answer, so nothing was changed. Try again in a moment."
    return refusal(request.url.path, 503, detail, headers={"Retry-After": "5"})


def _of_defect(request: Request, error: Exception) -> Response:
    """The server logs the defect; the visitor learns only that the fault is not theirs."""
    # This answer bypasses the middleware that adds the headers.
    detail = "The server failed because of a fault of its own, which it has noted in its log."
    own = getattr(request.state, "request_id", "")
    return refusal(request.url.path, 500, detail, headers={**HEADERS, "X-Request-ID": own})
