"""The parameters of a model: their checks, and scikit-learn's way of reading and setting them."""

from __future__ import annotations

import inspect
import math
import os
from typing import Any, Self

import numpy as np

from matinee.errors import DataError


class Parameters:
    """Keyword parameters kept untouched in attributes of their own names."""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """The names of the constructor's parameters, in order."""
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. ``deep`` is scikit-learn's and changes nothing: no parameter is a model."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name; takes effect at the next fit.

        Raises
        ------
        DataError
            For a name that the model does not have.
        """
        names = self.parameter_names()
        for name, value in parameters.items():
            if name not in names:
                expected = ", ".join(names)
                raise DataError(
                    f"{type(self).__name__} has no parameter {name!r}; expected one of {expected}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


def whole_number(name: str, value: Any, *, least: int) -> int:
    """The value as an int, or a DataError that names the parameter."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < least:
        raise DataError(f"{name}={value!r}; expected a whole number of at least {least}")
    return int(value)


def number(name: str, value: Any, *, least: float, most: float = math.inf) -> float:
    """The value as a finite float between bounds, or a DataError that names the parameter."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:
        bound = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise DataError(f"{name}={value!r}; expected a number {bound}")
    return float(value)


def thread_count(n_threads: Any) -> int:
    """The number of threads to run; None means every processor that this process may use."""
    if n_threads is not None:
        return whole_number("n_threads", n_threads, least=1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def random_generator(random_state: Any) -> np.random.Generator:
    """A generator from a seed, None for a fresh one, or the generator given."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is not None:
        whole_number("random_state", random_state, least=0)
    return np.random.Generator(np.random.PCG64(random_state))
