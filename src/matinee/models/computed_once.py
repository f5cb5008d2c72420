"""What a fitted model computes when it is first asked for it, and keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class ComputedOnce:
    """Values by name, each computed when it is first asked for; a copy of a model computes its own."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value of that name."""
        if name not in self._values:
            self._values[name] = compute()
        return self._values[name]

    def __reduce__(self) -> tuple[type[ComputedOnce], tuple[()]]:
        return ComputedOnce, ()
