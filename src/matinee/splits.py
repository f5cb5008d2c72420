"""Ratings to learn from and ratings to test on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.columns import UNKNOWN_TIME, Timestamps
from matinee.errors import DataError
from matinee.ratings import Ratings

SplitBy: TypeAlias = Literal["random", "user", "last", "time"]
Mask: TypeAlias = NDArray[np.bool_]


def split(
    ratings: Ratings,
    *,
    test_size: float | int = 0.2,
    by: SplitBy = "random",
    random_state: int | np.random.Generator | None = 42,
) -> tuple[Ratings, Ratings]:
    """The ratings in two parts, ``(train, test)``: every rating in exactly one of them.

    Which question each kind of split answers:

    ========== ==================================================================================
    by         question
    ========== ==================================================================================
    "random"   How well are the gaps in the table filled? Optimistic: the model learns from what
               came after the ratings it is tested on, and people with many ratings count most.
    "user"     The same, with each person tested in proportion to their own ratings.
    "last"     What will people who are known rate next?
    "time"     What will a system that learned until now see from now on, new people and new
               films included? The hardest, and the nearest to what a service goes through.
    ========== ==================================================================================

    Parameters
    ----------
    ratings : Ratings
    test_size : float or int
        A float between 0 and 1 is the share of the ratings to test on. An int is their number: in all
        for "random" and "time", of each user for "user" and "last"; ``by="last", test_size=1`` leaves
        each user's last rating out.
    by : {"random", "user", "last", "time"}
        "random": any ratings, ``round(test_size * n)`` of them.
        "user": any ratings of each user. "last": each user's latest; of ratings with one timestamp the
        one whose item id sorts last counts as the latest.
        "time": the latest ratings of all. Ratings with the timestamp of the cut stay together, on the side
        that brings the test nearest to its size.
    random_state : int, numpy.random.Generator or None
        The seed; None for another split each time. "last" and "time" draw nothing.

    Returns
    -------
    train, test : Ratings
        Of the same users and items, rated or not, so that rows mean the same in both. Neither is empty.
        The order in which the ratings were read makes no difference.

    Raises
    ------
    DataError
        For a parameter out of its range, a side without ratings, or, by "last" and "time", a rating
        without a timestamp.

    Notes
    -----
    By "user" and "last", at least one rating of each user stays in ``train``, and users with a single
    rating are not tested. A user's share is rounded down or up; what rounding takes from one user it gives
    to the next, so that the test is ``test_size`` of the ratings of those who have two or more (fewer,
    where a share above a half would have taken all that a user has).
    """
    _check_ratings(ratings)
    _check_test_size(test_size)
    if by not in get_args(SplitBy):
        expected = ", ".join(map(repr, get_args(SplitBy)))
        raise DataError(f"by={by!r}; expected one of {expected}")
    chosen = _CHOICES[by](ratings, test_size, _generator(random_state))
    if not chosen.any() or chosen.all():
        side = "train" if chosen.any() else "test"
        raise DataError(
            f"no rating would be left to {side} on: {len(ratings):,} ratings split "
            f"by={by!r} with test_size={test_size!r}; choose another size or kind of split"
        )
    return ratings.subset(~chosen), ratings.subset(chosen)


def k_fold(
    ratings: Ratings, *, k: int = 5, random_state: int | np.random.Generator | None = 42
) -> Iterator[tuple[Ratings, Ratings]]:
    """The ratings split k times at random, ``(train, test)`` each: every rating is tested on once.

    Parameters
    ----------
    ratings : Ratings
    k : int
        The number of folds, from 2 to the number of ratings. Their sizes differ by at most one rating.
    random_state : int, numpy.random.Generator or None

    Returns
    -------
    iterator of tuple of Ratings
        Of the same users and items all; made one after the other, so that one pair is in memory at a time.

    Raises
    ------
    DataError
        For a parameter out of its range, at the call and not at the first fold.
    """
    _check_ratings(ratings)
    if not _is_whole(k) or not 2 <= k <= len(ratings):
        raise DataError(f"k={k!r}; expected a whole number from 2 to the number of ratings, {len(ratings):,}")
    folds = np.arange(len(ratings), dtype=np.int32) % np.int32(k)
    _generator(random_state).shuffle(folds)
    return ((ratings.subset(folds != fold), ratings.subset(folds == fold)) for fold in range(k))


def _by_random(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    chosen = np.zeros(len(ratings), dtype=bool)
    n_test = _number_in_all(ratings, test_size)
    chosen[generator.choice(len(ratings), n_test, replace=False, shuffle=False)] = True
    return chosen


def _by_user(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    # A start drawn for the rounding gives every user their exact share over many seeds.
    n_test = _number_per_user(ratings, test_size, carried=generator.random())
    return _last_of_each_user(ratings, generator.integers(2**32, size=len(ratings), dtype=np.uint32), n_test)


def _by_last(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    n_test = _number_per_user(ratings, test_size, carried=0.5)
    return _last_of_each_user(ratings, _known_timestamps(ratings, "last"), n_test)


def _by_time(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    times = _known_timestamps(ratings, "time")
    n_test = _number_in_all(ratings, test_size)
    place = len(ratings) - max(n_test, 1)
    cut = np.partition(times, place)[place]
    after, from_cut = times > cut, times >= cut
    n_after, n_from_cut = int(after.sum()), int(from_cut.sum())
    if n_after == 0 or (n_from_cut - n_test <= n_test - n_after and n_from_cut < len(ratings)):
        return np.asarray(from_cut)
    return np.asarray(after)


_CHOICES: dict[str, Callable[[Ratings, float | int, np.random.Generator], Mask]] = {
    "random": _by_random,
    "user": _by_user,
    "last": _by_last,
    "time": _by_time,
}


def _number_in_all(ratings: Ratings, test_size: float | int) -> int:
    if isinstance(test_size, float | np.floating):
        return round(float(test_size) * len(ratings))
    if test_size >= len(ratings):
        raise DataError(
            f"test_size={test_size}, of {len(ratings):,} ratings; at least one must be left to train on"
        )
    return int(test_size)


def _number_per_user(ratings: Ratings, test_size: float | int, *, carried: float) -> NDArray[np.int64]:
    """How many ratings of each user to test on; ``carried`` is the share of a rating to start with."""
    counts = np.diff(ratings.by_user.indptr)
    testable = np.where(counts >= 2, counts, 0)
    if isinstance(test_size, float | np.floating):
        owed = np.floor(np.cumsum(testable) * float(test_size) + carried).astype(np.int64)
        wanted = np.diff(owed, prepend=0)
    else:
        wanted = np.full(len(counts), test_size)
    return np.asarray(np.minimum(wanted, np.maximum(testable - 1, 0)))


def _last_of_each_user(ratings: Ratings, keys: NDArray[Any], n_test: NDArray[np.int64]) -> Mask:
    """The ratings of the ``n_test`` greatest keys of each user; of equal keys the later rating."""
    users = ratings.user_positions
    frame = pl.DataFrame({"user": pl.Series(users).set_sorted(), "key": keys})
    # Ordinal ranks follow the order of the ratings where keys are equal.
    ranks = frame.select(pl.col("key").rank("ordinal").over("user")).to_series().to_numpy()
    n_train = np.diff(ratings.by_user.indptr) - n_test
    return np.asarray(ranks > n_train[users])


def _known_timestamps(ratings: Ratings, by: str) -> Timestamps:
    times = ratings.timestamps
    n_unknown = len(ratings) if times is None else int((times == UNKNOWN_TIME).sum())
    if times is None or n_unknown:
        raise DataError(
            f"{n_unknown:,} of {len(ratings):,} ratings have no timestamp, and by={by!r} needs them all; "
            'name the column with timestamp=… when reading, or split by "random" or "user"'
        )
    return times


def _check_ratings(ratings: Any) -> None:
    if not isinstance(ratings, Ratings):
        given = type(ratings).__name__
        raise DataError(f"expected Ratings, got {given}; make them with matinee.Ratings.from_frame(…)")


def _check_test_size(test_size: Any) -> None:
    is_share = isinstance(test_size, float | np.floating) and 0 < test_size < 1
    if not is_share and not (_is_whole(test_size) and test_size >= 1):
        raise DataError(
            f"test_size={test_size!r}; expected a share between 0 and 1, or a whole number of ratings"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _generator(random_state: Any) -> np.random.Generator:
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is not None and (not _is_whole(random_state) or random_state < 0):
        raise DataError(f"random_state={random_state!r}; expected a whole number of at least 0")
    return np.random.Generator(np.random.PCG64(random_state))
