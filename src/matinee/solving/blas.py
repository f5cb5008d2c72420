"""How many threads the BLAS that numpy calls may use."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def blas_threads(n: int) -> AbstractContextManager[Any]:
    """For as long as a block lasts, let BLAS use so many threads."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=n, user_api="blas")
    return limit


@cache
def _controller() -> Any:
    # To look for the libraries takes a millisecond, and numpy's is loaded by now.
    return ThreadpoolController()
