"""What a caller asks of a reader of ratings."""

from __future__ import annotations

from dataclasses import dataclass

from matinee.datasets.names import Columns
from matinee.ratings import Duplicates


@dataclass(frozen=True)
class Reading:
    """How to read a file of ratings; the parameters of `read_ratings`.

    Attributes
    ----------
    columns : dict or None
    separator : str or None
    timestamps : bool
    duplicates : str
    """

    columns: Columns | None = None
    separator: str | None = None
    timestamps: bool = True
    duplicates: Duplicates = "last"
