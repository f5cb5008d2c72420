"""How the server logs: a line of text or of JSON for each event, with the id of the request it belongs to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# The id of the request that this task or thread works on.
request_id: ContextVar[str] = ContextVar("request_id", default="")
# The attribute of a record that has further fields of a line of JSON. Their values are in the message too.
FIELDS = "matinee_fields"


class TextLines(logging.Formatter):
    """A line such as ``2026-11-26T13:50:57.123Z INFO 3f2a4c message``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and the traceback of an error below it."""
        kept = super().format(record)
        return f"{_time(record)} {record.levelname} {request_id.get() or '-'} {kept}"


class JsonLines(logging.Formatter):
    """One JSON object a line, also for an error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "request_id": request_id.get() or None,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configuration(form: str) -> dict[str, Any]:
    """The configuration of `logging` for lines of "text" or "json", which also worker processes take."""
    kind = JsonLines if form == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"{kind.__module__}.{kind.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "matinee": {"level": "INFO"},
            "uvicorn": {"level": "INFO"},
            # A database that goes away breaks every connection, and the pool would report each.
            "sqlalchemy.pool": {"level": "CRITICAL"},
        },
    }


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
