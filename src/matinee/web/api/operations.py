"""Tells operators whether the server is alive and ready, and serves its metrics."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from matinee.web.api.responses import errors
from matinee.web.api.schemas import Status
from matinee.web.metrics import MODEL_FITTED, exposition
from matinee.web.visits.dependencies import ServicesNow

router = APIRouter(tags=["operations"])


@router.get("/health")
async def health() -> Status:
    """Whether the process answers."""
    return Status(status="ok")


@router.get("/ready", responses=errors())
def ready(services: ServicesNow) -> Status:
    """Whether the server can work: 503 while the database cannot be written."""
    if not services.heartbeat.beats():
        raise HTTPException(503, "The database cannot be written.")
    return Status(status="ready")


@router.get("/metrics", include_in_schema=False)
def metrics(services: ServicesNow) -> Response:
    """The metrics of all workers, for Prometheus."""
    MODEL_FITTED.set(services.showing.fitted_at)
    body, media_type = exposition()
    return Response(body, media_type=media_type)
