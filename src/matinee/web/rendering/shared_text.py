"""Text that is the same for everybody, made once and kept until what it tells of has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class SharedText:
    """Texts by name. Only one thread makes a text at a time, and whoever asks for it meanwhile waits."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._kept: dict[str, tuple[object, str]] = {}

    def get(self, name: str, state: object, make: Callable[[], str]) -> str:
        """The text of a name, made again if the state is not equal to the one that it was made in."""
        kept = self._kept.get(name)
        if kept is not None and kept[0] == state:
            return kept[1]
        with self._making:
            kept = self._kept.get(name)
            if kept is None or kept[0] != state:
                kept = self._kept[name] = state, make()
            return kept[1]
