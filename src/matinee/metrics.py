"""Metrics of predictions and of recommendations: functions of arrays.

A ranking metric takes two steps. `find_hits` compares lists of k recommendations with the items that are
relevant to each user, and `find_values` with the ratings that the user gave. A metric then gives one number
per user, from 0 to 1; the figure usually reported is the mean over the users. Where libraries disagree, the
docstring says which definition this is. Items of equal score stay in the order of the ranker: nothing here
reorders a list. If there are fewer than k items to recommend to anybody, the lists may be narrower than k;
the parameter ``k`` is then their length.

`catalogue_coverage` and `novelty` describe all lists together. They take the number of lists that each item
is in.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Hits: TypeAlias = NDArray[np.bool_]
PerUser: TypeAlias = NDArray[np.float64]


def liked_and_disliked(low: float, high: float) -> tuple[float, float] | None:
    """From which rating on something was liked, and up to which it was disliked.

    Four fifths of the greatest rating and two fifths; None if ratings between these two tell neither.
    """
    return (4 * high / 5, 2 * high / 5) if low < high and high > 0 else None


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """The root of the mean squared error.

    Parameters
    ----------
    actual, predicted : array of numbers, shape (n,)

    Raises
    ------
    ValueError
        If the shapes differ, or the arrays are empty.
    """
    errors = _errors(actual, predicted)
    return float(np.sqrt(np.mean(np.square(errors, out=errors))))


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """The mean absolute error; parameters and errors as in `rmse`."""
    errors = _errors(actual, predicted)
    return float(np.mean(np.abs(errors, out=errors)))


def find_hits(recommended: ArrayLike, indptr: ArrayLike, columns: ArrayLike) -> Hits:
    """Which of the recommended items are relevant.

    Parameters
    ----------
    recommended : array of int, shape (n_users, k)
        The best first, each item once. −1 fills a list with fewer than k items, and counts as a miss.
    indptr : array of int, shape (n_users + 1,)
        The items ``columns[indptr[u]:indptr[u + 1]]`` are relevant to user ``u``.
    columns : array of int, shape (n_relevant,)
        Ascending in each row.

    Returns
    -------
    ndarray of bool, shape (n_users, k)

    Raises
    ------
    ValueError
        If the shapes don't fit together, an item is in a list twice, or the columns of a row don't ascend.
    """
    return _find(recommended, indptr, columns)[0]


def find_values(
    recommended: ArrayLike, indptr: ArrayLike, columns: ArrayLike, values: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """The value of each recommended item, such as the rating that the user gave it.

    Parameters
    ----------
    recommended, indptr, columns
        As in `find_hits`.
    values : ndarray of floats, shape (n_relevant,)
        The value of each item in ``columns``.

    Returns
    -------
    ndarray of the type of ``values``, shape (n_users, k)
        NaN for an item that is not in the user's row.

    Raises
    ------
    ValueError
        As `find_hits`, or if there is not one value for each item.
    """
    if values.shape != np.shape(columns):
        raise ValueError(f"values has shape {values.shape}; expected that of columns, {np.shape(columns)}")
    found, places = _find(recommended, indptr, columns)
    in_lists = np.full(found.shape, np.nan, dtype=values.dtype)
    in_lists[found] = values[places[found]]
    return in_lists


def precision(hits: Hits, *, k: int | None = None) -> PerUser:
    """The number of hits divided by k, even if a list is shorter than k.

    Parameters
    ----------
    hits : ndarray of bool, shape (n_users, width)
    k : int, optional
        The length of the lists; ``width``, if not given.

    Returns
    -------
    ndarray of float64, shape (n_users,)
    """
    return np.asarray(_checked(hits).sum(axis=1) / float(_length(hits, k)))


def recall(hits: Hits, n_relevant: ArrayLike) -> PerUser:
    """The share of a user's relevant items that are among the k.

    It cannot reach 1 for a user with more than k relevant items; see `truncated_recall`.

    Parameters
    ----------
    hits : ndarray of bool, shape (n_users, width)
    n_relevant : array of int, shape (n_users,)
        The number of relevant items, at least 1: leave out users who have none.

    Returns
    -------
    ndarray of float64, shape (n_users,)
    """
    counts = _checked_counts(hits, n_relevant)
    return np.asarray(_checked(hits).sum(axis=1) / counts)


def truncated_recall(hits: Hits, n_relevant: ArrayLike, *, k: int | None = None) -> PerUser:
    """The number of hits divided by the most there could be: the smaller of k and ``n_relevant``.

    This is the Recall@k of Liang, Krishnan, Hoffman & Jebara (2018) and of Rendle et al. (2021). Parameters
    as in `recall` and `precision`.
    """
    return np.asarray(_checked(hits).sum(axis=1) / _most_hits(hits, n_relevant, k))


def ndcg(hits: Hits, n_relevant: ArrayLike, *, k: int | None = None) -> PerUser:
    """Normalised discounted cumulative gain: a hit at rank r counts 1 / log₂(r + 1).

    Gains are 0 or 1; see `graded_ndcg` for others. The ideal list is the best of length k: it has hits at the
    first min(k, n_relevant) ranks. Parameters as in `recall` and `precision`.
    """
    most, width = _most_hits(hits, n_relevant, k), _checked(hits).shape[1]
    discounts = 1 / np.log2(np.arange(2, max(width, int(most.max(initial=0))) + 2))
    ideal = np.cumsum(discounts)[most - 1]
    # Summed in the same order as the ideal, so that a perfect list gets exactly 1.
    return np.asarray(np.cumsum(hits * discounts[:width], axis=1)[:, -1] / ideal)


def graded_gains(ratings: ArrayLike, greatest: float) -> NDArray[np.float64]:
    """The gain of each rating for `graded_ndcg`: 2^grade − 1, with the grades of a scale from 0 to 5.

    The grade is ``5 · rating / greatest``, at least 0 and at most 5, so that on a scale of 1 to 5 it is the
    rating: a 5 gains 31, a 4 gains 15, and a 1 gains 1. The exponential gain is that of Burges et al. (2005).

    Parameters
    ----------
    ratings : array of numbers
    greatest : float
        The greatest rating of the scale.

    Returns
    -------
    ndarray of float64, of the shape of ``ratings``
        NaN for a rating that is NaN.

    Raises
    ------
    ValueError
        If the greatest rating is not above 0.
    """
    if not greatest > 0:
        raise ValueError(f"greatest={greatest!r}; expected a rating above 0")
    grades = np.clip(np.asarray(ratings, dtype=np.float64) / greatest, 0.0, 1.0) * 5
    return np.asarray(np.exp2(grades) - 1)


def graded_ndcg(gains: ArrayLike, indptr: ArrayLike, possible: ArrayLike, *, k: int | None = None) -> PerUser:
    """Normalised discounted cumulative gain, with gains that differ (Järvelin & Kekäläinen 2002).

    An item at rank r counts its gain / log₂(r + 1). The ideal list is the best of length k: it has the user's
    items of the highest gains, in the order of their gains. If all gains are alike, this is `ndcg`.

    Parameters
    ----------
    gains : array of numbers, shape (n_users, width)
        The gain of each item in the lists; 0 for one that is not relevant.
    indptr : array of int, shape (n_users + 1,)
        The gains ``possible[indptr[u]:indptr[u + 1]]`` are those of all items relevant to user ``u``.
    possible : array of numbers, shape (n_relevant,)
        At least 0.
    k : int, optional
        The length of the lists; ``width``, if not given.

    Returns
    -------
    ndarray of float64, shape (n_users,)
        0 for a user of whose items none has a gain.
    """
    in_lists, bounds, all_gains = np.asarray(gains), np.asarray(indptr), np.asarray(possible)
    if in_lists.ndim != 2 or bounds.shape != (len(in_lists) + 1,) or bounds[-1] != len(all_gains):
        raise ValueError(
            f"gains has shape {in_lists.shape}, indptr {bounds.shape}, possible {all_gains.shape}; expected "
            "(n_users, k), (n_users + 1,) and as many possible gains as indptr ends with"
        )
    width, counts = in_lists.shape[1], np.diff(bounds)
    rows = np.repeat(np.arange(len(in_lists)), counts)
    ranks = np.arange(len(all_gains)) - np.repeat(bounds[:-1], counts)
    discounts = 1 / np.log2(np.arange(2, max(width, int(counts.max(initial=0))) + 2))
    # A k larger than every count means no more than the counts, and may be too large for an array.
    length = min(_checked_length(width, k), len(discounts))
    # Sorted by descending gain within each row, as the rows stay where they are.
    best = all_gains[np.lexsort((-all_gains, rows))] * discounts[ranks] * (ranks < length)
    ideal = np.bincount(rows, weights=best, minlength=len(in_lists))
    # Summed one by one, in the same order as the ideal, so that a perfect list gets exactly 1.
    found = np.cumsum(in_lists * discounts[:width], axis=1)[:, -1]
    return np.divide(found, ideal, out=np.zeros(len(in_lists)), where=ideal > 0)


def average_precision(hits: Hits, n_relevant: ArrayLike, *, k: int | None = None) -> PerUser:
    """The sum of the precisions at the ranks of the hits, divided by min(k, n_relevant).

    Its mean over users is MAP at k. Parameters as in `recall` and `precision`.
    """
    ranks = np.arange(1, _checked(hits).shape[1] + 1)
    precisions = np.cumsum(hits, axis=1) / ranks
    return np.asarray((precisions * hits).sum(axis=1) / _most_hits(hits, n_relevant, k))


def reciprocal_rank(hits: Hits) -> PerUser:
    """1 / rank of the first hit, 0 if none of the k is a hit; the mean over users is MRR at k."""
    first = _checked(hits).argmax(axis=1)
    return np.asarray(hits.any(axis=1) / (first + 1))


def hit_rate(hits: Hits) -> PerUser:
    """1 for a user with a hit among the k, 0 for one without."""
    return np.asarray(_checked(hits).any(axis=1), dtype=np.float64)


def catalogue_coverage(n_recommended: ArrayLike) -> float:
    """The share of the items that are in at least one list.

    Parameters
    ----------
    n_recommended : array of int, shape (n_items,)
        The number of lists that each item of the catalogue is in.

    Returns
    -------
    float
        From 0 to 1; NaN if there are no items.
    """
    counts = np.asarray(n_recommended)
    return float((counts > 0).mean()) if counts.size else math.nan


def novelty(n_recommended: ArrayLike, n_raters: ArrayLike, n_users: int) -> float:
    """How unexpected the items in the lists are: the mean of −log₂(share of the users who rated the item).

    This is the mean self-information of Zhou et al. (2010) and of Vargas & Castells (2011), over all places
    of all lists. An item that nobody rated counts as rated by one user, as its information would be infinite.

    Parameters
    ----------
    n_recommended, n_raters : array of int, shape (n_items,)
        The number of lists that each item is in, and the number of users who rated it in training.
    n_users : int
        The number of users who rated anything in training.

    Returns
    -------
    float
        In bits: 0 for an item that everybody rated, and at most log₂(n_users). NaN if all lists are empty.
    """
    places, bits = np.asarray(n_recommended), self_information(n_raters, n_users)
    if places.shape != bits.shape:
        raise ValueError(f"n_recommended has shape {places.shape}, n_raters {bits.shape}; expected the same")
    total = places.sum()
    return float((places * bits).sum() / total) if total else math.nan


def self_information(n_raters: ArrayLike, n_users: int) -> NDArray[np.float64]:
    """How unexpected each item is, in bits: −log₂(share of the users who rated it); as in `novelty`.

    Parameters
    ----------
    n_raters : array of int, shape (n_items,)
        The number of users who rated each item; 0 counts as 1.
    n_users : int
        The number of users who rated anything.

    Returns
    -------
    ndarray of float64, shape (n_items,)
    """
    return np.asarray(np.log2(max(n_users, 1) / np.maximum(np.asarray(n_raters), 1)))


def _errors(actual: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    truth, guess = np.asarray(actual), np.asarray(predicted)
    if truth.shape != guess.shape:
        raise ValueError(f"actual has shape {truth.shape}, predicted {guess.shape}; expected the same")
    if truth.size == 0:
        raise ValueError("there are no predictions; expected at least one")
    return np.asarray(np.subtract(truth, guess, dtype=np.float64))


def _find(recommended: ArrayLike, indptr: ArrayLike, columns: ArrayLike) -> tuple[Hits, NDArray[np.int64]]:
    """Which of the recommended items are in the user's row, and at which places of ``columns`` these are."""
    lists, bounds, relevant = np.asarray(recommended), np.asarray(indptr), np.asarray(columns)
    _check_lists(lists)
    _check_rows(lists, bounds, relevant)
    # One number for each pair of user and item, ascending, so that all users are searched at once.
    width = int(relevant.max(initial=-1)) + 1
    keys = np.repeat(np.arange(len(lists)) * width, np.diff(bounds)) + relevant
    if (keys[1:] <= keys[:-1]).any():
        raise ValueError("the columns of relevant items must ascend in each row, each once")
    wanted = lists.astype(np.int64) + (np.arange(len(lists)) * width)[:, np.newaxis]
    places = np.searchsorted(keys, wanted)
    found = np.zeros(lists.shape, dtype=bool)
    # A filler, or an item beyond the last relevant one, would have the number of another user's pair.
    possible = (lists >= 0) & (lists < width) & (places < len(keys))
    found[possible] = keys[places[possible]] == wanted[possible]
    return found, places


def _check_lists(lists: NDArray[Any]) -> None:
    if lists.ndim != 2 or lists.dtype.kind not in "iu" or lists.shape[1] == 0:
        raise ValueError(
            f"recommended has shape {lists.shape} and dtype {lists.dtype}; expected integers, (n_users, k)"
        )
    ordered = np.sort(lists, axis=1)
    repeated = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if repeated.any():
        raise ValueError(
            f"row {int(repeated.argmax())} of recommended holds an item twice; expected each once"
        )


def _check_rows(lists: NDArray[Any], indptr: NDArray[Any], columns: NDArray[Any]) -> None:
    if indptr.shape != (len(lists) + 1,):
        raise ValueError(
            f"indptr has shape {indptr.shape}; expected ({len(lists) + 1},) for {len(lists)} users"
        )
    if columns.ndim != 1 or indptr[0] != 0 or indptr[-1] != len(columns) or (np.diff(indptr) < 0).any():
        raise ValueError(
            f"indptr must rise from 0 to the number of columns; columns has shape {columns.shape}"
        )
    if columns.min(initial=0) < 0:
        raise ValueError(f"columns holds {columns.min()}; expected positions from 0")


def _checked(hits: Hits) -> Hits:
    if hits.ndim != 2 or hits.dtype != bool or hits.shape[1] == 0:
        raise ValueError(f"hits has shape {hits.shape} and dtype {hits.dtype}; expected bool, (n_users, k)")
    return hits


def _checked_counts(hits: Hits, n_relevant: ArrayLike) -> NDArray[Any]:
    counts = np.asarray(n_relevant)
    if counts.shape != (len(hits),):
        raise ValueError(f"n_relevant has shape {counts.shape}; expected ({len(hits)},), one for each user")
    if counts.min(initial=1) < 1:
        raise ValueError(f"nothing is relevant to user {int(counts.argmin())}; leave such users out")
    return counts


def _most_hits(hits: Hits, n_relevant: ArrayLike, k: int | None) -> NDArray[Any]:
    counts = _checked_counts(hits, n_relevant)
    # A k larger than every count means no more than the counts, and may be too large for an array.
    return np.asarray(np.minimum(counts, min(_length(hits, k), int(counts.max(initial=1)))))


def _length(hits: Hits, k: int | None) -> int:
    return _checked_length(_checked(hits).shape[1], k)


def _checked_length(width: int, k: int | None) -> int:
    if k is not None and k < width:
        raise ValueError(f"k={k} for lists of {width} items; expected a k of at least {width}")
    return width if k is None else k
