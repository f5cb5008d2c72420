"""The API against its own OpenAPI document: whatever is sent, it answers as it says, and never fails."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from matinee.web.store.operator_tokens import Right
from tests.web.site import Site

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def exercise(site: Site, n_examples: int, headers: dict[str, str]) -> int:
    """Send every operation of the document what it may and what it may not be sent; how many there are."""
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", site.app)
    film = next(iter(site.app.state.services.showing.catalogue))
    results = list(document.get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results)
    for operation in operations:
        cases = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @given(case=cases)
        @settings(
            max_examples=n_examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answers_as_documented(case: Any) -> None:
            case.validate_response(case.call(headers=headers), checks=CHECKS)
            if "item" in (case.path_parameters or {}):
                # Hardly ever is a film's id hit upon by chance.
                case.path_parameters["item"] = film
                case.validate_response(case.call(headers=headers), checks=CHECKS)

        answers_as_documented()
    return len(operations)


@pytest.fixture
def bearer(quick_site: Site) -> dict[str, str]:
    browser = quick_site.browser()
    browser.register("Ada")
    browser.log_in("Ada")
    token = browser.call("POST", "/me/tokens", json={"name": "script"}).json()["token"]
    return {"Authorization": f"Bearer {token}"}


def test_a_program_is_answered_as_the_document_says(quick_site: Site, bearer: dict[str, str]) -> None:
    assert exercise(quick_site, 10, bearer) >= 20


def test_a_stranger_is_answered_as_the_document_says(quick_site: Site) -> None:
    assert exercise(quick_site, 3, {}) >= 20


def test_with_a_recommender_a_stranger_is_answered_as_the_document_says(blended_site: Site) -> None:
    assert exercise(blended_site, 3, {}) >= 20


def test_an_operators_program_is_answered_as_the_document_says(blended_site: Site) -> None:
    assert exercise(blended_site, 3, blended_site.operator(*Right)) >= 20


def test_every_error_of_the_document_is_problem_details(quick_site: Site) -> None:
    document = quick_site.client().get("/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"], (path, method, status)
