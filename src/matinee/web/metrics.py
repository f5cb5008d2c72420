"""Figures for Prometheus, summed over the worker processes.

With several workers each keeps its figures in files of a folder that ``PROMETHEUS_MULTIPROC_DIR`` names,
which has to be set before this module is imported, and whoever is asked sums them up.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# From one millisecond, what a recommendation takes, to what people give up after.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

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
