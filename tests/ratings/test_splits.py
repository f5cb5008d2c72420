from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.errors import DataError
from matinee.ratings import UNKNOWN_TIME, Ratings
from matinee.ratings.splits import NewUsers, k_fold, split

KINDS = ["random", "user", "last", "time"]
# Users, items, times: few of each, so that single ratings, equal times and empty sides all occur.
tables = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 7)), st.integers(0, 9), min_size=4, max_size=40
)


def ratings_of(table):
    users, items = zip(*table, strict=True)
    values = np.arange(len(users)) % 5 + 1
    return Ratings.from_arrays(users, items, values, timestamps=list(table.values()))


def pairs_of(ratings):
    return set(ratings.to_frame().select("user", "item").rows())


def many_ratings(n_users=60, seed=0):
    generator = np.random.default_rng(seed)
    counts = generator.integers(1, 40, n_users)
    items = np.concatenate([generator.permutation(50)[:count] for count in counts])
    users = np.repeat(np.arange(n_users), counts)
    return Ratings.from_arrays(
        users, items, np.ones(len(users)), timestamps=generator.permutation(len(users))
    )


@given(tables, st.sampled_from(KINDS), st.floats(0.05, 0.95) | st.integers(1, 5), st.integers(0, 9))
def test_every_rating_is_on_exactly_one_side(table, by, test_size, seed):
    ratings = ratings_of(table)
    try:
        train, test = split(ratings, by=by, test_size=test_size, random_state=seed)
    except DataError:
        return
    whole = ratings.to_frame().rows()
    assert sorted(train.to_frame().rows() + test.to_frame().rows()) == whole
    assert len(train) > 0 and len(test) > 0
    assert train.user_index == test.user_index == ratings.user_index
    assert train.item_index == test.item_index == ratings.item_index


@pytest.mark.parametrize("by", KINDS)
def test_the_same_seed_splits_alike_whatever_the_order_of_the_rows(by):
    ratings = many_ratings()
    shuffled = ratings.to_frame().sample(fraction=1, shuffle=True, seed=3)
    again = Ratings.from_frame(shuffled, timestamp="timestamp")
    assert split(ratings, by=by, random_state=7) == split(again, by=by, random_state=7)


@pytest.mark.parametrize("by", ["random", "user"])
def test_another_seed_splits_otherwise(by):
    ratings = many_ratings()
    assert split(ratings, by=by, random_state=1) != split(ratings, by=by, random_state=2)


@pytest.mark.parametrize("by", ["last", "time"])
def test_a_split_by_time_draws_nothing(by):
    ratings = many_ratings()
    assert split(ratings, by=by, random_state=1) == split(ratings, by=by, random_state=2)


@pytest.mark.parametrize(("test_size", "expected"), [(0.2, 20), (0.014, 1), (0.99, 99), (7, 7)])
def test_a_random_test_has_the_size_asked_for(test_size, expected):
    ratings = Ratings.from_arrays(np.arange(100), np.arange(100), np.ones(100))
    assert len(split(ratings, test_size=test_size)[1]) == expected


def test_every_rating_is_as_likely_to_be_tested_on_as_any_other():
    # 3 ratings of one user and 17 of another: over 2,000 seeds each is drawn 400 times, give or take
    # 5 standard deviations of 18.
    ratings = Ratings.from_arrays([1] * 3 + [2] * 17, [*range(3), *range(17)], np.ones(20))
    for by in ("random", "user"):
        drawn = Counter(
            pair
            for seed in range(2000)
            for pair in pairs_of(split(ratings, by=by, test_size=0.2, random_state=seed)[1])
        )
        assert len(drawn) == 20
        assert all(abs(count - 400) < 90 for count in drawn.values()), (by, drawn)


@pytest.mark.parametrize("by", ["user", "last"])
@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.5])
def test_each_user_is_tested_on_their_share_rounded_down_or_up(by, test_size):
    ratings = many_ratings()
    train, test = split(ratings, by=by, test_size=test_size)
    counts, tested = np.diff(ratings.by_user.indptr), np.diff(test.by_user.indptr)
    share = counts * test_size
    several = counts >= 2
    assert (tested[several] >= np.floor(share[several])).all()
    assert (tested[several] <= np.ceil(share[several])).all()
    assert (tested[~several] == 0).all() and (~several).any()
    assert (np.diff(train.by_user.indptr) >= 1).all()
    assert abs(len(test) - share[several].sum()) <= 1


def test_a_large_share_still_leaves_each_user_a_rating_to_train_on():
    ratings = many_ratings()
    train, _ = split(ratings, by="user", test_size=0.99)
    assert (np.diff(train.by_user.indptr) >= 1).all()


@given(tables, st.integers(1, 3))
def test_last_takes_what_sorting_each_users_ratings_would(table, n_last):
    ratings = ratings_of(table)
    expected = set()
    for user in {user for user, _ in table}:
        history = sorted((time, item) for (who, item), time in table.items() if who == user)
        taken = history[max(1, len(history) - n_last) :]
        expected |= {(user, item) for _, item in taken}
    if not expected:
        with pytest.raises(DataError, match="no rating would be left to test on"):
            split(ratings, by="last", test_size=n_last)
        return
    assert pairs_of(split(ratings, by="last", test_size=n_last)[1]) == expected


def test_of_ratings_at_one_time_the_last_is_the_one_whose_item_sorts_last():
    ratings = Ratings.from_arrays([1] * 3, ["b", "a", "c"], [1, 2, 3], timestamps=[5, 5, 5])
    assert pairs_of(split(ratings, by="last", test_size=1)[1]) == {(1, "c")}


@given(tables, st.floats(0.05, 0.95))
def test_by_time_all_of_the_test_is_later_than_all_of_the_training(table, test_size):
    ratings = ratings_of(table)
    if len(set(table.values())) == 1:
        with pytest.raises(DataError, match="no rating would be left to train on"):
            split(ratings, by="time", test_size=test_size)
        return
    train, test = split(ratings, by="time", test_size=test_size)
    assert train.timestamps.max() < test.timestamps.min()
    # No other cut between two times comes nearer to the size asked for.
    wanted = round(test_size * len(table))
    sizes = [sum(time > cut for time in table.values()) for cut in set(table.values())]
    assert abs(len(test) - wanted) == min(abs(size - wanted) for size in sizes if size > 0)


@pytest.mark.parametrize("by", ["last", "time"])
def test_a_split_by_time_says_how_many_timestamps_are_missing(by):
    without = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 2, 3])
    with pytest.raises(DataError, match="3 of 3 ratings have no timestamp"):
        split(without, by=by)
    some = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 2, 3], timestamps=[4, None, 6])
    assert UNKNOWN_TIME in some.timestamps
    with pytest.raises(DataError, match="1 of 3 ratings have no timestamp"):
        split(some, by=by)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "genre"}, r"by='genre'; expected one of 'random', 'user', 'last', 'time'"),
        ({"test_size": 0.0}, "test_size=0.0; expected a share between 0 and 1"),
        ({"test_size": 1.0}, "test_size=1.0; expected a share"),
        ({"test_size": float("nan")}, "test_size=nan; expected a share"),
        ({"test_size": 0}, "test_size=0; expected a share"),
        ({"test_size": True}, "test_size=True; expected a share"),
        ({"test_size": "0.2"}, "test_size='0.2'; expected a share"),
        ({"test_size": 3}, "test_size=3 for 3 ratings; at least one must be left"),
        ({"test_size": 0.1}, "no rating would be left to test on: 3 ratings"),
        ({"test_size": 0.9}, "no rating would be left to train on: 3 ratings"),
        ({"random_state": "x"}, "random_state='x'; expected a whole number"),
        ({"random_state": -1}, "random_state=-1; expected a whole number"),
    ],
)
def test_what_cannot_be_split_says_what_is_expected(arguments, message):
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 2, 3])
    with pytest.raises(DataError, match=message):
        split(ratings, **arguments)


def test_only_ratings_can_be_split():
    with pytest.raises(DataError, match="expected Ratings, got list"):
        split([(1, 2, 3)])
    with pytest.raises(DataError, match="expected Ratings, got list"):
        k_fold([(1, 2, 3)])


@given(tables, st.integers(2, 4), st.integers(0, 9))
def test_every_rating_is_tested_on_in_exactly_one_fold(table, k, seed):
    ratings = ratings_of(table)
    folds = list(k_fold(ratings, k=k, random_state=seed))
    assert len(folds) == k
    tested = Counter(pair for _, test in folds for pair in pairs_of(test))
    assert tested == Counter(pairs_of(ratings))
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1
    for train, test in folds:
        assert pairs_of(train) == pairs_of(ratings) - pairs_of(test)
        assert train.user_index == test.user_index == ratings.user_index


def test_folds_depend_on_the_seed_alone():
    ratings = many_ratings()
    first = [test for _, test in k_fold(ratings, random_state=1)]
    assert first == [test for _, test in k_fold(ratings, random_state=1)]
    assert first != [test for _, test in k_fold(ratings, random_state=2)]


@pytest.mark.parametrize("k", [1, 4, 2.0, True])
def test_a_number_of_folds_that_cannot_be_is_refused_at_the_call(k):
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 2, 3])
    with pytest.raises(DataError, match="expected a whole number from 2 to the number of ratings, 3"):
        k_fold(ratings, k=k)


@given(tables, st.floats(0.05, 0.95) | st.integers(1, 3), st.floats(0.05, 0.95), st.integers(0, 9))
def test_new_users_are_held_out_whole_and_each_has_a_rating_in_both_parts(table, test_size, share, seed):
    ratings = ratings_of(table)
    try:
        train, test = split(
            ratings, by="new_users", test_size=test_size, history_share=share, random_state=seed
        )
    except DataError:
        return
    parts = train, test.history, test.held_out
    assert sorted(row for part in parts for row in part.to_frame().rows()) == ratings.to_frame().rows()
    assert sorted([*train.users, *test.history.users]) == ratings.users.tolist()
    assert all(part.item_index == ratings.item_index for part in parts)
    assert len(train) > 0
    told, found = (np.diff(part.by_user.indptr) for part in (test.history, test.held_out))
    assert (told >= 1).all() and (found >= 1).all()
    assert (np.abs(found - (told + found) * (1 - share)) <= 1).all()


def test_new_users_are_so_many_of_those_with_two_ratings_or_more():
    ratings = many_ratings()
    n_possible = int((np.diff(ratings.by_user.indptr) >= 2).sum())
    assert n_possible < ratings.n_users
    assert split(ratings, by="new_users", test_size=0.25)[1].n_users == round(0.25 * n_possible)
    assert split(ratings, by="new_users", test_size=7)[1].n_users == 7
    everybody, test = split(ratings, by="new_users", test_size=n_possible)
    assert (np.diff(everybody.by_user.indptr) == 1).all()
    assert len(everybody) + len(test) + len(test.history) == len(ratings)


def test_the_seed_and_nothing_else_decides_who_is_new():
    ratings = many_ratings()
    again = Ratings.from_frame(
        ratings.to_frame().sample(fraction=1, shuffle=True, seed=3), timestamp="timestamp"
    )
    first = split(ratings, by="new_users", random_state=7)
    assert first == split(again, by="new_users", random_state=7)
    assert first[1].history != split(ratings, by="new_users", random_state=8)[1].history
    assert first[1].held_out.timestamps is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test_size": 3}, "test_size=3; there are 2 users with two ratings or more"),
        ({"test_size": 2}, "no user would be left to train on: 2 users with two ratings or more"),
        ({"test_size": 0.1}, "no user would be left to test on"),
        ({"history_share": 1.0}, "history_share=1.0; expected a share between 0 and 1"),
        ({"history_share": 1}, "history_share=1; expected a share"),
        ({"history_share": float("nan")}, "history_share=nan; expected a share"),
    ],
)
def test_new_users_that_cannot_be_held_out_say_what_is_expected(arguments, message):
    ratings = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 3], [1, 2, 3, 4])
    with pytest.raises(DataError, match=message):
        split(ratings, by="new_users", **{"test_size": 1} | arguments)


def test_new_users_of_ones_own_are_checked():
    ratings = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 3], [1, 2, 3, 4])
    history, held_out = ratings.subset([0, 2]), ratings.subset([1, 3])
    assert repr(NewUsers(history, held_out)) == "NewUsers(2 users: 2 ratings of theirs known, 2 to be found)"
    with pytest.raises(DataError, match="a rating is in history and in held_out"):
        NewUsers(history, ratings)
    with pytest.raises(DataError, match="of the same users and items"):
        NewUsers(history, Ratings.from_arrays([1], [2], [3]))
    with pytest.raises(DataError, match="expected Ratings, got list"):
        NewUsers([], held_out)


def test_a_test_knows_how_it_was_chosen():
    ratings = many_ratings()
    assert split(ratings)[1].split == "random, test_size=0.2, random_state=42"
    assert split(ratings, by="last", test_size=1)[1].split == "last, test_size=1"
    generator = np.random.default_rng(0)
    assert split(ratings, by="user", random_state=generator)[1].split.endswith("random_state=a generator")
    _, test = split(ratings, by="new_users")
    assert test.split == "new_users, test_size=0.2, random_state=42, history_share=0.8"
    assert [fold.split for _, fold in k_fold(ratings, k=2)] == [
        "fold 1 of 2, random_state=42",
        "fold 2 of 2, random_state=42",
    ]
    # What is left of a test is another test.
    assert not hasattr(split(ratings)[1].subset([0]), "split")
