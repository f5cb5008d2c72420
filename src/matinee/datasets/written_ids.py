"""Ids as they are written in text: a column is of integers only if every id in it is."""

from __future__ import annotations

import polars as pl

# What pandas writes behind integers in a column with gaps.
WHOLE_FLOAT = r"\.0+$"


def narrowest(ids: pl.Series) -> pl.Series:
    """The ids as integers if each is written exactly as its integer, or as a whole float; as text otherwise.

    "007" and "+7" only look like integers, and are not the id 7.

    Parameters
    ----------
    ids : polars.Series
        Text, or integers; none is missing.
    """
    if ids.dtype != pl.String:
        return ids
    bare = ids.str.replace(WHOLE_FLOAT, "")
    for kind in (pl.Int64, pl.UInt64):
        numbers = bare.cast(kind, strict=False)
        if numbers.null_count() == 0 and (numbers.cast(pl.String) == bare).all():
            return numbers
    return ids
