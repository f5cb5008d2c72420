"""Metrics of lists beside accuracy: functions of arrays, one number for each list."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

# Of the profile's genres, so that a genre that a list lacks does not make the divergence infinite; as in
# Steck (2018).
SMOOTHING = 0.01


def gini(n_recommended: ArrayLike) -> float:
    """How unevenly the items of the catalogue are shown: the Gini coefficient of the number of their lists.

    Parameters
    ----------
    n_recommended : array of int, shape (n_items,)
        The number of lists that each item of the catalogue is in.

    Returns
    -------
    float
        0 if all are shown alike, near 1 if few items take all places; NaN if all lists are empty.
    """
    counts = np.sort(np.asarray(n_recommended, dtype=np.float64))
    n, total = len(counts), counts.sum()
    return float(((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / (n * total)) if total else math.nan


def intra_list_diversity(lists: NDArray[Any], genres: Doubles) -> Doubles:
    """How little the items of a list have in common: the mean of 1 − cosine of their genres over all pairs.

    This is the intra-list distance of Smyth & McClave (2001) and Ziegler et al. (2005). Items without a genre
    are left out.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, k)
        Positions of items; −1 fills up.
    genres : ndarray of float64, shape (n_items, n_genres)
        1 where an item is of a genre, 0 elsewhere.

    Returns
    -------
    ndarray of float64, shape (n_users,)
        From 0, all of the same genres, to 1, no genre in common; NaN for a list of fewer than two items.
    """
    lengths = np.linalg.norm(genres, axis=1, keepdims=True)
    directions = np.divide(genres, lengths, out=np.zeros_like(genres), where=lengths > 0)
    has_genre = (lists >= 0) & (lengths[lists, 0] > 0)
    counts = has_genre.sum(axis=1)
    together = _summed(lists, has_genre, directions)
    # The square of the sum of unit vectors holds each pair twice, and each vector with itself.
    cosines = np.square(together).sum(axis=1) - counts
    pairs = counts * (counts - 1.0)
    return np.asarray(1 - np.divide(cosines, pairs, out=np.full(len(lists), math.nan), where=pairs > 0))


def miscalibration(
    lists: NDArray[Any], indptr: NDArray[Any], columns: NDArray[Any], genres: Doubles
) -> Doubles:
    """How far the genres of a list are from those of what the person has rated.

    This is the divergence of Kullback & Leibler between the two distributions over genres, in nats, as in
    Steck (2018): an item counts alike for each of its genres, and the list's distribution has a hundredth of
    the person's mixed in.

    Parameters
    ----------
    lists, genres
        As in `intra_list_diversity`.
    indptr, columns : ndarray of int
        The items ``columns[indptr[u]:indptr[u + 1]]`` were rated by the user of list ``u``.

    Returns
    -------
    ndarray of float64, shape (n_users,)
        From 0, a list with the same shares of genres; NaN without a genre on either side.
    """
    shares = normalised(genres)
    profile = profiles_of(indptr, columns, shares)
    shown = _summed(lists, lists >= 0, shares)
    has_both = (profile.sum(axis=1) > 0) & (shown.sum(axis=1) > 0)
    p, q = normalised(profile), normalised(shown)
    return np.where(has_both, divergence(p, q), math.nan)


def profiles_of(indptr: NDArray[Any], columns: NDArray[Any], shares: Doubles) -> Doubles:
    """The sum of the shares of genres over the items of each row; shape (n_rows, n_genres)."""
    n_rows = len(indptr) - 1
    owners, found = np.repeat(np.arange(n_rows), np.diff(indptr)), np.zeros((n_rows, shares.shape[1]))
    # A genre at a time: the shares of all ratings at once would be as many numbers as ratings and genres.
    for place, of_genre in enumerate(shares.T):
        found[:, place] = np.bincount(owners, of_genre[columns], minlength=n_rows)
    return found


def normalised(weights: Doubles) -> Doubles:
    """Weights divided by their sums over the last axis; 0 where there is none."""
    totals = weights.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0))


def divergence(p: Doubles, q: Doubles) -> Doubles:
    """The divergence of distributions over genres, a row each, with a hundredth of ``p`` mixed into ``q``."""
    mixed = (1 - SMOOTHING) * q + SMOOTHING * p
    ratios = np.divide(p, mixed, out=np.ones_like(mixed), where=p > 0)
    found: Doubles = (p * np.log(ratios)).sum(axis=-1)
    return np.maximum(found, 0.0)


def auc_of_ranks(ranks: NDArray[Any], n_ranked: int) -> float:
    """The share of the pairs of a relevant and another item in which the relevant one stands first.

    Parameters
    ----------
    ranks : ndarray of int, shape (n_relevant,)
        The places of the relevant items in a ranking, from 0.
    n_ranked : int
        The length of the ranking.

    Returns
    -------
    float
        1 for a perfect ranking, 0.5 for chance; NaN if all or none is relevant.
    """
    n = len(ranks)
    pairs = n * (n_ranked - n)
    return 1 - (float(np.sum(ranks)) - n * (n - 1) / 2) / pairs if pairs else math.nan


def _summed(lists: NDArray[Any], which: NDArray[np.bool_], vectors: Doubles) -> Doubles:
    """The sum of the vectors of the chosen places of each list."""
    total = np.zeros((len(lists), vectors.shape[1]))
    for place in range(lists.shape[1]):
        total += np.where(which[:, place, None], vectors[lists[:, place]], 0.0)
    return total
