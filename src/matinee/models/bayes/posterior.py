"""The samples that a Bayesian model keeps; from them it also finds people whom the chain never saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import ModelFileError
from matinee.models.bayes.hyperprior import RowPrior
from matinee.models.bayes.own_noise import solve_with_own_noise, weighed
from matinee.models.bayes.row_posterior import solve_under_prior
from matinee.models.bayes.sampled_rows import SampledPersons, SampledRows
from matinee.ratings import Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import ContextValues, NumberedContexts, numbered, rows_of_codes
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    SecondRows,
    Side,
    Solver,
    bias_of,
)
from matinee.solving.sparse_products import multiply


@dataclass(frozen=True)
class State:
    """One state of a chain: everything that the posterior of a person depends on.

    Attributes
    ----------
    items : Side
        The factors and biases of the items.
    user_prior : RowPrior
        The distribution that the users' rows come from.
    user_weights : ndarray of float32, shape (n_features, d), or None
        β of the users' regression; None without one.
    noise_precision : float
        The precision α of a single rating.
    noise_degrees : float or None
        ν of the noise of users; None if it is the same for all.
    item_noise_degrees : float or None
        ν of the noise of items; None if it is the same for all.
    item_precisions : ndarray of float32, shape (n_items,), or None
        How precise the ratings of each item are, as a multiple of α; None if they all are alike.
    contexts : Side or None
        The rows of the values of contexts, in the order of `rows_of_codes`; None without contexts.
    """

    items: Side
    user_prior: RowPrior
    user_weights: Floats | None
    noise_precision: float
    noise_degrees: float | None = None
    item_noise_degrees: float | None = None
    item_precisions: Floats | None = None
    contexts: Side | None = None


@dataclass(frozen=True)
class Posterior:
    """The S kept samples of a chain; d is the number of factors plus 1 for the bias.

    Attributes
    ----------
    user_samples, item_samples : ndarray of float32, shape (n_users, S, n_factors), (n_items, S, n_factors)
        The factors in each sample. A row's samples lie side by side, so the product of two such rows is the
        sum over the samples.
    user_bias_samples, item_bias_samples : ndarray of float32, shape (n_users, S), (n_items, S)
        The biases in each sample.
    prior_means, prior_precisions : ndarray of float64, shape (S, d), (S, d, d)
        The mean and the precision of the users' prior.
    link_weights : ndarray of float32, shape (S, n_features, d)
        β of the users' regression; n_features is 0 without one.
    noise_precisions : ndarray of float64, shape (S,)
        The precision α of a single rating.
    noise_degrees : ndarray of float64, shape (S,), or (0,)
        ν of the noise that every user has of their own; empty if the noise is the same for all.
    item_noise_degrees : ndarray of float64, shape (S,), or (0,)
        ν of the noise that every item has of its own; empty if the noise is the same for all.
    item_precisions : ndarray of float32, shape (n_items, S), or (0, S)
        How precise the ratings of each item are in each sample, as a multiple of α; empty if they are alike.
    context_samples : ndarray of float32, shape (n_values, S, n_factors)
        The factors of the values of contexts in each sample, in the order of `rows_of_codes`; none without
        contexts.
    context_bias_samples : ndarray of float32, shape (n_values, S)
        Their biases.
    context_sizes : ndarray of int64, shape (n_columns,)
        The number of these rows of each column of contexts.
    """

    user_samples: Floats
    item_samples: Floats
    user_bias_samples: Floats
    item_bias_samples: Floats
    prior_means: Doubles
    prior_precisions: Doubles
    link_weights: Floats
    noise_precisions: Doubles
    noise_degrees: Doubles
    item_noise_degrees: Doubles
    item_precisions: Floats
    context_samples: Floats
    context_bias_samples: Floats
    context_sizes: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        states: list[State],
        rated: Rows,
        features: Rows | None,
        offset: float,
        n_threads: int,
        context_sizes: Sequence[int] = (),
    ) -> Posterior:
        """The posterior made from states of a chain.

        For each state it keeps the mean of a user's posterior given the rest of the state, not the draw. The
        mean has less noise, and equals the fold-in of the user's own ratings.

        Parameters
        ----------
        rated : Rows
            The ratings of all users.
        features : Rows or None
            The features of all users; None without a regression.
        context_sizes : sequence of int
            The number of rows of each column of contexts.
        """
        n_users, d = rated.n_rows, len(states[0].user_prior.mean)
        none = np.zeros((0, d), dtype=np.float32)
        contexts = [each.contexts or Side.empty(0, d - 1, biases=True) for each in states]
        posterior = cls(
            user_samples=np.empty((n_users, len(states), d - 1), dtype=np.float32),
            item_samples=np.stack([each.items.factors for each in states], axis=1),
            user_bias_samples=np.empty((n_users, len(states)), dtype=np.float32),
            item_bias_samples=np.stack([bias_of(each.items) for each in states], axis=1),
            prior_means=np.stack([each.user_prior.mean for each in states]),
            prior_precisions=np.stack([each.user_prior.precision for each in states]),
            link_weights=np.stack(
                [none if each.user_weights is None else each.user_weights for each in states]
            ),
            noise_precisions=np.array([each.noise_precision for each in states]),
            noise_degrees=_degrees(each.noise_degrees for each in states),
            item_noise_degrees=_degrees(each.item_noise_degrees for each in states),
            item_precisions=np.stack(
                [
                    np.zeros(0, np.float32) if each.item_precisions is None else each.item_precisions
                    for each in states
                ],
                axis=1,
            ),
            context_samples=np.stack([each.factors for each in contexts], axis=1),
            context_bias_samples=np.stack([bias_of(each) for each in contexts], axis=1),
            context_sizes=np.array(context_sizes, dtype=np.int64),
        )
        users = posterior.users_given(rated, features, offset, TO_THE_LAST_DIGIT, n_threads)
        for sample, side in enumerate(users):
            posterior.user_samples[:, sample] = side.factors
            posterior.user_bias_samples[:, sample] = bias_of(side)
        return posterior

    @classmethod
    def names(cls) -> list[str]:
        """The names of the arrays in a model file."""
        return [each.name for each in fields(cls)]

    @classmethod
    def absent(cls, n_samples: int, n_factors: int) -> dict[str, NDArray[Any]]:
        """The arrays of a model without noise of users', of items' own, and contexts; its file lacks them."""
        return {
            "noise_degrees": np.zeros(0),
            "item_noise_degrees": np.zeros(0),
            "item_precisions": np.zeros((0, n_samples), dtype=np.float32),
            "context_samples": np.zeros((0, n_samples, n_factors), dtype=np.float32),
            "context_bias_samples": np.zeros((0, n_samples), dtype=np.float32),
            "context_sizes": np.zeros(0, dtype=np.int64),
        }

    def check(
        self,
        n_users: int,
        n_items: int,
        n_factors: int,
        n_features: int,
        *,
        user_noise: bool,
        item_noise: bool,
        context_sizes: tuple[int, ...] = (),
    ) -> None:
        """Raise a ModelFileError if the arrays, read from a file, do not match each other or the model."""
        n, d = self.n_samples, n_factors + 1
        shapes = {
            "user_samples": (np.float32, (n_users, n, n_factors)),
            "item_samples": (np.float32, (n_items, n, n_factors)),
            "user_bias_samples": (np.float32, (n_users, n)),
            "item_bias_samples": (np.float32, (n_items, n)),
            "prior_means": (np.float64, (n, d)),
            "prior_precisions": (np.float64, (n, d, d)),
            "link_weights": (np.float32, (n, n_features, d)),
            "noise_precisions": (np.float64, (n,)),
            "noise_degrees": (np.float64, (n if user_noise else 0,)),
            "item_noise_degrees": (np.float64, (n if item_noise else 0,)),
            "item_precisions": (np.float32, (n_items if item_noise else 0, n)),
            "context_samples": (np.float32, (sum(context_sizes), n, n_factors)),
            "context_bias_samples": (np.float32, (sum(context_sizes), n)),
            "context_sizes": (np.int64, (len(context_sizes),)),
        }
        for name, (dtype, shape) in shapes.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != shape:
                raise ModelFileError(f"{name} is of type {array.dtype} and has the shape {array.shape}")
        if tuple(self.context_sizes.tolist()) != context_sizes:
            raise ModelFileError("its contexts do not fit together")
        if not (n and (self.noise_precisions > 0).all()):
            raise ModelFileError("the precision of its noise is not above 0")
        for name, degrees in (("users", self.noise_degrees), ("items", self.item_noise_degrees)):
            if not (degrees > 2).all():
                raise ModelFileError(f"the noise of its {name} has a variance without bound")
        if not (self.item_precisions > 0).all():
            raise ModelFileError("the precision of an item's ratings is not above 0")
        if not _are_precisions(self.prior_precisions):
            raise ModelFileError("a precision of its prior is not positive definite")
        with np.errstate(over="ignore"):
            ridges = self.prior_precisions / self.noise_precisions[:, None, None]
        if not np.isfinite(ridges).all():
            raise ModelFileError("the precision of its noise is nothing beside that of its prior")

    @property
    def n_samples(self) -> int:
        """The number S of samples."""
        return len(self.noise_precisions)

    @property
    def has_user_noise(self) -> bool:
        """Whether every user has noise of their own."""
        return len(self.noise_degrees) > 0

    @property
    def has_item_noise(self) -> bool:
        """Whether every item has noise of its own."""
        return len(self.item_noise_degrees) > 0

    @property
    def has_contexts(self) -> bool:
        """Whether ratings have contexts."""
        return len(self.context_sizes) > 0

    @property
    def noise_variance(self) -> float:
        """The variance of a single rating around its expected value."""
        return float(np.mean(1 / self.noise_precisions))

    @property
    def users(self) -> SampledRows:
        """The fitted users in every sample."""
        return SampledRows.of(self.user_samples, self.user_bias_samples)

    @property
    def items(self) -> SampledRows:
        """The items in every sample."""
        return SampledRows.of(self.item_samples, self.item_bias_samples)

    def users_given(
        self, rated: Rows, features: Rows | None, offset: float, solver: Solver, n_threads: int
    ) -> Iterator[Side]:
        """The factors and biases of people in each sample, from their ratings and features.

        Parameters
        ----------
        rated : Rows
            The ratings, one row for each person.
        features : Rows or None
            The features, one row for each person; None if the model has no regression.
        solver : Solver
            Without a spread, the result is the mean of the posterior. With a spread of 1, it is a draw; each
            sample has a seed of its own.
        """
        people = self.people_given(rated, features, offset, solver, n_threads)
        return (persons.side for persons in people)

    def people_given(
        self, rated: Rows, features: Rows | None, offset: float, solver: Solver, n_threads: int
    ) -> Iterator[SampledPersons]:
        """The same, with the noise of the people, if the model has noise of users."""
        used, local = np.unique(rated.columns, return_inverse=True)
        observed = rated._replace(columns=local.astype(np.int32))
        n_people = rated.n_rows
        contexts = self.contexts_beside(rated)
        for sample, items in enumerate(self.items_in_turn(used)):
            side = Side.empty(n_people, items.factors.shape[1], biases=True)
            of_sample = replace(solver, seed=solver.seed + sample)
            threads = max(1, min(n_threads, n_people))
            of_items = self.precisions_of_items(sample, used)
            noise = self.solve_people(
                sample, observed, items, side, features, offset, of_sample, threads, of_items, contexts
            )
            yield SampledPersons(side, noise)

    def solve_people(
        self,
        sample: int,
        rated: Rows,
        items: Side,
        people: Side,
        features: Rows | None,
        offset: float,
        solver: Solver,
        n_threads: int,
        item_precisions: Doubles | None = None,
        contexts: NumberedContexts | None = None,
    ) -> tuple[Doubles, Doubles] | None:
        """Solve or draw people against the items of one sample; returns their noise as in `SampledPersons`.

        How precisely somebody rates follows from their ratings and the sample alone: whoever is folded in
        gets what they would have got in the fit.

        Parameters
        ----------
        item_precisions : ndarray of float64, optional
            What `precisions_of_items` gives for the items; None if their ratings are equally precise.
        contexts : tuple, optional
            What `contexts_beside` gives for the ratings; None if they have no contexts.
        """
        second = self.second_rows(sample, contexts)
        means, alpha = self.prior_mean_of(sample, features), float(self.noise_precisions[sample])

        def solve(observed: Rows, how: Solver, row_errors: Doubles | None = None) -> None:
            solve_under_prior(
                observed,
                items,
                people,
                precision=self.prior_precisions[sample],
                means=means,
                noise_precision=alpha,
                offset=offset,
                n_threads=n_threads,
                solver=how,
                row_errors=row_errors,
                second=second,
            )

        observed = weighed(rated, columns=item_precisions)
        if not self.has_user_noise:
            solve(observed, solver)
            return None
        return solve_with_own_noise(
            solve,
            observed,
            rated.totals.astype(np.float64),
            degrees=float(self.noise_degrees[sample]),
            noise_precision=alpha,
            solver=solver,
            sample=sample,
        )

    def precisions_of_items(self, sample: int, chosen: NDArray[Any]) -> Doubles | None:
        """How precise the ratings of items at these positions are in a sample; None if they all are alike."""
        if not self.has_item_noise:
            return None
        precisions: Doubles = self.item_precisions[chosen, sample].astype(np.float64)
        return precisions

    def contexts_beside(self, rated: Rows) -> NumberedContexts | None:
        """The different contexts of ratings, and which of them each has; None if the model has no contexts.

        Ratings without contexts have that of which nothing is known.
        """
        if not self.has_contexts:
            return None
        return numbered(rated.contexts, len(rated.columns))

    def second_rows(self, sample: int, contexts: NumberedContexts | None) -> SecondRows | None:
        """The contexts of ratings in one sample, as `solve_under_prior` takes them."""
        if contexts is None:
            return None
        codes, places = contexts
        return SecondRows(places, self.contexts_in(sample, codes))

    def contexts_in(self, sample: int, codes: ContextCodes) -> Side:
        """The factors and biases of contexts in one sample."""
        values = Side(
            np.ascontiguousarray(self.context_samples[:, sample]), self.context_bias_samples[:, sample]
        )
        return ContextValues(values, self.context_sizes.tolist()).of(codes)

    def contexts_of(self, codes: ContextCodes) -> SampledRows:
        """The factors and biases of contexts in every sample."""
        sizes = self.context_sizes.tolist()
        factors, biases = (
            rows_of_codes(each, codes, sizes) for each in (self.context_samples, self.context_bias_samples)
        )
        return SampledRows.of(factors, biases)

    def prior_mean_of(self, sample: int, features: Rows | None) -> Doubles:
        """The prior means of people, before any rating; shape (n_people or 1, d)."""
        mean: Doubles = self.prior_means[sample][None, :]
        if features is None or not self.link_weights.shape[1]:
            return mean
        return mean + multiply(features, self.link_weights[sample], 1)

    def items_in_turn(self, chosen: NDArray[Any]) -> Iterator[Side]:
        """The items at the chosen positions, in one sample after the other."""
        factors = np.ascontiguousarray(self.item_samples[chosen].transpose(1, 0, 2))
        biases = np.ascontiguousarray(self.item_bias_samples[chosen].T)
        yield from map(Side, factors, biases)


def _degrees(of_states: Iterable[float | None]) -> Doubles:
    return np.array([degrees for degrees in of_states if degrees is not None], dtype=np.float64)


def _are_precisions(matrices: Doubles) -> bool:
    if not np.isfinite(matrices).all():
        return False
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        return False
    return True
