"""Metrics for Prometheus, summed over the worker processes.

Each of several workers writes its metrics to files in the folder that ``PROMETHEUS_MULTIPROC_DIR`` names. The
variable must be set before this module is imported. The worker that answers ``/metrics`` adds the files up.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# From one millisecond, the time of a recommendation, to ten seconds, when people give up.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

REQUESTS = Counter("matinee_requests_total", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram(
    "matinee_request_seconds", "From a request to the end of its answer.", ("route",), buckets=SECONDS
)
RATINGS = Counter("matinee_ratings_total", "Ratings set and removed.", ("action",))
MODEL_LOADS = Counter(
    "matinee_model_loads_total", "Replaced model files that were loaded or refused.", ("outcome",)
)
MODEL_FITTED = Gauge(
    "matinee_model_fitted_timestamp_seconds",
    "When the served model was written.",
    multiprocess_mode="mostrecent",
)


def exposition() -> tuple[bytes, str]:
    """The metrics of all workers in Prometheus' text format, and its media type."""
    registry = REGISTRY
    if FOLDER_VARIABLE in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def start_afresh(folder: Path) -> None:
    """Empty a folder, and let the workers that this process starts keep their metrics in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)
    os.environ[FOLDER_VARIABLE] = str(folder)
