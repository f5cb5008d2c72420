"""New ratings merged into old ones: the same as if all had been read at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.errors import DataError
from matinee.ratings import Ratings, Rows, merge_ratings

IDS = st.integers(-3, 9)
PAIRS = st.lists(st.tuples(IDS, IDS, st.integers(1, 5)), min_size=1, max_size=25)


def of(pairs: list[tuple[int, int, int]]) -> Ratings:
    return Ratings.from_arrays(*map(list, zip(*pairs, strict=True)))


def merged(old: Ratings, new: Ratings):  # type: ignore[no-untyped-def]
    return merge_ratings(old.user_index, old.item_index, old.by_user, new)


@given(old=PAIRS, new=PAIRS)
def test_merging_is_reading_the_new_ratings_after_the_old(
    old: list[tuple[int, int, int]], new: list[tuple[int, int, int]]
) -> None:
    found, expected = merged(of(old), of(new)), of(old + new)
    assert found.ratings == expected
    assert [array.dtype for array in found.ratings.by_user[:3]] == [np.int64, np.int32, np.float32]
    assert np.array_equal(expected.users[found.old_users], of(old).users)
    assert np.array_equal(expected.items[found.old_items], of(old).items)
    assert expected.users[found.touched_users].tolist() == of(new).users.tolist()
    touched = set(of(new).items.tolist())
    if len(touched) <= 0.8 * expected.n_items:
        assert set(expected.items[found.touched_items].tolist()) == touched
    else:
        assert found.touched_items.all()


def test_ids_of_another_width_or_sign_are_merged() -> None:
    old = Ratings.from_arrays(["a", "b"], [2**63 + 1, 4], [1, 2])
    new = Ratings.from_arrays(["a longer name", "b"], [7, 4], [3, 4])
    found = merged(old, new).ratings
    assert found.users.tolist() == ["a", "a longer name", "b"]
    assert found.items.tolist() == [4, 7, 2**63 + 1]
    assert found.to_frame().rows() == [("a", 2**63 + 1, 1), ("a longer name", 7, 3), ("b", 4, 4)]


def test_ids_of_another_kind_are_refused() -> None:
    old = Ratings.from_arrays([1], ["x"], [1])
    with pytest.raises(DataError, match="the user ids are integers in what was fitted"):
        merged(old, Ratings.from_arrays(["u"], ["x"], [1]))
    with pytest.raises(DataError, match="the item ids are strings in what was fitted"):
        merged(old, Ratings.from_arrays([1], [5], [1]))


def test_the_kernel_refuses_rows_that_do_not_match() -> None:
    with pytest.raises(ValueError, match="both must have as many rows"):
        Rows.empty(2).merged(Rows.empty(3), np.arange(4))
    rows = Rows(np.array([0, 1]), np.array([2], np.int32), np.array([5], np.float32))
    for columns in (2, -1):
        with pytest.raises(IndexError, match=r"column .* is outside 0\.\.1"):
            rows._replace(columns=np.array([columns], np.int32)).merged(Rows.empty(1), np.arange(2))


def test_the_columns_of_the_earlier_rows_are_renamed() -> None:
    earlier = Rows(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), np.array([1, 2, 3], np.float32))
    later = Rows(np.array([0, 2, 2]), np.array([1, 4], np.int32), np.array([8, 9], np.float32))
    merged = earlier.merged(later, np.array([2, 4]))
    assert merged.indptr.tolist() == [0, 3, 4]
    assert merged.columns.tolist() == [1, 2, 4, 4]
    assert merged.values.tolist() == [8, 1, 9, 3]


def test_rows_are_spread_among_empty_ones() -> None:
    rows = Rows(np.array([0, 1, 3]), np.array([1, 0, 1], np.int32), np.array([5, 6, 7], np.float32))
    spread = rows.spread(np.array([1, 3]), 5)
    assert spread.indptr.tolist() == [0, 0, 1, 1, 3, 3]
    assert spread.columns.tolist() == [1, 0, 1]
    assert spread.values.tolist() == [5, 6, 7]
