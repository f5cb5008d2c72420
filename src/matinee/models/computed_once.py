"""A cache for what a fitted model computes on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class ComputedOnce:
    """Values by name, each computed on first use and kept; a pickle or deep copy starts empty."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value with this name, computed if it is not there yet."""
        if name not in self._values:
            self._values[name] = compute()
        return self._values[name]

    def __reduce__(self) -> tuple[type[ComputedOnce], tuple[()]]:
        return ComputedOnce, ()
