"""Reads and sets the parameters of a model, as scikit-learn does."""

from __future__ import annotations

import inspect
import os
from typing import Any, Self

from matinee.checks import whole_number
from matinee.errors import DataError


class Parameters:
    """The base class that keeps keyword parameters unchanged in attributes of the same names."""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """The names of the constructor's parameters, in order."""
        return list(_parameters_of(cls))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. ``deep`` is there for scikit-learn and ignored: no parameter is a model."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name; they take effect at the next fit.

        Raises
        ------
        DataError
            If the model has no parameter of that name.
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
        defaults = _parameters_of(type(self))
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


def _parameters_of(kind: type[Parameters]) -> dict[str, inspect.Parameter]:
    if kind.__init__ is object.__init__:
        return {}
    return {name: one for name, one in inspect.signature(kind.__init__).parameters.items() if name != "self"}


# More than any machine has, so a file or a caller that asks for more has made a mistake.
MOST_THREADS = 4096


def thread_count(n_threads: Any) -> int:
    """The number of threads to run; None means one for each processor that this process may use."""
    if n_threads is not None:
        return whole_number("n_threads", n_threads, least=1, most=MOST_THREADS)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
