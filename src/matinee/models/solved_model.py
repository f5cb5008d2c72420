"""A factor model that finds people's factors by solving the row problem; it adds the terms and the ridge."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.factor_model import FactorModel
from matinee.models.factor_people import FactorPeople
from matinee.models.new_item import ItemAnswers
from matinee.models.parameters import thread_count
from matinee.models.people import People, ScoreParts
from matinee.models.people_in_contexts import no_contexts
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
    def known_users(self) -> Rows | None:
        """The features of the fitted users; None without any."""
        return None

    def user_means(self, known: Rows | None, n_people: int) -> Floats | None:
        """What features make one expect of people; float32, shape (n_people, n_factors + 1), or None."""
        return None

    @property
    def counted_items(self) -> Side:
        """The items that a person's row problem counts as not seen."""
        return self.item_side

    @property
    def people(self) -> People:
        """The users that the model was fitted on, one row for each."""
        return self._everybody

    @property
    def _everybody(self) -> FactorPeople:
        own, items = self.user_side, self.items_for_people
        codes, side = no_contexts(len(own.factors)), own
        if self.context_values is not None:
            # To put everybody into a context takes longer than to make a list.
            side = self._computed.get("users in the mean context", lambda: items.in_context(own, codes))
        threads = thread_count(self.n_threads)
        return FactorPeople(
            side, self.rated_, self.known_users, items, threads, own, codes, parts_of=self._parts
        )

    @property
    def answering_users(self) -> Side:
        return self._everybody.side

    def item_answers(self, item: Side) -> ItemAnswers:
        """The answers for an item that is not among those of the fit; of its factors and bias, one row."""
        answers = super().item_answers(item)
        if self.context_values is None:
            return answers
        people = replace(self._everybody, items=replace(self.items_for_people, side=item))
        return replace(answers, predict=lambda rows: people.predict(rows, np.zeros_like(rows)))

    def people_by(self, rated: Rows, known: Rows | None = None) -> People:
        """People whom the model has never seen, from their ratings and features; one row for each."""
        return self._people(self.fold(rated, known=known), rated, known)

    def fold(self, rated: Rows, solver: Solver = TO_THE_LAST_DIGIT, known: Rows | None = None) -> Side:
        """The factors and biases of people, solved from their ratings and features; one row for each."""
        means = self.user_means(known, rated.n_rows)
        return self._people_problem.solve(rated, thread_count(self.n_threads), solver, means)

    def _people(self, side: Side, rated: Rows, known: Rows | None) -> FactorPeople:
        threads = thread_count(self.n_threads)
        return FactorPeople.of(side, rated, known, self.items_for_people, threads, parts_of=self._parts)

    def _parts(self, rated: Rows, known: Rows | None, columns: NDArray[Any], code: int) -> ScoreParts:
        means = self.user_means(known, 1)
        mean = None if means is None else means[0]
        baselines, parts = self._people_problem.score_parts(rated, columns, code, mean)
        return self.mean_ + baselines, parts

    @property
    def _people_problem(self) -> PeopleProblem:
        fitted = self.as_fitted
        prior = self._computed.get(
            "prior of people",
            lambda: fitted.terms.prior(self.counted_items, thread_count(self.n_threads)),
        )
        return PeopleProblem(
            self.item_side,
            fitted.terms,
            fitted.observed,
            fitted.user_ridge,
            prior,
            fitted.prior_shares,
            self.context_values,
        )
