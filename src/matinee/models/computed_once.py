"""What a fitted model makes of its factors when it is first asked, and keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Derived:
    """Values by name, each made when it is first asked for; a copy of a model makes its own."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The value of that name."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def __reduce__(self) -> tuple[type[Derived], tuple[()]]:
        return Derived, ()
