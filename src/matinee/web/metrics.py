"""Figures for Prometheus, summed over the worker processes.

With several workers each keeps its figures in files of a folder that ``PROMETHEUS_MULTIPROC_DIR`` names,
which has to be set before this module is imported, and whoever is asked sums them up.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# From one millisecond, what a recommendation takes, to what people give up after.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))

REQUESTS = Counter("matinee_requests_total", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram(
    "matinee_request_seconds", "From a request to the end of its answer.", ("route",), buckets=SECONDS
)
RATINGS = Counter("matinee_ratings_total", "Ratings set and taken back.", ("action",))
MODEL_LOADS = Counter("matinee_model_loads_total", "Replaced model files taken up, or not.", ("outcome",))
MODEL_FITTED = Gauge(
    "matinee_model_fitted_timestamp_seconds",
    "When the model that is served was written.",
    multiprocess_mode="mostrecent",
)


class Metrics:
    """Counts and times every request, by the route that answered it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            # What no route answered may be any text, and is one line here.
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()
            REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)


def exposition() -> tuple[bytes, str]:
    """The figures of all workers in Prometheus' text format, and its media type."""
    registry = REGISTRY
    if FOLDER_VARIABLE in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def start_afresh(folder: Path) -> None:
    """Make an empty folder the one that workers keep their figures in, for this process's children."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)
    os.environ[FOLDER_VARIABLE] = str(folder)
