"""Takes new ratings and new items into the kept samples of a chain, each sample by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models.bayes.hyperprior import RowPrior, expected_row_prior
from matinee.models.bayes.own_noise import expected_noise, solve_with_own_noise, weighed
from matinee.models.bayes.posterior import Posterior
from matinee.models.bayes.row_posterior import solve_under_prior
from matinee.models.bayes.sampled_rows import SampledPersons, SampledRows
from matinee.models.bayes.sampled_side import SampledSide
from matinee.ratings import MergedRatings, Rows
from matinee.ratings.contexts import ContextCodes
from matinee.solving.contexts import in_context
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import (
    CHOLESKY,
    TO_THE_LAST_DIGIT,
    Floats,
    SecondRows,
    Side,
    Solver,
    bias_of,
    gram,
    rows_of,
)


@dataclass(frozen=True, eq=False)
class ItemPriors:
    """The distribution that the items come from, in each kept sample.

    A chain keeps the items themselves, from which their distribution follows: it is the expected one given
    all of them. What the items' own regression on features has learned is not kept, so features tell nothing
    of new items, and nothing more of old ones.
    """

    posterior: Posterior
    scales: NDArray[np.float64]
    n_threads: int

    def of(self, sample: int) -> RowPrior:
        """The distribution of the items' rows in one sample."""
        rows = rows_of(self.items(sample))
        total = rows.sum(axis=0, dtype=np.float64)
        return expected_row_prior(len(rows), total, gram(rows, self.n_threads), scales=self.scales)

    def items(self, sample: int) -> Side:
        """The items of one sample."""
        posterior = self.posterior
        factors = np.ascontiguousarray(posterior.item_samples[:, sample])
        return Side(factors, np.ascontiguousarray(posterior.item_bias_samples[:, sample]))


@dataclass(frozen=True, eq=False)
class TouchedRows:
    """The rows that new ratings touch, ready to be drawn and solved in every sample.

    Attributes
    ----------
    users, items : ndarray of int64
        The users whose posterior has changed, and the items with new ratings.
    by_user : Rows
        All ratings of these users.
    by_item : Rows
        All ratings of these items, which are by these users alone; the columns are positions in ``users``.
    features : Rows or None
        The features of these users.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    by_user: Rows
    by_item: Rows
    features: Rows | None

    @classmethod
    def of(cls, merged: MergedRatings, features: Rows | None) -> TouchedRows:
        """The rows that the new ratings touch; the features are those of all users."""
        train, is_touched = merged.ratings, merged.touched_items
        if is_touched.all():
            users, items = np.arange(train.n_users), np.arange(train.n_items)
            return cls(users, items, train.by_user, train.by_item, features)
        is_new = np.ones(train.n_users, dtype=bool)
        is_new[merged.old_users] = False
        of_touched = is_touched[train.by_user.columns]
        users, items = (
            np.flatnonzero(is_new | (train.by_user.counts_of(of_touched) > 0)),
            np.flatnonzero(is_touched),
        )
        by_user = train.by_user.pick(users)
        by_item = by_user.keep(is_touched[by_user.columns]).transposed(train.n_items).pick(items)
        return cls(users, items, by_user, by_item, None if features is None else features.pick(users))


@dataclass(frozen=True, eq=False)
class Sweeps:
    """Goes on with a chain from each of its kept samples, over the rows that new ratings touch.

    Attributes
    ----------
    posterior : Posterior
        The samples, with rows for all users and items; it is changed in place.
    touched : TouchedRows
    priors : ItemPriors
        Of the samples before there were new items.
    old_items : ndarray of int64
        Where the items of those samples are.
    """

    posterior: Posterior
    touched: TouchedRows
    priors: ItemPriors
    old_items: NDArray[np.int64]
    offset: float
    n_threads: int

    def run(self, sample: int, seeds: NDArray[Any]) -> list[float]:
        """Draw the users and then the items, once for each pair of seeds; then solve the users.

        The noise and what the users come from stay as they are in the sample.

        Returns
        -------
        list of float
            The squared errors of the touched ratings after each draw of the items.
        """
        touched, prior = self.touched, self.priors.of(sample)
        items = self._items(sample, prior)
        users = Side.empty(len(touched.users), items.factors.shape[1], biases=True)
        part = items.pick(touched.items)
        drawn = SampledSide(touched.by_item, part, None, 1.0, self.n_threads)
        drawn.prior = prior
        beside = self.posterior.second_rows(sample, self.posterior.contexts_beside(touched.by_item))
        errors = []
        for of_users, of_items in seeds.tolist():
            precisions = self._solve_users(sample, items, users, Solver(spread=1.0, seed=of_users))
            errors.append(self._draw_items(sample, drawn, users, precisions, of_items, beside))
            items.put(touched.items, part)
        self._solve_users(sample, items, users, CHOLESKY)
        self._keep(sample, users, items)
        return errors

    def _draw_items(
        self,
        sample: int,
        drawn: SampledSide,
        users: Side,
        user_precisions: Doubles | None,
        seed: int,
        beside: SecondRows | None,
    ) -> float:
        """Draw the touched items, and find how precise their ratings are; returns their squared error."""
        posterior, by_item, of_items = self.posterior, self.touched.by_item, self.touched.items
        own = posterior.precisions_of_items(sample, of_items)
        drawn.observed = weighed(by_item, rows=own, columns=user_precisions)
        alpha = float(posterior.noise_precisions[sample])
        if own is None:
            return drawn.draw(users, self.offset, alpha, seed, second=beside)
        errors = np.zeros(by_item.n_rows)
        squared_error = drawn.draw(users, self.offset, alpha, seed, errors, beside)
        degrees, totals = float(posterior.item_noise_degrees[sample]), by_item.totals.astype(np.float64)
        posterior.item_precisions[of_items, sample] = expected_noise(degrees, totals, errors / own, alpha)[0]
        return squared_error

    def _items(self, sample: int, prior: RowPrior) -> Side:
        """The items of the sample; a new one begins where the prior expects it."""
        mean = prior.mean.astype(np.float32)
        n_items = len(self.posterior.item_samples)
        items = Side(np.tile(mean[:-1], (n_items, 1)), np.full(n_items, mean[-1]))
        items.put(self.old_items, self.priors.items(sample))
        return items

    def _solve_users(self, sample: int, items: Side, users: Side, solver: Solver) -> Doubles | None:
        """Solve or draw the users; returns how precisely each of them rates, if they differ in that."""
        touched = self.touched
        rated, contexts = touched.by_user, self.posterior.contexts_beside(touched.by_user)
        noise = self.posterior.solve_people(
            sample,
            rated,
            items,
            users,
            touched.features,
            self.offset,
            solver,
            self.n_threads,
            self.posterior.precisions_of_items(sample, np.arange(len(items.factors))),
            contexts,
        )
        return None if noise is None else noise[0]

    def _keep(self, sample: int, users: Side, items: Side) -> None:
        self.posterior.user_samples[self.touched.users, sample] = users.factors
        self.posterior.user_bias_samples[self.touched.users, sample] = bias_of(users)
        self.posterior.item_samples[:, sample] = items.factors
        self.posterior.item_bias_samples[:, sample] = bias_of(items)


def grown(posterior: Posterior, merged: MergedRatings, n_given: int) -> Posterior:
    """The posterior with rows for all users and items, zero for the new ones.

    Parameters
    ----------
    n_given : int
        The number of features that users have been given. If they have more, a feature for each item follows;
        of a new item's nothing is known.
    """
    users, items = merged.old_users, merged.old_items
    n_users, n_items = merged.ratings.n_users, merged.ratings.n_items
    weights = posterior.link_weights
    if weights.shape[1] > n_given:
        positions = np.append(np.arange(n_given), n_given + items)
        weights = _spread(weights.transpose(1, 0, 2), positions, n_given + n_items).transpose(1, 0, 2)
    item_precisions = posterior.item_precisions
    if posterior.has_item_noise:
        # A new item's ratings are as precise as is expected of any.
        item_precisions = _spread(item_precisions, items, n_items, fill=1)
    return replace(
        posterior,
        item_precisions=item_precisions,
        user_samples=_spread(posterior.user_samples, users, n_users),
        item_samples=_spread(posterior.item_samples, items, n_items),
        user_bias_samples=_spread(posterior.user_bias_samples, users, n_users),
        item_bias_samples=_spread(posterior.item_bias_samples, items, n_items),
        link_weights=np.ascontiguousarray(weights),
    )


def _spread(array: NDArray[Any], positions: NDArray[Any], n_rows: int, fill: float = 0) -> NDArray[Any]:
    spread = np.full((n_rows, *array.shape[1:]), fill, dtype=array.dtype)
    spread[positions] = array
    return spread


def in_turn(
    posterior: Posterior, raters: Iterator[SampledPersons], codes: ContextCodes
) -> Iterator[SampledPersons]:
    """People of one sample after the other, each in the context of this code."""
    for sample, persons in enumerate(raters):
        side = persons.side
        if posterior.has_contexts:
            side = in_context(side, posterior.contexts_in(sample, codes))
        yield replace(persons, side=side)


def solved_item(
    priors: ItemPriors, rated: Rows, raters: Iterator[SampledPersons], *, offset: float
) -> tuple[SampledRows, Floats]:
    """The factors and biases of an item in every sample, from its ratings, and how precise these are.

    Parameters
    ----------
    rated : Rows
        One row; its columns are positions among the raters.
    raters : iterator of SampledPersons
        Those who rated the item, in one sample after the other.

    Returns
    -------
    SampledRows
    ndarray of float32, shape (1, S), or (0, S)
        As `Posterior.item_precisions`.
    """
    posterior, sides, precisions = priors.posterior, [], []
    for sample, persons in enumerate(raters):
        fixed, noise = persons.side, persons.noise
        side = Side.empty(1, fixed.factors.shape[1], biases=True)
        alpha = float(posterior.noise_precisions[sample])
        solve = partial(_solve_item, priors.of(sample), alpha, fixed, side, offset)
        observed = weighed(rated, columns=None if noise is None else noise[0])
        if not posterior.has_item_noise:
            solve(observed, TO_THE_LAST_DIGIT)
        else:
            found, _ = solve_with_own_noise(
                solve,
                observed,
                rated.totals.astype(np.float64),
                degrees=float(posterior.item_noise_degrees[sample]),
                noise_precision=alpha,
                solver=TO_THE_LAST_DIGIT,
                sample=sample,
            )
            precisions.append(found)
        sides.append(side)
    factors = np.stack([side.factors for side in sides], axis=1)
    item = SampledRows.of(factors, np.stack([bias_of(side) for side in sides], axis=1))
    if not precisions:
        return item, posterior.item_precisions
    return item, np.stack(precisions, axis=1).astype(np.float32)


def _solve_item(
    prior: RowPrior,
    noise_precision: float,
    raters: Side,
    item: Side,
    offset: float,
    rated: Rows,
    solver: Solver,
    row_errors: Doubles | None = None,
) -> None:
    solve_under_prior(
        rated,
        raters,
        item,
        precision=prior.precision,
        means=prior.mean[None, :],
        noise_precision=noise_precision,
        offset=offset,
        n_threads=1,
        solver=solver,
        row_errors=row_errors,
    )
