"""What visitors do, as a stream for the operator's programs."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from matinee.web.api.authentication import needs
from matinee.web.api.responses import errors
from matinee.web.store.events import events_after
from matinee.web.store.operator_tokens import Right
from matinee.web.visits.dependencies import ServicesNow

router = APIRouter(tags=["events"], dependencies=[needs(Right.EVENTS)])

LINES = "application/x-ndjson"
MOST = 10_000


@router.get(
    "/events",
    response_class=Response,
    responses=errors(401, 403)
    | {200: {"description": "JSON lines.", "content": {LINES: {"schema": {"type": "string"}}}}},
)
def list_events(
    services: ServicesNow,
    after: Annotated[
        int, Query(ge=0, lt=2**63, description="The cursor of the last event that is known; 0 for none.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST, description="The most events to return.")] = 1_000,
) -> Response:
    """The events after a cursor as JSON lines, the oldest first; nothing if there are none yet."""
    lines = (json.dumps(event.to_dict()) + "\n" for event in events_after(services.store, after, limit))
    return Response("".join(lines), media_type=LINES)
