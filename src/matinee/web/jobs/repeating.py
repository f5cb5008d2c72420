"""Does something again and again, for those who look after a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from matinee.errors import MatineeError


def repeat(
    once: Callable[[], None],
    pause: float,
    say: Callable[[MatineeError], None],
    stopped: threading.Event | None = None,
) -> None:
    """Do something until stopped. What goes wrong may go right the next time, so it is only said.

    Parameters
    ----------
    once : callable
    pause : float
        The seconds from one beginning to the next.
    say : callable
        Called with the error.
    stopped : Event, optional
        Ends the repetition once what is under way is done.
    """
    stopped = stopped or threading.Event()
    while True:
        began = time.monotonic()
        try:
            once()
        except MatineeError as error:
            say(error)
        if stopped.wait(max(0.0, began + pause - time.monotonic())):
            return
