"""Which films to ask somebody about first: those whose ratings tell most of their taste."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matinee.models import Model
from matinee.models.factor_model import require_factors
from matinee.web.cinema.statistics import RatingStatistics, mean_squared_error

# Films that a small share of people know are not asked about: of so many, the most rated.
N_CONSIDERED = 1_000


class FirstFilms:
    """A varied choice of films worth rating, by optimal design.

    A person's factors are unknown, with the covariance ``Σ`` of the factors of those who were fitted. Once
    films with factors ``Y`` are rated, with noise of variance ``σ²``, what is left of the uncertainty is
    ``(Σ⁻¹ + YᵀY/σ²)⁻¹``: the row problem again. A film with factors ``y`` lowers the logarithm of its
    determinant by ``log(1 + yᵀ C y / σ²)`` (D-optimality; Fedorov 1972), C being the covariance at that
    moment, so that a film like one that was chosen already tells little. That gain times the probability that
    the person knows the film, for which stands the share of people who rated it, is what each next film has
    the most of.

    Parameters
    ----------
    model : Model
    statistics : RatingStatistics
    """

    def __init__(self, model: Model, statistics: RatingStatistics) -> None:
        popular = np.argsort(-statistics.n_ratings, kind="stable")[:N_CONSIDERED]
        self._positions = popular[statistics.n_ratings[popular] > 0]
        self._known_by = statistics.n_ratings[self._positions] / max(len(model.user_index_), 1)
        model = require_factors(model)
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
            What the person has rated: never asked about again, and films like these tell less.
        hidden : positions
            Not to be asked about either.
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
        """The covariance once a film with these factors is rated, and what it lost: ``lost lostᵀ``.

        (Sherman & Morrison 1950.)
        """
        direction = covariance @ factors
        lost = direction / np.sqrt(self._noise + factors @ direction)
        return covariance - np.outer(lost, lost), lost


def _covariance(user_factors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of people's factors around zero, where somebody without ratings stands."""
    factors = user_factors.astype(np.float64)
    return factors.T @ factors / max(len(factors), 1)
