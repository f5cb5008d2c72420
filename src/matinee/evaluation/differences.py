"""The differences between models on one test, and which of them are real."""

from __future__ import annotations

from itertools import combinations

import polars as pl

from matinee.evaluation.per_person import PerPerson
from matinee.evaluation.permutation import Pair, holm, p_values
from matinee.evaluation.resampling import Resampled

Key = tuple[str, str, str]

# A difference is real if chance alone would bring about as large a one less often.
REAL_BELOW = 0.05
SCHEMA = {
    "figure": pl.String,
    "model": pl.String,
    "other": pl.String,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "p_holm": pl.Float64,
    "is_real": pl.Boolean,
}


def differences(people: dict[str, PerPerson]) -> pl.DataFrame:
    """The frame of `Comparison.differences`.

    Parameters
    ----------
    people : dict of str to PerPerson
        Of each model; all on the same test.
    """
    fractions = {name: one.fractions() for name, one in people.items()}
    resampled = {name: Resampled.of(found) for name, found in fractions.items()}
    figures = list(dict.fromkeys(figure for found in fractions.values() for figure in found))
    asked = [
        (figure, one, other)
        for figure in figures
        for one, other in combinations(people, 2)
        if figure in fractions[one] and figure in fractions[other]
    ]
    if not asked:
        return pl.DataFrame(schema=SCHEMA)
    pairs = [Pair(figure, fractions[one][figure], fractions[other][figure]) for figure, one, other in asked]
    p_of = dict(zip(asked, p_values(pairs), strict=True))
    corrected = {key: p for figure in figures for key, p in _corrected(p_of, figure).items()}
    rows = [
        (*key, *_gap(*key, resampled), p_of[key], corrected[key], corrected[key] < REAL_BELOW)
        for key in asked
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.selectors.float().fill_nan(None))


def _corrected(p_of: dict[Key, float], figure: str) -> dict[Key, float]:
    return holm({key: p_value for key, p_value in p_of.items() if key[0] == figure})


def _gap(figure: str, one: str, other: str, resampled: dict[str, Resampled]) -> tuple[float, float, float]:
    """The difference of a figure between two models, and the ends of its interval."""
    gap = resampled[one].of_figure(figure).less(resampled[other].of_figure(figure))
    return (float(gap.estimates[0]), *gap.intervals()[figure])
