"""Ratings that count by their age: a half-life as text, and the weights that follow from it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.columns import LARGEST_WEIGHT
from matinee.ratings.times import Timestamps, known_times

SECONDS_IN = {"h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "y": 365.25 * 86_400.0}
FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([hdwy])\s*")
# Forty half-lives. A rating that weighs less teaches nothing that single precision could tell from it.
LEAST_WEIGHT = 2.0**-40


def half_life_in_seconds(half_life: Any) -> float:
    """The seconds of a half-life such as "180d".

    Raises
    ------
    DataError
        If it is not a number above 0 and a unit.
    """
    found = FORM.fullmatch(half_life) if isinstance(half_life, str) else None
    seconds = float(found[1]) * SECONDS_IN[found[2]] if found else 0.0
    if not seconds > 0:
        raise DataError(
            f"half_life={half_life!r}; expected a number and a unit, h, d, w or y for hours, days, weeks or "
            'years, such as "180d"'
        )
    return seconds


def check_half_life(half_life: Any) -> None:
    """Raise a DataError unless it is None or a half-life."""
    if half_life is not None:
        half_life_in_seconds(half_life)


def newest_of(ratings: Ratings) -> int:
    """The time of the latest rating.

    Raises
    ------
    DataError
        If a rating has no timestamp.
    """
    return int(_known_times(ratings).max())


def aged(ratings: Ratings, half_life: str, newest: int) -> Ratings:
    """The same ratings, each of half the weight for every half-life that it is older than ``newest``.

    One that is newer counts more. The weights that ratings have are multiplied.

    Raises
    ------
    DataError
        If a rating has no timestamp, or the half-life is none.
    """
    ages = (np.float64(newest) - _known_times(ratings)) / half_life_in_seconds(half_life)
    weights = np.exp2(-np.clip(ages, -1000, 1000))
    if ratings.weights is not None:
        weights *= ratings.weights
    rows = ratings.by_user._replace(weights=np.clip(weights, LEAST_WEIGHT, LARGEST_WEIGHT).astype(np.float32))
    return ratings.with_rows(rows, ratings.contexts)


def _known_times(ratings: Ratings) -> Timestamps:
    otherwise = "leave half_life out"
    return known_times(ratings.timestamps, len(ratings), needed_by="half_life", otherwise=otherwise)
