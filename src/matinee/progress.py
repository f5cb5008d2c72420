"""A bar that shows how far long work has come: on a terminal, or in a notebook."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

# For shorter work a bar would only flicker.
SECONDS_BEFORE_A_BAR = 1.0
# A notebook keeps up with so many changes, and more could not be read.
SECONDS_BETWEEN_CHANGES = 0.1
# Of the bar in a notebook.
STYLE = "width: 16em; vertical-align: middle"


class Bar:
    """What work reports to. This one shows nothing."""

    def update(self, done: int, *, total: int | None = None, note: str = "") -> None:
        """Say how much is done, of how much if that was not known before, and what else is worth showing."""


@contextmanager
def progress_bar(
    label: str, total: int | None, *, shown: bool, in_bytes: bool = False, at_once: bool = False
) -> Iterator[Bar]:
    """A bar to report to while the block runs.

    It appears once the work has taken over a second: on standard error if that is a terminal, or below the
    cell of a notebook. There it needs no extension, and stays as one line that says how it ended.

    Parameters
    ----------
    label : str
        What the work is.
    total : int or None
        How much there is to do; None if that is not known yet.
    shown : bool
        False for a bar that shows nothing.
    in_bytes : bool
        Whether the amounts are bytes of a download. Its bar stays on a terminal.
    at_once : bool
        Show the bar on a terminal from the beginning.
    """
    bar: _ShownBar
    if not shown:
        yield Bar()
        return
    if _is_notebook():
        bar = _NotebookBar(label, total, in_bytes)
    elif sys.stderr is not None and sys.stderr.isatty():
        bar = _TerminalBar(label, total, in_bytes)
        if at_once:
            bar.show()
    else:
        yield Bar()
        return
    # Not the reports show it, as the first may be long in coming.
    timer = threading.Timer(SECONDS_BEFORE_A_BAR, bar.show)
    timer.daemon = True
    timer.start()
    is_whole = False
    try:
        yield bar
        is_whole = True
    finally:
        timer.cancel()
        bar.close(is_whole=is_whole)


def _is_notebook() -> bool:
    """Whether this runs in a kernel of Jupyter, or of what speaks to such a kernel."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class _ShownBar(Bar):
    """A bar that is shown from when `show` is called, by any thread, until it is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_shown = self._is_closed = False

    def show(self) -> None:
        with self._lock:
            if not self._is_shown and not self._is_closed:
                self._is_shown = True
                self._appear()

    def close(self, *, is_whole: bool) -> None:
        with self._lock:
            self._is_closed = True
            if self._is_shown:
                self._end(is_whole)

    def _appear(self) -> None:
        raise NotImplementedError

    def _end(self, is_whole: bool) -> None:
        raise NotImplementedError


class _TerminalBar(_ShownBar):
    def __init__(self, label: str, total: int | None, in_bytes: bool) -> None:
        super().__init__()
        from rich import progress as bars  # here, since most programs show no bar
        from rich.console import Console

        columns: tuple[Any, ...] = (bars.TextColumn("{task.description}"), bars.BarColumn())
        if in_bytes:
            columns += (bars.DownloadColumn(), bars.TransferSpeedColumn(), bars.TimeRemainingColumn())
        else:
            columns += (
                bars.MofNCompleteColumn(),
                bars.TimeRemainingColumn(),
                bars.TextColumn("{task.fields[note]}"),
            )
        self._bar = bars.Progress(*columns, console=Console(stderr=True), transient=not in_bytes)
        self._task = self._bar.add_task(label, total=total, note="")

    def update(self, done: int, *, total: int | None = None, note: str = "") -> None:
        self._bar.update(self._task, completed=done, total=total, note=note)

    def _appear(self) -> None:
        self._bar.start()

    def _end(self, is_whole: bool) -> None:
        self._bar.stop()


class _NotebookBar(_ShownBar):
    """One output of a cell, whose content changes, so that a saved notebook has the last state alone."""

    def __init__(self, label: str, total: int | None, in_bytes: bool) -> None:
        super().__init__()
        self._label, self._total, self._in_bytes = label, total, in_bytes
        self._done, self._note, self._is_whole = 0, "", False
        self._began = self._changed = time.monotonic()
        self._handle: Any = None

    def update(self, done: int, *, total: int | None = None, note: str = "") -> None:
        with self._lock:
            self._done, self._note = done, note
            self._total = self._total if total is None else total
            if self._is_shown and time.monotonic() - self._changed >= SECONDS_BETWEEN_CHANGES:
                self._changed = time.monotonic()
                self._handle.update(self._shown(self._time_left()), raw=True)

    def _appear(self) -> None:
        display: Any = import_module("IPython.display")
        self._handle = display.display(self._shown(self._time_left()), raw=True, display_id=True)

    def _end(self, is_whole: bool) -> None:
        self._is_whole = is_whole
        seconds = _seconds(time.monotonic() - self._began)
        self._handle.update(self._shown(seconds if is_whole else f"stopped after {seconds}"), raw=True)

    def _shown(self, duration: str) -> dict[str, str]:
        """The bar as HTML, and as text for where there is none."""
        text = " · ".join(part for part in (self._amount(), self._note, duration) if part)
        label = escape(self._label)
        bar = f'<progress {self._value()} aria-label="{label}" style="{STYLE}"></progress>'
        return {
            "text/plain": f"{self._label}: {text}",
            "text/html": f"<div>{label} {bar} {escape(text)}</div>",
        }

    def _value(self) -> str:
        """The attributes of the bar. Without any it moves to and fro, until the work is done."""
        if self._total is None:
            return 'value="1"' if self._is_whole else ""
        return f'value="{self._done}" max="{max(self._total, self._done, 1)}"'

    def _amount(self) -> str:
        done, total = (
            "?" if each is None else f"{each / 1e6:.1f}" if self._in_bytes else f"{each:,}"
            for each in (self._done, self._total)
        )
        if self._total is None:
            return f"{done} MB" if self._in_bytes else ""
        return f"{done} of {total}" + " MB" * self._in_bytes

    def _time_left(self) -> str:
        if not self._done or not self._total:
            return ""
        left = (time.monotonic() - self._began) * (self._total - self._done) / self._done
        return f"{_seconds(left)} left"


def _seconds(seconds: float) -> str:
    """A duration: "2.3 s", "48 s", "1:05 min" or "2:00 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
