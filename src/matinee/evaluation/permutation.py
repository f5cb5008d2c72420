"""Whether the figures of two models differ by more than chance: paired permutation tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from matinee.evaluation.per_person import Fraction, figure_of

Doubles = NDArray[np.float64]
Key = TypeVar("Key")

# The least p-value is 1/5,000, which fifteen pairs of six models leave at 0.003.
N_PERMUTATIONS = 4999
# Exchanges are held for so many pairs of a permutation and a person at a time: 32 MB.
PAIRS_AT_ONCE = 1 << 22
# Sums of the same numbers in another order differ by less.
SAME = 1e-10


class Pair(NamedTuple):
    """One figure of two models, on the same people in the same order."""

    figure: str
    one: Fraction
    other: Fraction

    @property
    def gaps(self) -> Doubles:
        """What an exchange of each person adds to the two sums of the first model; shape (2, n_people)."""
        return np.array([ours - theirs for theirs, ours in zip(self.one, self.other, strict=True)])


def p_values(pairs: Sequence[Pair]) -> list[float]:
    """How often figures of two models would differ by as much if it made no difference which is which.

    In each permutation a coin decides for each person whether the models exchange what they did for this
    person: the test of Fisher, as in Smucker, Allan & Carterette (2007), two-sided. What was observed counts
    as one more permutation, so that a p-value is never 0 (Phipson & Smyth 2010).

    Returns
    -------
    list of float
        Of each pair; NaN where there is no figure.
    """
    gaps = np.concatenate([pair.gaps for pair in pairs]).T
    # Means over people have the same people below in both models, so nothing is exchanged there.
    differs = gaps.any(axis=0)
    moved = np.zeros((N_PERMUTATIONS, gaps.shape[1]))
    moved[:, differs] = _exchanged(gaps[:, differs])
    return [_p_value(pair, moved[:, 2 * place], moved[:, 2 * place + 1]) for place, pair in enumerate(pairs)]


def holm(values: dict[Key, float]) -> dict[Key, float]:
    """P-values corrected for their number: with 95 percent certainty none below 0.05 is due to chance.

    The procedure of Holm (1979): the smallest of n is multiplied by n, the next by n − 1, and so on, and none
    becomes less than the one before it. NaN stays, and does not count.
    """
    asked = sorted((name for name, value in values.items() if not np.isnan(value)), key=values.__getitem__)
    found, greatest = dict.fromkeys(values, float("nan")), 0.0
    for place, name in enumerate(asked):
        value = values[name]
        greatest = max(greatest, min(1.0, (len(asked) - place) * value))
        found[name] = greatest
    return found


def _exchanged(gaps: Doubles) -> Doubles:
    """What the exchanges of each permutation add to the first model's sums; shape (N_PERMUTATIONS, n)."""
    generator = np.random.Generator(np.random.PCG64(1))
    n_people = len(gaps)
    n_bytes = -(-n_people // 8)
    step, blocks = max(1, PAIRS_AT_ONCE // max(n_people, 1)), []
    for first in range(0, N_PERMUTATIONS, step):
        n_rows = min(step, N_PERMUTATIONS - first)
        drawn = np.frombuffer(generator.bytes(n_rows * n_bytes), dtype=np.uint8).reshape(n_rows, n_bytes)
        is_exchanged = np.unpackbits(drawn, axis=1, count=n_people)
        blocks.append(is_exchanged.astype(np.float64) @ gaps)
    return np.vstack(blocks)


def _p_value(pair: Pair, above: Doubles, below: Doubles) -> float:
    (first_top, first_bottom), (second_top, second_bottom) = (
        [each.sum() for each in fraction] for fraction in (pair.one, pair.other)
    )
    observed = figure_of(pair.figure, first_top, first_bottom)
    observed -= figure_of(pair.figure, second_top, second_bottom)
    if np.isnan(observed):
        return float("nan")
    differences = figure_of(pair.figure, first_top + above, first_bottom + below)
    differences -= figure_of(pair.figure, second_top - above, second_bottom - below)
    differences = np.abs(differences[~np.isnan(differences)])
    as_large = int((differences >= abs(observed) * (1 - SAME) - SAME).sum())
    return (1 + as_large) / (1 + len(differences))
