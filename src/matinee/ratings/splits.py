"""Splits ratings into a part to learn from and a part to test on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_args, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import is_whole, random_generator
from matinee.errors import DataError
from matinee.ratings.ids import IdIndex
from matinee.ratings.ratings import Ratings, check_ratings
from matinee.ratings.times import Timestamps, known_times

SplitOfRatings: TypeAlias = Literal["random", "user", "last", "time"]
SplitBy: TypeAlias = Literal["random", "user", "last", "time", "new_users"]
# Quoted, as numpy loads its generators only once one is asked for.
RandomState: TypeAlias = "int | np.random.Generator | None"
Mask: TypeAlias = NDArray[np.bool_]


class HeldOutRatings(Ratings):
    """Ratings to test on, with a record of how they were chosen; their subsets have no such record.

    Attributes
    ----------
    split : str or None
        How they were chosen, with the parameters, in words.
    """

    split: str | None = None

    @classmethod
    def of(cls, ratings: Ratings, split: str) -> HeldOutRatings:
        """The same ratings, with the split that chose them."""
        rows, times, contexts = ratings.by_user, ratings.timestamps, ratings.contexts
        held_out = cls(ratings.user_index, ratings.item_index, rows, timestamps=times, contexts=contexts)
        held_out.split = split
        return held_out


@dataclass(frozen=True)
class NewUsers:
    """People to test on whom a model has not seen: what they tell the model, and what it has to find.

    Attributes
    ----------
    history, held_out : Ratings
        Two tables with the same users and items, without a pair in common. ``matinee.evaluate`` folds in each
        user's history, recommends nothing in it again, and looks for what was held out.
    split : str or None
        How they were chosen.
    """

    history: Ratings
    held_out: Ratings
    split: str | None = None

    def __post_init__(self) -> None:
        check_ratings(self.history)
        check_ratings(self.held_out)
        parts = self.history, self.held_out
        if parts[0].user_index != parts[1].user_index or parts[0].item_index != parts[1].item_index:
            raise DataError("history and held_out must be of the same users and items; make both with subset")
        taken, left = (part.user_positions * np.int64(part.n_items) + part.by_user.columns for part in parts)
        if np.isin(left, taken, assume_unique=True).any():
            raise DataError("a rating is in history and in held_out; expected each in one of them")

    @property
    def n_users(self) -> int:
        """The number of people."""
        return self.held_out.n_users

    def __len__(self) -> int:
        return len(self.held_out)

    def __repr__(self) -> str:
        found, told = len(self.held_out), len(self.history)
        return f"NewUsers({self.n_users:,} users: {told:,} ratings of theirs known, {found:,} to be found)"


class _Options(TypedDict, total=False):
    """The parameters of `split` that don't decide the type of what it returns."""

    test_size: float | int
    random_state: RandomState
    history_share: float


@overload
def split(
    ratings: Ratings, *, by: SplitOfRatings = ..., **options: Unpack[_Options]
) -> tuple[Ratings, HeldOutRatings]: ...
@overload
def split(
    ratings: Ratings, *, by: Literal["new_users"], **options: Unpack[_Options]
) -> tuple[Ratings, NewUsers]: ...
@overload
def split(
    ratings: Ratings, *, by: SplitBy, **options: Unpack[_Options]
) -> tuple[Ratings, HeldOutRatings | NewUsers]: ...


def split(
    ratings: Ratings,
    *,
    test_size: float | int = 0.2,
    by: SplitBy = "random",
    random_state: RandomState = 42,
    history_share: float = 0.8,
) -> tuple[Ratings, HeldOutRatings | NewUsers]:
    """The ratings in two parts, ``(train, test)``: every rating is in exactly one of them.

    Each kind of split answers another question:

    =========== ==================================================================================
    by          question
    =========== ==================================================================================
    "random"    How well are the gaps in the table filled? Optimistic: the model learns from what
                came after the ratings it is tested on, and people with many ratings count most.
    "user"      The same, with each person tested in proportion to their own ratings.
    "last"      What will people who are known rate next?
    "time"      What will a system that learned until now see from now on, new people and new
                films included? The hardest, and the nearest to what a service goes through.
    "new_users" What will people like, of whom the model learns a few ratings but never saw in
                training? The protocol of Liang et al. (2018) and Rendle et al. (2021).
    =========== ==================================================================================

    Parameters
    ----------
    ratings : Ratings
    test_size : float or int
        A float between 0 and 1 is the share of the ratings to test on. An int is their number: the number of
        all test ratings for "random" and "time", and the number for each user for "user" and "last". So
        ``by="last", test_size=1`` leaves each user's last rating out. For "new_users" it is the share, or
        the number, of the users who have two ratings or more.
    by : {"random", "user", "last", "time", "new_users"}
        "random" draws ``round(test_size * n)`` of all ratings. "user" draws among the ratings of each user.
        "last" takes each user's latest ratings; of several with the same timestamp, the one whose item id
        sorts last counts as the latest.
        "time" takes the latest ratings of all. Ratings with the timestamp of the cut stay together, on the
        side that brings the test nearest to its size.
        "new_users" draws among the users who have two ratings or more, and takes all their ratings.
    random_state : int, numpy.random.Generator or None
        The seed; None gives another split each time. "last" and "time" draw nothing.
    history_share : float
        For "new_users": the share of each user's ratings that the model is told. They are drawn at
        random, and their number is rounded to the nearest, with at least one rating on either side.

    Returns
    -------
    train, test : Ratings
        Both have the same users and items, with or without ratings, so that rows mean the same in both.
        Neither is empty. The order in which the ratings were read makes no difference. By "new_users",
        ``test`` is `NewUsers`, and ``train`` has all the other users and the same items.

    Raises
    ------
    DataError
        For a parameter out of its range, a side without ratings, or, by "last" and "time", a rating
        without a timestamp.

    Notes
    -----
    By "user" and "last", at least one rating of each user stays in ``train``, and users with a single rating
    are not tested. A user's share is rounded down or up, and what rounding takes from one user it gives to
    the next. So the test is ``test_size`` of the ratings of the users who have two or more. It is smaller if
    a share above a half would have taken all ratings of a user.
    """
    check_ratings(ratings)
    _check_test_size(test_size)
    if by not in get_args(SplitBy):
        expected = ", ".join(map(repr, get_args(SplitBy)))
        raise DataError(f"by={by!r}; expected one of {expected}")
    words = _in_words(by, test_size, random_state)
    if by == "new_users":
        share = _checked_share(history_share)
        parts = _by_new_users(ratings, test_size, share, random_generator(random_state))
        return parts[0], NewUsers(*parts[1:], f"{words}, history_share={share:g}")
    chosen = _CHOICES[by](ratings, test_size, random_generator(random_state))
    if not chosen.any() or chosen.all():
        side = "train" if chosen.any() else "test"
        raise DataError(
            f"no rating would be left to {side} on: {len(ratings):,} ratings split "
            f"by={by!r} with test_size={test_size!r}; choose another size or kind of split"
        )
    return ratings.subset(~chosen), HeldOutRatings.of(ratings.subset(chosen), words)


def k_fold(
    ratings: Ratings, *, k: int = 5, random_state: RandomState = 42
) -> Iterator[tuple[Ratings, HeldOutRatings]]:
    """Split the ratings k times at random into ``(train, test)``; every rating is in a test once.

    Parameters
    ----------
    ratings : Ratings
    k : int
        The number of folds, from 2 to the number of ratings. Their sizes differ by at most one rating.
    random_state : int, numpy.random.Generator or None

    Returns
    -------
    iterator of tuple of Ratings
        All have the same users and items. They are made one after the other, so that one pair is in memory at
        a time.

    Raises
    ------
    DataError
        For a parameter out of its range; it is raised by the call, before the first fold.
    """
    check_ratings(ratings)
    if not is_whole(k) or not 2 <= k <= len(ratings):
        raise DataError(f"k={k!r}; expected a whole number from 2 to the number of ratings, {len(ratings):,}")
    folds = np.arange(len(ratings), dtype=np.int32) % np.int32(k)
    random_generator(random_state).shuffle(folds)
    seed = _seed_in_words(random_state)
    return (
        (
            ratings.subset(folds != fold),
            HeldOutRatings.of(ratings.subset(folds == fold), f"fold {fold + 1} of {k}, {seed}"),
        )
        for fold in range(k)
    )


def _by_random(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    chosen = np.zeros(len(ratings), dtype=bool)
    n_test = _number_in_all(ratings, test_size)
    chosen[generator.choice(len(ratings), n_test, replace=False, shuffle=False)] = True
    return chosen


def _by_user(ratings: Ratings, test_size: float | int, generator: np.random.Generator) -> Mask:
    # The rounding starts at random, so that over many seeds every user has their exact share in the test.
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


def _by_new_users(
    ratings: Ratings, test_size: float | int, history_share: float, generator: np.random.Generator
) -> tuple[Ratings, Ratings, Ratings]:
    """The ratings to train on, those of the new users to tell the model, and those it has to find."""
    counts = ratings.by_user.counts
    possible = np.flatnonzero(counts >= 2)
    n_test = _number_of_users(test_size, len(possible))
    is_new = np.zeros(len(counts), dtype=bool)
    is_new[generator.choice(possible, n_test, replace=False, shuffle=False)] = True
    of_new = is_new[ratings.user_positions]
    if not of_new.any() or of_new.all():
        side = "train" if of_new.any() else "test"
        raise DataError(
            f"no user would be left to {side} on: {len(possible):,} users with two ratings or more split "
            f"by='new_users' with test_size={test_size!r}; choose another size or kind of split"
        )
    n_held_out = np.clip(np.rint(counts * (1 - history_share)).astype(np.int64), 1, counts - 1)
    keys = generator.integers(2**32, size=len(ratings), dtype=np.uint32)
    held_out = _last_of_each_user(ratings, keys, np.where(is_new, n_held_out, 0))
    return (
        _of_users(ratings, ~is_new, ~of_new),
        _of_users(ratings, is_new, of_new & ~held_out),
        _of_users(ratings, is_new, held_out),
    )


def _of_users(ratings: Ratings, users: Mask, chosen: Mask) -> Ratings:
    """The chosen ratings, all of the users given, with rows for these users alone."""
    part = ratings.subset(chosen)
    rows = part.by_user.pick(np.flatnonzero(users))
    index, contexts = IdIndex(ratings.users[users]), ratings.contexts
    return Ratings(index, ratings.item_index, rows, timestamps=part.timestamps, contexts=contexts)


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
            f"test_size={test_size} for {len(ratings):,} ratings; at least one must be left to train on"
        )
    return int(test_size)


def _number_of_users(test_size: float | int, n_possible: int) -> int:
    if isinstance(test_size, float | np.floating):
        return round(float(test_size) * n_possible)
    if test_size > n_possible:
        raise DataError(f"test_size={test_size}; there are {n_possible:,} users with two ratings or more")
    return int(test_size)


def _number_per_user(ratings: Ratings, test_size: float | int, *, carried: float) -> NDArray[np.int64]:
    """The number of test ratings of each user; ``carried`` is the fraction that rounding starts with."""
    counts = ratings.by_user.counts
    testable = np.where(counts >= 2, counts, 0)
    if isinstance(test_size, float | np.floating):
        owed = np.floor(np.cumsum(testable) * float(test_size) + carried).astype(np.int64)
        wanted = np.diff(owed, prepend=0)
    else:
        wanted = np.full(len(counts), test_size)
    return np.asarray(np.minimum(wanted, np.maximum(testable - 1, 0)))


def _last_of_each_user(ratings: Ratings, keys: NDArray[Any], n_test: NDArray[np.int64]) -> Mask:
    """A mask of each user's ratings with the ``n_test`` largest keys; of equal keys the later rating."""
    users = ratings.user_positions
    frame = pl.DataFrame({"user": pl.Series(users).set_sorted(), "key": keys})
    # Ordinal ranks follow the order of the ratings where keys are equal.
    ranks = frame.select(pl.col("key").rank("ordinal").over("user")).to_series().to_numpy()
    n_train = ratings.by_user.counts - n_test
    return np.asarray(ranks > n_train[users])


def _known_timestamps(ratings: Ratings, by: str) -> Timestamps:
    otherwise = 'split by "random" or "user"'
    return known_times(ratings.timestamps, len(ratings), needed_by=f"by={by!r}", otherwise=otherwise)


def _check_test_size(test_size: Any) -> None:
    is_share = isinstance(test_size, float | np.floating) and 0 < test_size < 1
    if not is_share and not (is_whole(test_size) and test_size >= 1):
        raise DataError(
            f"test_size={test_size!r}; expected a share between 0 and 1, or a whole number of ratings"
        )


def _checked_share(history_share: Any) -> float:
    if not isinstance(history_share, float | np.floating) or not 0 < history_share < 1:
        raise DataError(f"history_share={history_share!r}; expected a share between 0 and 1")
    return float(history_share)


def _in_words(by: str, test_size: float | int, random_state: Any) -> str:
    words = f"{by}, test_size={test_size}"
    return words if by in ("last", "time") else f"{words}, {_seed_in_words(random_state)}"


def _seed_in_words(random_state: Any) -> str:
    is_generator = isinstance(random_state, np.random.Generator)
    return f"random_state={'a generator' if is_generator else random_state}"
