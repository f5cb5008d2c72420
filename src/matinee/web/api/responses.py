"""The error responses in the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from matinee.web.api.schemas import Problem
from matinee.web.rendering.problems import MEDIA_TYPE


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """A route's error responses, in the form of its ``responses`` parameter."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({*statuses, 400, 413, 422, 429, 503})
    }
