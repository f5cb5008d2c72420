"""The samples that a Bayesian model keeps, and what they say of people the chain never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import ModelFileError
from matinee.models.bayes.hyperprior import RowPrior
from matinee.models.features.feature_regression import multiply
from matinee.ratings import Rows
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import (
    TO_THE_LAST_DIGIT,
    Floats,
    Losses,
    Side,
    Solver,
    Terms,
    bias_of,
    solve_rows,
)


@dataclass(frozen=True)
class State:
    """One state of a chain: all that a person's posterior needs.

    Attributes
    ----------
    items : Side
    user_prior : RowPrior
    user_weights : ndarray of float32, shape (n_features, d), or None
        β of the users' regression.
    noise_precision : float
    """

    items: Side
    user_prior: RowPrior
    user_weights: Floats | None
    noise_precision: float


@dataclass(frozen=True)
class SampledRows(Side):
    """Rows of one side as every sample has them, side by side; the biases are their means.

    Attributes
    ----------
    bias_samples : ndarray of float32, shape (n, S)
    """

    bias_samples: Floats

    @classmethod
    def of(cls, factors: Floats, bias_samples: Floats) -> SampledRows:
        """From factors of shape (n, S, n_factors)."""
        biases = bias_samples.mean(axis=1, dtype=np.float64).astype(np.float32)
        return cls(factors.reshape(len(factors), -1), biases, bias_samples)

    def pick(self, rows: NDArray[Any]) -> SampledRows:
        """Some of the rows, in the order given."""
        return SampledRows(self.factors[rows], bias_of(self)[rows], self.bias_samples[rows])

    @property
    def samples(self) -> Side:
        """The samples, with the biases of each, as `predict_pairs` takes them."""
        return Side(self.factors, self.bias_samples)


@dataclass(frozen=True)
class Posterior:
    """The kept samples of a chain, S of them; d counts the factors and the bias.

    Attributes
    ----------
    user_samples, item_samples : ndarray of float32, shape (n_users, S, n_factors), (n_items, S, n_factors)
        A row's samples side by side: the product of two such rows is the sum over the samples.
    user_bias_samples, item_bias_samples : ndarray of float32, shape (n_users, S), (n_items, S)
    prior_means, prior_precisions : ndarray of float64, shape (S, d), (S, d, d)
        Of the users.
    link_weights : ndarray of float32, shape (S, n_features, d)
        β of the users; no features where there is no regression.
    noise_precisions : ndarray of float64, shape (S,)
    """

    user_samples: Floats
    item_samples: Floats
    user_bias_samples: Floats
    item_bias_samples: Floats
    prior_means: Doubles
    prior_precisions: Doubles
    link_weights: Floats
    noise_precisions: Doubles

    @classmethod
    def of(
        cls, states: list[State], rated: Rows, features: Rows | None, offset: float, n_threads: int
    ) -> Posterior:
        """States of a chain, row by row.

        Of the users it keeps not the draws but the means of their posteriors given the rest of each state:
        less noise, and what folding in their own ratings gives.

        Parameters
        ----------
        rated, features : Rows
            Of all users; features where they have a regression.
        """
        n_users, d = rated.n_rows, len(states[0].user_prior.mean)
        none = np.zeros((0, d), dtype=np.float32)
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
        )
        users = posterior.users_given(rated, features, offset, TO_THE_LAST_DIGIT, n_threads)
        for sample, side in enumerate(users):
            posterior.user_samples[:, sample] = side.factors
            posterior.user_bias_samples[:, sample] = bias_of(side)
        return posterior

    @classmethod
    def names(cls) -> list[str]:
        """Of the arrays, as they stand in a model file."""
        return [each.name for each in fields(cls)]

    def check(self, n_users: int, n_items: int, n_factors: int, n_features: int) -> None:
        """A ModelFileError for arrays, read from a file, that do not fit together or a model."""
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
        }
        for name, (dtype, shape) in shapes.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != shape:
                raise ModelFileError(f"{name} is of type {array.dtype} and shape {array.shape}")
        if not (n and (self.noise_precisions > 0).all()):
            raise ModelFileError("the precision of its noise is not above 0")
        if not _are_precisions(self.prior_precisions):
            raise ModelFileError("a precision of its prior is not positive definite")

    @property
    def n_samples(self) -> int:
        """S."""
        return len(self.noise_precisions)

    @property
    def noise_variance(self) -> float:
        """Of a single rating around what is expected of it."""
        return float(np.mean(1 / self.noise_precisions))

    @property
    def users(self) -> SampledRows:
        """Those of the fit."""
        return SampledRows.of(self.user_samples, self.user_bias_samples)

    @property
    def items(self) -> SampledRows:
        """Those of the fit."""
        return SampledRows.of(self.item_samples, self.item_bias_samples)

    def users_given(
        self, rated: Rows, features: Rows | None, offset: float, solver: Solver, n_threads: int
    ) -> Iterator[Side]:
        """People as each sample sees them, from their ratings and features.

        Parameters
        ----------
        rated : Rows
            Their ratings, a row each.
        features : Rows or None
            With a row each, where the model has a regression.
        solver : Solver
            For the mean, or, with a spread, for draws: of a seed for each sample, and a spread of 1.
        """
        used, local = np.unique(rated.columns, return_inverse=True)
        observed = Rows(rated.indptr, local.astype(np.int32), rated.values)
        n_people = rated.n_rows
        for sample, items in enumerate(self.items_in_turn(used)):
            side = Side.empty(n_people, items.factors.shape[1], biases=True)
            solve_under_prior(
                observed,
                items,
                side,
                precision=self.prior_precisions[sample],
                means=self.prior_mean_of(sample, features),
                noise_precision=float(self.noise_precisions[sample]),
                offset=offset,
                n_threads=max(1, min(n_threads, n_people)),
                solver=replace(solver, seed=solver.seed + sample),
            )
            yield side

    def prior_mean_of(self, sample: int, features: Rows | None) -> Doubles:
        """What people are expected to be before any rating; shape (n_people or 1, d)."""
        mean: Doubles = self.prior_means[sample][None, :]
        if features is None or not self.link_weights.shape[1]:
            return mean
        return mean + multiply(features, self.link_weights[sample], 1)

    def items_in_turn(self, chosen: NDArray[Any]) -> Iterator[Side]:
        """Some of the items, by position, as each sample has them."""
        factors = np.ascontiguousarray(self.item_samples[chosen].transpose(1, 0, 2))
        biases = np.ascontiguousarray(self.item_bias_samples[chosen].T)
        yield from map(Side, factors, biases)


def _are_precisions(matrices: Doubles) -> bool:
    if not np.isfinite(matrices).all():
        return False
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        return False
    return True


def solve_under_prior(
    observed: Rows,
    fixed: Side,
    solved: Side,
    *,
    precision: Doubles,
    means: Doubles,
    noise_precision: float,
    offset: float,
    n_threads: int,
    solver: Solver,
) -> tuple[Losses, Doubles, Floats]:
    """Solve or draw rows that are normal around prior means, by ratings of so much noise.

    The row problem is that of the posterior divided by the noise precision.

    Parameters
    ----------
    precision : ndarray of float64, shape (d, d)
        Of the prior.
    means : ndarray of float64, shape (1 or n_rows, d)
    solver : Solver
        With a spread of 1, for draws.

    Returns
    -------
    Losses
    ndarray, ndarray
        The row problem's prior and shift, which stand in the squared error too.
    """
    prior = precision / noise_precision
    shift = (means @ prior).astype(np.float32)
    losses = solve_rows(
        observed,
        fixed,
        solved,
        ridge=np.zeros(len(solved.factors), dtype=np.float32),
        terms=Terms(offset=offset),
        n_threads=n_threads,
        solver=replace(solver, spread=solver.spread / float(np.sqrt(noise_precision))),
        prior=prior,
        shift=shift,
    )
    return losses, prior, shift


def predict_with_strangers(
    predict: Callable[[Any, Any, Side], Floats],
    rows: NDArray[Any],
    columns: NDArray[Any],
    users: Side,
    stranger: Callable[[], Side],
) -> Floats:
    """Predictions for pairs of positions, those of unknown users (−1) by a person of whom nothing is known.

    An item's bias alone is not the rating of it: the mean user's factors and bias go with it.
    """
    predicted = predict(rows, columns, users)
    strangers = (rows < 0) & (columns >= 0)
    if strangers.any():
        of_them = columns[strangers]
        predicted[strangers] = predict(np.zeros_like(of_them), of_them, stranger())
    return predicted
