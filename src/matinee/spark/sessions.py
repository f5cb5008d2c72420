"""Spark itself: whether it is there."""

from __future__ import annotations

from matinee.errors import MissingExtraError


def require_pyspark() -> None:
    """Nothing, or an error that names the extra.

    Raises
    ------
    MissingExtraError
        Without pyspark, or what it needs to move Arrow batches.
    """
    try:
        import pyarrow  # noqa: F401
        import pyspark.sql  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            'a fit on a cluster needs pyspark, which is not installed; run: pip install "matinee[spark]"'
        ) from None
