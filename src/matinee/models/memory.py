"""Says what needs too much memory: before it begins where that can be known, or else afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from matinee.errors import NotEnoughMemoryError

Fit = TypeVar("Fit", bound=Callable[..., Any])

# What any machine has to spare; below it, asking the system would only cost time.
_NEGLIGIBLE = 1 << 26
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def require_memory(n_bytes: int, what: str, advice: str) -> None:
    """Raise a NotEnoughMemoryError if there is less memory than so many bytes."""
    if n_bytes < _NEGLIGIBLE:
        return
    free = free_memory()
    if free is not None and n_bytes > free:
        raise NotEnoughMemoryError(
            f"{what} needs at least {in_units(n_bytes)} of memory, and {in_units(free)} are free; {advice}"
        )


def in_units(n_bytes: int) -> str:
    """A number of bytes in words: "3.2 GiB"."""
    power = min(max(n_bytes.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{n_bytes / 1024**power:.3g} {_UNITS[power]}"


def free_memory() -> int | None:
    """The bytes that this process may still take, of the machine, its container and `ulimit -v`.

    Memory that holds cached files and swap count as free. None where the system does not say.
    """
    known = [
        each for each in (_free_on_machine(), _limit_of_container(), _left_by_ulimit()) if each is not None
    ]
    return max(min(known), 0) if known else None


def _free_on_machine() -> int | None:
    sizes = _sizes(Path("/proc/meminfo"))
    if "MemAvailable" in sizes:
        return sizes["MemAvailable"] + sizes.get("SwapFree", 0)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _limit_of_container() -> int | None:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _text(Path(path)).strip()
        if text.isdigit():
            return int(text)
    return None


def _left_by_ulimit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken = _sizes(Path("/proc/self/status")).get("VmSize", 0)
    return None if limit == resource.RLIM_INFINITY else limit - taken


def _sizes(path: Path) -> dict[str, int]:
    """The sizes in bytes in a table of lines such as ``MemAvailable:  1024 kB``."""
    lines = (line.replace(":", " ").split() for line in _text(path).splitlines())
    return {line[0]: int(line[1]) << 10 for line in lines if len(line) == 3 and line[2] == "kB"}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def too_large(error: MemoryError, what: str, advice: str) -> NotEnoughMemoryError:
    """The error of not having the memory to do something, unless it is said already."""
    if isinstance(error, NotEnoughMemoryError):
        return error
    reason = str(error) or "out of memory"
    return NotEnoughMemoryError(f"there is too little memory to {what} ({reason}); {advice}")


def named_if_too_large(fit: Fit) -> Fit:
    """The method ``fit(self, train, …)``; if it runs out of memory, the error says what it was fitting."""

    @wraps(fit)
    def fitted(self: Any, train: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return fit(self, train, *arguments, **options)
        except MemoryError as error:
            given = f"{len(train):,} ratings of {train.n_users:,} users and {train.n_items:,} items"
            raise too_large(
                error, f"fit {self!r} to {given}", "take a smaller model, or fewer ratings"
            ) from error

    return fitted  # type: ignore[return-value]
