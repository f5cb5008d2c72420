"""Checks of parameters: each gives back the checked value, or raises a DataError that names it."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import numpy as np

from matinee.errors import DataError

LARGEST = sys.float_info.max
LARGEST_SINGLE = float(np.finfo(np.float32).max)


def is_whole(value: Any) -> bool:
    """Whether the type of a value is that of a whole number; True and False don't count."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def whole_number(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """The value as an int; a DataError that names the parameter if it is not one within bounds."""
    if not is_whole(value) or value < least or (most is not None and value > most):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise DataError(f"{name}={value!r}; expected a whole number {bound}")
    return int(value)


def number(name: str, value: Any, *, least: float, most: float = math.inf) -> float:
    """The value as a finite float; a DataError that names the parameter if it is not one within bounds."""
    is_number = is_whole(value) or isinstance(value, float | np.floating)
    # Compared before it is converted, as a whole number may be too large for a float.
    if not is_number or not max(least, -LARGEST) <= value <= min(most, LARGEST):
        bound = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise DataError(f"{name}={value!r}; expected a number {bound}")
    return float(value)


def check_path(path: Any) -> None:
    """Raise a DataError if a value is not the path of a file."""
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"expected the path of a file, got {type(path).__name__}")


def random_generator(random_state: Any) -> np.random.Generator:
    """A generator made from a seed, a fresh generator for None, or the generator given."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is not None:
        whole_number("random_state", random_state, least=0)
    return np.random.Generator(np.random.PCG64(random_state))
