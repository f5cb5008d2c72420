"""The contexts of ratings, from wherever they come to wherever ratings go."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.errors import DataError
from matinee.ratings import Contexts, Ratings, Rows, merge_ratings
from matinee.ratings.splits import k_fold, split

USERS, ITEMS = [1, 1, 2, 3, 3], ["a", "b", "b", "a", "c"]
VALUES = [4.0, 2.0, 5.0, 3.0, 1.0]
DEVICES = ["phone", "tv", None, "tv", "phone"]
COUNTRIES = [44, 49, 49, 44, 33]
# A Thursday, a Saturday in the morning and in the evening, a Sunday of March, and a Monday.
TIMES = [0, 172_800 + 3600, 172_800 + 72_000, 5_788_800, 5_875_200]
TABLE = {
    "user": USERS,
    "item": ITEMS,
    "rating": VALUES,
    "timestamp": TIMES,
    "device": DEVICES,
    "country": COUNTRIES,
}


def in_contexts() -> Ratings:
    contexts = {"device": DEVICES, "country": COUNTRIES}
    return Ratings.from_arrays(USERS, ITEMS, VALUES, timestamps=TIMES, contexts=contexts)


def by_pair(ratings: Ratings) -> dict[tuple[Any, Any], tuple[Any, ...]]:
    assert ratings.contexts is not None
    frame = ratings.to_frame()
    columns = [frame[name] for name in ("user", "item", *ratings.contexts.names)]
    return {(user, item): tuple(rest) for user, item, *rest in zip(*columns, strict=True)}


ALL = {
    (user, item): (device, str(country))
    for user, item, device, country in zip(USERS, ITEMS, DEVICES, COUNTRIES, strict=True)
}


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        pd.DataFrame,
        pl.LazyFrame,
        pa.table,
        lambda table: pl.DataFrame(table).with_columns(pl.col("device").cast(pl.Categorical)),
        lambda table: pd.DataFrame(table).astype({"device": "category", "country": "Int64"}),
    ],
)
def test_columns_of_contexts_stay_beside_the_ratings(make: Any) -> None:
    ratings = Ratings.from_frame(make(TABLE), timestamp="timestamp", contexts=["device", "country"])
    assert ratings == in_contexts()
    assert by_pair(ratings) == ALL
    contexts = ratings.contexts
    assert contexts.values == (("", "phone", "tv"), ("33", "44", "49"))
    codes = ratings.by_item.contexts
    assert [ALL[pair] for pair in [(1, "a"), (3, "a"), (1, "b"), (2, "b"), (3, "c")]] == list(
        zip(*(column.to_list() for column in contexts.columns(codes).values()), strict=True)
    )


def test_a_frame_of_the_ratings_has_their_contexts_and_gives_them_back() -> None:
    ratings = in_contexts()
    frame = ratings.to_frame()
    assert frame.columns == ["user", "item", "rating", "timestamp", "device", "country"]
    again = Ratings.from_frame(frame, timestamp="timestamp", contexts=["device", "country"])
    assert again == ratings
    assert "device (3 values), country (3 values)" in str(ratings.describe())
    assert ratings.describe().to_dict()["contexts"] == {"device": 3, "country": 3}
    assert Ratings.from_frame(frame).describe().contexts == {}


def test_a_missing_value_is_a_category_and_a_number_is_the_same_as_a_float_or_as_text() -> None:
    floats = Ratings.from_arrays(USERS, ITEMS, VALUES, contexts={"country": [44.0, 49.0, None, 44.0, np.nan]})
    texts = Ratings.from_arrays(USERS, ITEMS, VALUES, contexts={"country": ["44", "49", None, "44", ""]})
    assert floats == texts
    assert floats.contexts.values == (("", "44", "49"),)
    assert floats.contexts.code({"country": 44}) == floats.contexts.code({"country": "44"}) == 2


def test_times_make_bins_where_there_is_no_such_column() -> None:
    names = ["day", "weekday", "hour", "month"]
    ratings = Ratings.from_frame(pl.DataFrame(TABLE), timestamp="timestamp", contexts=names)
    assert by_pair(ratings) == {
        (1, "a"): ("1970-01-01", "Thursday", "0", "January"),
        (1, "b"): ("1970-01-03", "Saturday", "1", "January"),
        (2, "b"): ("1970-01-03", "Saturday", "20", "January"),
        (3, "a"): ("1970-03-09", "Monday", "0", "March"),
        (3, "c"): ("1970-03-10", "Tuesday", "0", "March"),
    }
    plain = Ratings.from_frame(pl.DataFrame(TABLE), timestamp="timestamp")
    assert plain.with_contexts(names) == ratings
    assert ratings.without_contexts() == plain
    assert (
        ratings.contexts.code({"day": date(1970, 1, 3)}) == ratings.contexts.code({"day": "1970-01-03"}) > 0
    )
    own = pl.DataFrame(TABLE).with_columns(weekday=pl.lit("someday"))
    of_frame = Ratings.from_frame(own, timestamp="timestamp", contexts=["weekday"])
    assert of_frame.contexts.values == (("someday",),)


def test_a_rating_without_a_time_has_a_missing_bin() -> None:
    ratings = Ratings.from_arrays(USERS, ITEMS, VALUES, timestamps=[*TIMES[:4], None])
    found = by_pair(ratings.with_contexts(["weekday"]))
    assert found[3, "c"] == (None,)
    assert found[3, "a"] == ("Monday",)


@pytest.mark.parametrize(
    ("duplicates", "expected"), [("last", "tv"), ("first", "phone"), ("latest", "phone"), ("mean", "tv")]
)
def test_of_a_pair_rated_twice_the_context_is_that_of_the_rating_that_stays(
    duplicates: Any, expected: str
) -> None:
    ratings = Ratings.from_arrays(
        [1, 1, 2],
        [5, 5, 5],
        [1, 2, 3],
        timestamps=[20, 10, 30],
        contexts={"device": ["phone", "tv", "radio"]},
        duplicates=duplicates,
    )
    assert by_pair(ratings) == {(1, 5): (expected,), (2, 5): ("radio",)}


def test_a_rating_of_weight_zero_takes_its_context_along() -> None:
    ratings = Ratings.from_arrays(
        USERS, ITEMS, VALUES, weights=[1, 0, 1, 1, 2], contexts={"device": DEVICES, "country": COUNTRIES}
    )
    assert by_pair(ratings) == {pair: context for pair, context in ALL.items() if pair != (1, "b")}


@pytest.mark.parametrize("by", ["random", "user", "last", "time", "new_users"])
def test_a_split_keeps_the_contexts_of_both_parts(by: str) -> None:
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((20, 30)) < 0.5)
    devices = generator.choice(["phone", "tv"], size=len(users))
    ratings = Ratings.from_arrays(
        users, items, np.ones(len(users)), timestamps=np.arange(len(users)), contexts={"device": devices}
    )
    train, test = split(ratings, by=by)
    parts = [train, test] if isinstance(test, Ratings) else [train, test.history, test.held_out]
    found = [by_pair(part) for part in parts]
    assert {pair: context for part in found for pair, context in part.items()} == by_pair(ratings)
    assert all(part.contexts == ratings.contexts for part in parts)


def test_folds_keep_contexts() -> None:
    found: dict[Any, Any] = {}
    for _, test in k_fold(in_contexts(), k=5, random_state=0):
        found |= by_pair(test)
    assert found == ALL


def test_merged_ratings_have_the_context_of_the_newer_one_or_an_unknown_one() -> None:
    old = in_contexts()
    contexts = {"device": ["tv"], "country": [33]}
    new = Ratings.from_arrays([1], ["a"], [5], contexts=contexts)
    codes = old.contexts.recoded(new.context_codes, new.contexts)
    recoded = new.with_rows(new.by_user._replace(contexts=codes), old.contexts)
    rows = merge_ratings(old.user_index, old.item_index, old.by_user, recoded).ratings.by_user
    expected = old.by_user.contexts.copy()
    expected[0] = old.contexts.code({"device": "tv", "country": 33})
    assert rows.contexts.tolist() == expected.tolist()
    plain = merge_ratings(old.user_index, old.item_index, old.by_user, new.without_contexts()).ratings.by_user
    assert plain.contexts.tolist() == [0, *old.by_user.contexts[1:]]


@given(st.integers(0, 2**32 - 1))
def test_rows_merged_or_transposed_have_the_contexts_of_their_entries(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def random(n_rows: int, n_columns: int) -> tuple[Rows, dict[tuple[int, int], int]]:
        rows, columns = np.nonzero(generator.random((n_rows, n_columns)) < 0.4)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))])
        codes = generator.integers(0, 9, size=len(rows))
        made = Rows(indptr, columns.astype(np.int32), np.ones(len(rows), np.float32), None, codes)
        return made, {
            (r, c): code for r, c, code in zip(rows.tolist(), columns.tolist(), codes.tolist(), strict=True)
        }

    def entries(rows: Rows) -> dict[tuple[int, int], int]:
        places = np.repeat(np.arange(rows.n_rows), rows.counts)
        return dict(
            zip(zip(places.tolist(), rows.columns.tolist(), strict=True), rows.contexts.tolist(), strict=True)
        )

    (one, of_one), (two, of_two) = random(4, 3), random(4, 6)
    new_columns = np.sort(generator.choice(6, size=3, replace=False))
    moved = {(r, int(new_columns[c])): code for (r, c), code in of_one.items()}
    assert entries(one.merged(two, new_columns)) == moved | of_two
    assert entries(one.transposed(3)) == {(c, r): code for (r, c), code in of_one.items()}
    assert entries(one.pick([2, 0])) == {
        ({2: 0, 0: 1}[r], c): code for (r, c), code in of_one.items() if r in (0, 2)
    }


def test_codes_say_what_is_known_and_leave_open_what_is_not() -> None:
    contexts, codes = Contexts.encode({"device": ["tv", "phone"], "hour": [7, 22]})
    assert contexts.code({"device": "tv", "hour": 7}) == codes[0]
    assert contexts.code({}) == contexts.code({"device": "radio"}) == contexts.code({"hour": 3}) == 0
    only_hour = contexts.code({"hour": 22})
    assert [digit.tolist() for digit in contexts.digits(np.array([only_hour]))] == [[0], [1]]
    assert contexts.columns(np.array([only_hour, codes[0]]))["device"].to_list() == [None, "tv"]
    assert contexts.codes({"device": ["tv", "phone"], "hour": 7}, 2).tolist() == [
        contexts.code({"device": "tv", "hour": 7}),
        contexts.code({"device": "phone", "hour": 7}),
    ]


def test_codes_in_other_contexts_find_the_same_values() -> None:
    own, _ = Contexts.encode({"device": ["tv", "phone"], "hour": [7, 22]})
    other, codes = Contexts.encode({"hour": [22, 9], "country": ["de", "fr"], "device": ["radio", "tv"]})
    assert own.recoded(codes, other).tolist() == [own.code({"hour": 22}), own.code({"device": "tv"})]
    assert own.in_use(np.array([own.code({"device": "tv"})])) == Contexts(("device", "hour"), (("tv",), ()))


@pytest.mark.parametrize(
    ("contexts", "message"),
    [
        ("day", "expected a list of different names"),
        (["device", "device"], "expected a list of different names"),
        ([3], "expected a list of different names"),
        (["planet"], "there is no column 'planet' for a context"),
        (["rating"], "a context cannot be called 'rating'"),
        (["day"], "the context 'day' follows from timestamps, and there are none"),
    ],
)
def test_contexts_that_are_none_are_refused(contexts: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Ratings.from_frame(pl.DataFrame(TABLE), contexts=contexts)


def test_columns_of_another_length_and_too_many_combinations_are_refused() -> None:
    with pytest.raises(DataError, match="5 values, 2 contexts"):
        Ratings.from_arrays(USERS, ITEMS, VALUES, contexts={"device": ["tv", "phone"]})
    many = {name: np.arange(2000) for name in "abcdef"}
    with pytest.raises(DataError, match="combinations; expected at most"):
        Contexts.encode(many)


def test_a_context_asked_for_must_be_one_of_the_columns() -> None:
    contexts = in_contexts().contexts
    with pytest.raises(DataError, match="there is no context 'weekday'; expected one of 'device', 'country'"):
        contexts.code({"weekday": "Saturday"})
    with pytest.raises(DataError, match="expected a mapping such as"):
        contexts.code("tv")
    with pytest.raises(DataError, match="has 3 values; expected 2"):
        contexts.codes({"device": ["tv"] * 3}, 2)
