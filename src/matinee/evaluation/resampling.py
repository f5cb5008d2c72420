"""How far figures move by chance: bootstrap intervals, by drawing the people of a test again.

A figure is g(Σ numerators / Σ denominators) over people. The people are what is drawn, with all their
ratings, as the ratings of one person depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from matinee.evaluation.per_person import Fraction, figure_of, is_root

Doubles = NDArray[np.float64]
Interval = tuple[float, float]

LEVEL = 0.95
# The ends of an interval move by less than a tenth of its width from one seed to another.
N_RESAMPLES = 2000
# Weights are held for so many pairs of a resample and a person at a time: 32 MB.
PAIRS_AT_ONCE = 1 << 22
# Of Student's t with 63 degrees of freedom, for the 64 parts that lists are counted in.
T_OF_PARTS = 1.9983


@dataclass(frozen=True, eq=False)
class Resampled:
    """Figures of the people of a test, and of these people drawn again.

    Attributes
    ----------
    names : tuple of str
        Of the figures.
    estimates : ndarray of float64, shape (n_figures,)
    replicates : ndarray of float64, shape (n_resamples, n_figures)
    influences : ndarray of float64, shape (n_people, n_figures)
        How much each person moves each figure.
    """

    names: tuple[str, ...]
    estimates: Doubles
    replicates: Doubles
    influences: Doubles

    @classmethod
    def of(cls, fractions: dict[str, Fraction]) -> Resampled:
        """The figures of samples of as many people, drawn with replacement; the same samples each time."""
        names = tuple(fractions)
        tops = np.column_stack([each.numerators for each in fractions.values()])
        bottoms = np.column_stack([each.denominators for each in fractions.values()])
        replicates = np.vstack(
            [_figures(names, weights @ tops, weights @ bottoms) for weights in _weights(len(tops))]
        )
        estimates = _figures(names, tops.sum(axis=0), bottoms.sum(axis=0))
        return cls(names, estimates, replicates, _influences(names, tops, bottoms))

    def of_figure(self, name: str) -> Resampled:
        """One of the figures by itself."""
        place = [self.names.index(name)]
        return Resampled((name,), self.estimates[place], self.replicates[:, place], self.influences[:, place])

    def less(self, other: Resampled) -> Resampled:
        """The differences of the figures of two models on the same people, who are drawn for both at once."""
        return Resampled(
            self.names,
            self.estimates - other.estimates,
            self.replicates - other.replicates,
            self.influences - other.influences,
        )

    def intervals(self) -> dict[str, Interval]:
        """The BCa interval of each figure, which holds it in 95 of 100 tests; NaN where there is no figure.

        Bias-corrected and accelerated: Efron (1987). It follows the skew of figures such as NDCG, which many
        people have 0 of, where plus and minus two standard errors would not. For few people it is expanded as
        Hesterberg (2015) says, as their deviation is underestimated.
        """
        columns = zip(self.estimates, self.replicates.T, self.influences.T, strict=True)
        return dict(zip(self.names, (_bca(*each) for each in columns), strict=True))


def interval_by_parts(whole: float, without: Doubles) -> Interval:
    """The interval of a figure of all lists together, such as the coverage, by leaving out parts in turn.

    This is the delete-a-group jackknife of Kott (2001). Drawn again, people would share their lists with
    themselves, and fewer items would be in any.

    Parameters
    ----------
    whole : float
        The figure.
    without : ndarray of float64, shape (n_parts,)
        The figure without the lists of each part of the people.
    """
    n = len(without)
    half = T_OF_PARTS * float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
    return whole - half, whole + half


def _weights(n_people: int) -> Iterator[Doubles]:
    """How often each person was drawn; a row for each resample."""
    generator = np.random.Generator(np.random.PCG64(0))
    step = max(1, PAIRS_AT_ONCE // max(n_people, 1))
    for first in range(0, N_RESAMPLES, step):
        drawn = (generator.integers(n_people, size=n_people) for _ in range(min(step, N_RESAMPLES - first)))
        yield np.array([np.bincount(each, minlength=n_people) for each in drawn], dtype=np.float64)


def _figures(names: tuple[str, ...], tops: Doubles, bottoms: Doubles) -> Doubles:
    columns = (figure_of(name, tops[..., place], bottoms[..., place]) for place, name in enumerate(names))
    return np.stack(list(columns), axis=-1)


def _influences(names: tuple[str, ...], tops: Doubles, bottoms: Doubles) -> Doubles:
    """How a figure changes as a person counts for more: the derivative by their weight."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = bottoms.sum(axis=0)
        ratios = tops.sum(axis=0) / total
        found: Doubles = (tops - ratios * bottoms) / total
        roots = np.array([is_root(name) for name in names])
        found[:, roots] /= 2 * np.sqrt(ratios[roots])
    return found


def _bca(estimate: float, replicates: Doubles, influences: Doubles) -> Interval:
    drawn = np.sort(replicates[~np.isnan(replicates)])
    if np.isnan(estimate) or len(drawn) == 0:
        return float("nan"), float("nan")
    # A replicate that equals the estimate counts half below it.
    below = (np.searchsorted(drawn, estimate, "left") + np.searchsorted(drawn, estimate, "right")) / 2
    normal, n = NormalDist(), len(drawn)
    shift = normal.inv_cdf(min(max(below, 0.5), n - 0.5) / n)
    squares = float(np.square(influences).sum())
    acceleration = float((influences**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    ends = []
    for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        z = shift + _expanded(normal.inv_cdf(share), len(influences))
        level = normal.cdf(shift + z / (1 - acceleration * z)) if acceleration * z < 1 else share
        ends.append(float(np.interp(level * (n + 1) - 1, np.arange(n), drawn)))
    return ends[0], ends[1]


def _expanded(z: float, n_people: int) -> float:
    """A quantile of the normal distribution as one of Student's t, by the series of Cornish & Fisher."""
    free = max(n_people - 1, 1)
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return float(t * np.sqrt((free + 1) / free))
