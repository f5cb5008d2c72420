"""A factor model that finds people's factors by solving the row problem; it adds the terms and the ridge."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.factor_model import FactorModel
from matinee.models.parameters import thread_count
from matinee.models.people import FactorPeople, People
from matinee.ratings import Rows
from matinee.solving.people_problem import PeopleProblem
from matinee.solving.row_problem import TO_THE_LAST_DIGIT, Floats, Side, Solver, Terms


class SolvedModel(FactorModel):
    """A `FactorModel` that folds people in and explains their scores with the row problem of its fit."""

    @property
    @abstractmethod
    def terms(self) -> Terms:
        """The weights and targets of ratings in the fitted model's row problem."""

    @abstractmethod
    def user_ridge(self, observed: Rows) -> Floats:
        """The regularisation of people with these values; float32, shape (n_people,)."""

    def observed(self, rated: Rows) -> Rows:
        """The values of the row problem for these ratings."""
        return rated

    def prior_shares(self, rated: Rows) -> NDArray[np.float64]:
        """How much of what all items add to the row problem counts for each person, from 0 to 1."""
        return np.ones(rated.n_rows)

    @property
    def people(self) -> People:
        """The users that the model was fitted on, one row for each."""
        return self._people(self.user_side, self.rated_)

    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, from their ratings; one row for each."""
        return self._people(self.fold(rated), rated)

    def fold(self, rated: Rows, solver: Solver = TO_THE_LAST_DIGIT) -> Side:
        """The factors and biases of people, solved from their ratings; one row for each."""
        return self._people_problem.solve(rated, thread_count(self.n_threads), solver)

    def _people(self, side: Side, rated: Rows) -> People:
        return FactorPeople(
            side, rated, self.items_for_people, self._contributions, thread_count(self.n_threads)
        )

    def _contributions(self, rated: Rows, columns: NDArray[Any]) -> NDArray[np.float64]:
        return self._people_problem.parts(rated, columns)

    @property
    def _people_problem(self) -> PeopleProblem:
        fitted, items = self.as_fitted, self.item_side
        prior = self._computed.get(
            "prior of people", lambda: fitted.terms.prior(items, thread_count(self.n_threads))
        )
        return PeopleProblem(
            items, fitted.terms, fitted.observed, fitted.user_ridge, prior, fitted.prior_shares
        )
