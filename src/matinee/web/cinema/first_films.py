"""Chooses the films to ask a newcomer about: those whose ratings tell most about their taste."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matinee.models import Model
from matinee.models.factor_model import FactorModel
from matinee.web.cinema.kinds import factors_of
from matinee.web.cinema.statistics import RatingStatistics, mean_squared_error

# Only this many films, the most rated, are considered: few people know the others.
N_CONSIDERED = 1_000


class FirstFilms(Protocol):
    """Chooses the films to ask a newcomer about."""

    def choose(self, n: int, *, rated: Iterable[int] = (), hidden: Iterable[int] = ()) -> list[int]:
        """The positions of the n films to ask about next, the most telling first.

        Parameters
        ----------
        n : int
        rated : positions
            What the person has rated. These are not asked about again.
        hidden : positions
            Not asked about either.
        """


def first_films(model: Model, statistics: RatingStatistics) -> FirstFilms:
    """The choice that suits a model: by its factors, or by popularity if it has none."""
    seen = factors_of(model)
    return PopularFilms(statistics) if seen is None else TellingFilms(seen, statistics)


class PopularFilms:
    """The most rated films, for a model that does not say which films are alike.

    Parameters
    ----------
    statistics : RatingStatistics
    """

    def __init__(self, statistics: RatingStatistics) -> None:
        popular = np.argsort(-statistics.n_ratings, kind="stable")[:N_CONSIDERED]
        self._positions = popular[statistics.n_ratings[popular] > 0]

    def choose(self, n: int, *, rated: Iterable[int] = (), hidden: Iterable[int] = ()) -> list[int]:
        """The positions of the n most rated films that are neither rated nor hidden."""
        is_open = ~np.isin(self._positions, [*rated, *hidden])
        chosen: list[int] = self._positions[is_open][:n].tolist()
        return chosen


class TellingFilms:
    """A varied choice of films worth rating, by optimal design.

    A person's factors are unknown. Their covariance ``Σ`` is taken from the factors of the fitted users.
    After films with factors ``Y`` are rated, with noise of variance ``σ²``, the covariance is
    ``C = (Σ⁻¹ + YᵀY/σ²)⁻¹``: the row problem again. Rating one more film with factors ``y`` lowers
    ``log det C`` by ``log(1 + yᵀ C y / σ²)`` (D-optimality; Fedorov 1972). A film similar to one already
    chosen lowers it little, so the choice is varied. Each next film has the greatest gain times the
    probability that the person knows it. The share of users who rated the film estimates that probability.

    Parameters
    ----------
    model : FactorModel
    statistics : RatingStatistics
    """

    def __init__(self, model: FactorModel, statistics: RatingStatistics) -> None:
        popular = np.argsort(-statistics.n_ratings, kind="stable")[:N_CONSIDERED]
        self._positions = popular[statistics.n_ratings[popular] > 0]
        self._known_by = statistics.n_ratings[self._positions] / max(len(model.user_index_), 1)
        self._all_factors = model.item_factors_
        self._factors = model.item_factors_[self._positions].astype(np.float64)
        self._covariance = _covariance(model.user_factors_)
        self._noise = mean_squared_error(model)

    def choose(self, n: int, *, rated: Iterable[int] = (), hidden: Iterable[int] = ()) -> list[int]:
        """The positions of the n films to ask about next, the most telling first.

        Parameters
        ----------
        n : int
        rated : positions
            What the person has rated. These are not asked about again, and similar films tell less.
        hidden : positions
            Not asked about either.
        """
        rated = list(rated)
        covariance = self._covariance
        for position in rated:
            covariance, _ = self._after(covariance, self._all_factors[position].astype(np.float64))
        variances = np.einsum("ij,ij->i", self._factors @ covariance, self._factors)
        is_open = ~np.isin(self._positions, [*rated, *hidden])
        chosen: list[int] = []
        while len(chosen) < n and is_open.any():
            gains = np.log1p(np.maximum(variances, 0) / self._noise) * self._known_by
            place = int(np.argmax(np.where(is_open, gains, -np.inf)))
            is_open[place] = False
            chosen.append(int(self._positions[place]))
            covariance, lost = self._after(covariance, self._factors[place])
            variances = variances - (self._factors @ lost) ** 2
        return chosen

    def _after(
        self, covariance: NDArray[np.float64], factors: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The covariance after a film with these factors is rated, and ``lost``: it fell by ``lost lostᵀ``.

        (Sherman & Morrison 1950.)
        """
        direction = covariance @ factors
        lost = direction / np.sqrt(self._noise + factors @ direction)
        return covariance - np.outer(lost, lost), lost


def _covariance(user_factors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The covariance of users' factors around zero, which are the factors of somebody without ratings."""
    factors = user_factors.astype(np.float64)
    return factors.T @ factors / max(len(factors), 1)
