"""The memory of trees of processes, sampled while something runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS_BETWEEN = 0.2

# From a process's command to its part, or None to leave it and what descends from it out; what the function
# does not know is of its parent's part.
Label = Callable[[str, str | None], str | None]


class MemoryPeaks:
    """The greatest memory of this process's tree, in parts, during the ``with`` block.

    A page that processes share counts in equal shares (PSS), so that forks of one Python count once.

    Parameters
    ----------
    label : callable
        The part of a process, from its command line and its parent's part.

    Attributes
    ----------
    peaks : dict of float
        In MiB by part, and of all parts at one time under "total".
    """

    def __init__(self, label: Label) -> None:
        self.label = label
        self.peaks: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample_until_done(self) -> None:
        while not self._done.is_set():
            self._sample()
            self._done.wait(SECONDS_BETWEEN)

    def _sample(self) -> None:
        sums: dict[str, float] = {}
        for process, part in labelled_tree(os.getpid(), self.label):
            sums[part] = sums.get(part, 0.0) + proportional_mib(process)
        sums["total"] = sum(sums.values())
        for part, mib in sums.items():
            self.peaks[part] = max(mib, self.peaks.get(part, 0.0))


def labelled_tree(root: int, label: Label) -> Iterator[tuple[int, str]]:
    """A process and all that descend from it, each with its part."""
    children = children_by_parent()
    waiting: list[tuple[int, str | None]] = [(root, None)]
    while waiting:
        process, parents_part = waiting.pop()
        part = label(command_of(process), parents_part)
        if part is not None:
            yield process, part
        waiting += [(child, part) for child in children.get(process, [])]


def children_by_parent() -> dict[int, list[int]]:
    """The processes of this machine by the process that started them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (status := text_of(folder / "stat")):
            # The name, in parentheses, may hold spaces; the parent is the second field after it.
            parent = int(status.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    return children


def command_of(process: int) -> str:
    return text_of(Path(f"/proc/{process}/cmdline")).replace("\0", " ")


def proportional_mib(process: int) -> float:
    """The process's proportional set size in MiB; 0 if it has ended."""
    for line in text_of(Path(f"/proc/{process}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def text_of(path: Path) -> str:
    """A file of a process; nothing if the process has ended in the meantime."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
