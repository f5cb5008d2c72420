"""Tells operators whether the server is alive and ready, and serves its metrics."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import literal, select
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
    """Whether the server can work: 503 if the database does not answer."""
    with services.store.reading() as session:
        session.scalar(select(literal(1)))
    return Status(status="ready")


@router.get("/metrics", include_in_schema=False)
def metrics(services: ServicesNow) -> Response:
    """The metrics of all workers, for Prometheus."""
    MODEL_FITTED.set(services.showing.fitted_at)
    body, media_type = exposition()
    return Response(body, media_type=media_type)
