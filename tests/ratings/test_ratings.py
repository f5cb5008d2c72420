import json
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from matinee import ALS
from matinee.errors import DataError
from matinee.ratings import UNKNOWN_TIME, Ratings

COLUMNS = {
    "who": [30, 10, 30, 10, 20],
    "what": ["b", "a", "b", "c", "a"],
    "stars": [1.0, 2.5, 3.0, 4.0, -1.0],
    "when": [10, 20, 30, 40, 50],
}
FRAMES = [pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), pl.LazyFrame(COLUMNS), pa.table(COLUMNS)]
NAMES = {"user": "who", "item": "what", "rating": "stars", "timestamp": "when"}

triples = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(-8, 8).map(lambda n: n / 2)), min_size=1
)


def triples_of(ratings):
    return ratings.to_frame().select("user", "item", "rating").rows()


def kind(frame):
    return f"{type(frame).__module__.split('.')[0]}-{type(frame).__name__}"


@pytest.mark.parametrize("frame", FRAMES, ids=kind)
def test_every_kind_of_frame_gives_the_same_ratings(frame):
    ratings = Ratings.from_frame(frame, **NAMES)
    expected = [(10, "a", 2.5, 20), (10, "c", 4.0, 40), (20, "a", -1.0, 50), (30, "b", 3.0, 30)]
    assert ratings.to_frame().rows() == expected
    assert ratings.n_duplicates == 1
    assert ratings.users.tolist() == [10, 20, 30]
    assert ratings.items.tolist() == ["a", "b", "c"]
    assert len(ratings) == 4
    assert ratings.sparsity == pytest.approx(5 / 9)


@given(triples)
def test_ratings_are_what_a_dictionary_of_pairs_keeps(rows):
    users, items, values = zip(*rows, strict=True)
    expected = {(user, item): value for user, item, value in rows}
    ratings = Ratings.from_arrays(users, items, values)
    assert triples_of(ratings) == [(*pair, expected[pair]) for pair in sorted(expected)]
    assert ratings.n_duplicates == len(rows) - len(expected)
    assert ratings.by_user.values.dtype == np.float32
    assert ratings.by_user.columns.dtype == np.int32
    assert ratings.by_user.indptr.dtype == np.int64


@given(triples)
def test_the_rows_by_item_are_the_transpose_that_scipy_makes(rows):
    ratings = Ratings.from_arrays(*zip(*rows, strict=True))
    shape = (ratings.n_users, ratings.n_items)
    by_user = sp.csr_array((ratings.values, ratings.by_user.columns, ratings.by_user.indptr), shape=shape)
    expected = by_user.tocsc()
    assert ratings.by_item.indptr.tolist() == expected.indptr.tolist()
    assert ratings.by_item.columns.tolist() == expected.indices.tolist()
    assert ratings.by_item.values.tolist() == expected.data.tolist()


@given(triples, st.randoms())
def test_the_order_of_distinct_rows_does_not_matter(rows, random):
    rows = list({(user, item): (user, item, value) for user, item, value in rows}.values())
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert Ratings.from_arrays(*zip(*rows, strict=True)) == Ratings.from_arrays(*zip(*shuffled, strict=True))


@pytest.mark.parametrize(
    ("duplicates", "kept", "time"), [("last", 5, 3), ("first", 1, 1), ("mean", 3, 3), ("sum", 9, 3)]
)
def test_duplicates_become_what_was_asked_for(duplicates, kept, time):
    ratings = Ratings.from_arrays(
        [1, 1, 1, 2], [7, 7, 7, 7], [1, 3, 5, 2], timestamps=[1, 2, 3, 4], duplicates=duplicates
    )
    assert ratings.values.tolist() == [kept, 2]
    assert ratings.timestamps.tolist() == [time, 4]
    assert ratings.n_duplicates == 2


def test_the_latest_of_several_ratings_is_by_their_times():
    users, items, values = [1, 1, 1, 2, 2, 3], [7, 7, 7, 7, 7, 7], [1, 3, 5, 2, 4, 9]
    times = [30, 50, 50, 20, None, None]
    ratings = Ratings.from_arrays(users, items, values, timestamps=times, duplicates="latest")
    assert ratings.to_frame().rows() == [(1, 7, 5.0, 50), (2, 7, 2.0, 20), (3, 7, 9.0, None)]
    with pytest.raises(DataError, match='duplicates="latest" needs timestamps, and there are none'):
        Ratings.from_arrays(users, items, values, duplicates="latest")


def test_duplicates_can_be_an_error_that_names_both_rows():
    with pytest.raises(DataError, match="row 2: user 'x' has rated item 7 already, in row 0"):
        Ratings.from_arrays(["x", "y", "x"], [7, 7, 7], [1, 2, 3], duplicates="error")


def test_an_unknown_way_with_duplicates_is_refused():
    with pytest.raises(DataError, match="duplicates='maximum'; expected one of 'last'"):
        Ratings.from_arrays([1], [1], [1], duplicates="maximum")


def test_registered_users_and_items_get_rows_without_ratings():
    ratings = Ratings.from_arrays(
        [5, 2], ["b", "b"], [1, 2], registered_users=[9, 5, 1], registered_items=["abc", "b"]
    )
    assert ratings.users.tolist() == [1, 2, 5, 9]
    assert ratings.items.tolist() == ["abc", "b"]
    assert ratings.by_user.indptr.tolist() == [0, 0, 1, 2, 2]
    assert triples_of(ratings) == [(2, "b", 2.0), (5, "b", 1.0)]
    description = ratings.describe()
    assert description.n_users_without_ratings == 2
    assert description.n_items_without_ratings == 1


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
def test_a_sparse_matrix_of_any_format_keeps_its_entries(form):
    dense = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], dtype=float)
    ratings = Ratings.from_csr(sp.coo_array(dense).asformat(form), users=["c", "b", "a"], items=[3, 2, 1])
    assert triples_of(ratings) == [("a", 1, 3.0), ("a", 3, 1.0), ("c", 2, 2.0)]
    assert ratings.users.tolist() == ["a", "b", "c"]


def test_a_sparse_matrix_keeps_stored_zeros_and_adds_up_entries_stored_twice():
    matrix = sp.coo_matrix(([0.0, 1.0, 2.0], ([0, 1, 1], [1, 0, 0])), shape=(2, 2))
    ratings = Ratings.from_csr(matrix)
    assert triples_of(ratings) == [(0, 1, 0.0), (1, 0, 3.0)]
    assert ratings.n_duplicates == 0


@pytest.mark.parametrize(
    ("matrix", "given", "message"),
    [
        (np.eye(2), {}, "expected a scipy sparse matrix"),
        (sp.eye_array(2), {"users": [1]}, "1 user ids for a matrix with 2 users"),
        (sp.eye_array(2), {"items": [1, 1]}, "1 of the 2 item ids are repeated"),
        (sp.csr_array((2, 2)), {}, "there are no ratings"),
    ],
)
def test_a_matrix_that_does_not_fit_its_ids_is_refused(matrix, given, message):
    with pytest.raises(DataError, match=message):
        Ratings.from_csr(matrix, **given)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, float("nan")], "row 1: the rating is missing or not a number"),
        ([1, None], "row 1: the rating is missing"),
        (pd.Series([1, None], dtype="Float64"), "row 1: the rating is missing"),
        (pl.Series([None, 1]), "row 0: the rating is missing"),
        (pa.array([1, None]), "row 1: the rating is missing"),
        ([float("-inf"), 1], "row 0: the rating is infinite"),
        ([1, 1e39], "row 1: the rating 1e[+]39 is beyond"),
        ([1, "five"], "row 1: rating 'five' is not a number"),
        (pd.Series(["4", "five"]), "row 1: rating 'five' is not a number"),
        (["4", "5"], "numbers written as text"),
        (pl.Series([datetime(2020, 1, 1)] * 2), "type Datetime"),
        ([1], "2 users, 2 items, 1 values"),
    ],
)
def test_a_rating_that_is_no_finite_number_is_refused_with_its_row(values, message):
    with pytest.raises(DataError, match=message):
        Ratings.from_arrays([1, 2], [1, 2], values)


def test_no_ratings_at_all_is_an_error():
    with pytest.raises(DataError, match="there are no ratings"):
        Ratings.from_arrays([], [], [])
    with pytest.raises(DataError, match="there are no ratings"):
        Ratings.from_frame(pl.DataFrame({"user": [], "item": [], "rating": []}))


@pytest.mark.parametrize("frame", FRAMES, ids=kind)
def test_a_column_that_is_not_there_is_an_error_that_lists_those_that_are(frame):
    with pytest.raises(DataError, match="no column 'user'; the columns are 'who', 'what', 'stars', 'when'"):
        Ratings.from_frame(frame)


@pytest.mark.parametrize("thing", [[1, 2], None, {"user": [1]}, np.zeros((3, 3)), "ratings.csv"])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(DataError, match="expected a pandas, polars or Arrow frame, got"):
        Ratings.from_frame(thing)


def test_without_a_rating_column_a_row_counts_one():
    ratings = Ratings.from_frame(FRAMES[1], user="who", item="what", rating=None)
    assert ratings.values.tolist() == [1.0] * 4


MOMENT = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "times",
    [
        [MOMENT.timestamp(), None],
        [MOMENT, None],
        ["2001-02-03 04:05:06", "N/A"],
        ["2001-02-03T04:05:06Z", ""],
        ["2001-02-03T09:35:06+05:30", "NaN"],
        [str(int(MOMENT.timestamp())), "null"],
        pd.Series([MOMENT.replace(tzinfo=None), None]),
        pd.Series([pd.Timestamp(MOMENT).tz_convert("Asia/Tokyo"), None]),
        pl.Series([MOMENT, None]).dt.convert_time_zone("Asia/Tokyo"),
        pa.array([MOMENT, None]),
        np.array([MOMENT.timestamp(), np.nan]),
    ],
    ids=str,
)
def test_times_in_any_form_are_unix_seconds(times):
    ratings = Ratings.from_arrays([1, 2], [1, 2], [1, 2], timestamps=times)
    assert ratings.timestamps.tolist() == [int(MOMENT.timestamp()), UNKNOWN_TIME]
    assert ratings.to_frame()["timestamp"].to_list() == [int(MOMENT.timestamp()), None]


def test_times_that_are_all_missing_are_no_times():
    assert Ratings.from_arrays([1], [1], [1], timestamps=["N/A"]).timestamps is None
    assert Ratings.from_arrays([1], [1], [1], timestamps=[None]).timestamps is None


def test_a_time_that_is_neither_number_nor_date_is_refused():
    with pytest.raises(DataError, match="row 1: timestamp 'yesterday'"):
        Ratings.from_arrays([1, 2], [1, 2], [1, 2], timestamps=["5", "yesterday"])


@given(triples, st.data())
def test_a_subset_has_the_chosen_ratings_and_all_of_the_ids(rows, data):
    users, items, values = zip(*rows, strict=True)
    ratings = Ratings.from_arrays(users, items, values, timestamps=range(len(rows)))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(ratings), max_size=len(ratings))))
    chosen = ratings.subset(mask)
    expected = [row for row, keep in zip(ratings.to_frame().rows(), mask, strict=True) if keep]
    assert chosen.to_frame().rows() == expected
    assert chosen.user_index is ratings.user_index
    assert chosen.item_index is ratings.item_index
    assert chosen == ratings.subset(np.flatnonzero(mask)[::-1])


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(DataError, match=r"chosen has shape \(1,\); expected \(2,\)"):
        Ratings.from_arrays([1, 2], [1, 2], [1, 2]).subset(np.array([True]))


def test_user_positions_name_the_row_of_each_rating():
    ratings = Ratings.from_arrays([1, 1, 3], [1, 2, 1], [1, 2, 3], registered_users=[2])
    assert ratings.user_positions.tolist() == [0, 0, 2]
    assert ratings.user_positions.dtype == np.int32


@given(triples)
def test_a_description_counts_as_plain_python_counts(rows):
    ratings = Ratings.from_arrays(*zip(*rows, strict=True))
    kept = {(user, item): value for user, item, value in rows}
    values = list(kept.values())
    per_user = sorted(Counter(user for user, _ in kept).values())
    description = ratings.describe()
    assert (description.n_ratings, description.n_duplicates) == (len(kept), len(rows) - len(kept))
    assert (description.min, description.max) == (min(values), max(values))
    assert description.mean == pytest.approx(sum(values) / len(values))
    assert description.std == pytest.approx(np.std(values))
    assert {one.low: one.count for one in description.distribution} == Counter(values)
    assert description.per_user.min == per_user[0]
    assert description.per_user.median == np.median(per_user)
    assert description.per_user.max == per_user[-1]
    assert json.loads(json.dumps(description.to_dict()))["n_ratings"] == len(kept)


def test_many_distinct_values_are_described_in_ten_bins():
    values = np.random.default_rng(0).random(1001)
    description = Ratings.from_arrays(np.arange(1001), np.zeros(1001, int), values).describe()
    assert [one.count for one in description.distribution] == np.histogram(values, 10)[0].tolist()


def test_a_printed_description_shows_counts_range_and_time_span():
    ratings = Ratings.from_arrays(
        [1, 1, 2], [1, 1, 2], [1, 4, 5], timestamps=[0, 86400, 10 * 86400], registered_users=[3]
    )
    lines = str(ratings.describe()).splitlines()
    assert "users              3 (1 without ratings)" in lines
    assert "duplicates merged  1" in lines
    assert "time span          1970-01-02 to 1970-01-11" in lines
    assert "rating             from 4 to 5, mean 4.500, std 0.500" in lines
    assert "  5  1   50.0%  ██████████████████████████████" in lines


def test_an_empty_subset_can_be_described():
    ratings = Ratings.from_arrays([1], [1], [1]).subset(np.array([False]))
    assert ratings.describe().to_dict()["mean"] is None
    assert "ratings            0" in str(ratings.describe())


def test_an_implausible_time_is_shown_as_it_is():
    made = Ratings.from_arrays([1], [1], [1])
    times = np.array([2**62])
    ratings = Ratings(made.user_index, made.item_index, made.by_user, timestamps=times)
    assert f"time span          {2**62} s to {2**62} s" in str(ratings.describe())
    assert ratings.describe().first_time == f"{2**62} s"


def test_what_is_masked_is_missing():
    ids, values = np.ma.array([1, 2], mask=[False, True]), np.ma.array([3.0, 4.0], mask=[False, True])
    with pytest.raises(DataError, match="^row 1: the rating is missing"):
        Ratings.from_arrays([1, 2], [1, 2], values)
    with pytest.raises(DataError, match="^row 1: user is missing"):
        Ratings.from_arrays(ids, [1, 2], [3, 4])
    with pytest.raises(DataError, match="^row 1: item is missing"):
        Ratings.from_arrays([1, 2], np.ma.array(["a", "b"], mask=[False, True]), [3, 4])
    ratings = Ratings.from_arrays(ids.data, np.ma.array([5, 6]), np.ma.array([3, 4]), timestamps=values)
    assert ratings.to_frame().rows() == [(1, 5, 3.0, 3), (2, 6, 4.0, None)]


@pytest.mark.parametrize("value", [2e15, -2e15, 3.4e38])
def test_ratings_have_one_bound_which_holds_where_they_are_made_and_where_people_are_folded_in(value):
    with pytest.raises(DataError, match=r"^row 1: the rating -?[23][.e].* is beyond 1e[+]15"):
        Ratings.from_arrays([1, 2], [1, 2], [1, value])
    with pytest.raises(DataError, match=r"beyond 1e[+]15"):
        Ratings.from_csr(sp.coo_array([[1.0, value]]))
    with pytest.raises(DataError, match="add up to more than 1e[+]15"):
        Ratings.from_arrays([1, 1], [1, 1], [9e14, 9e14], duplicates="sum")


def test_the_errors_of_a_fit_to_the_largest_ratings_are_finite():
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1e15, -1e15, 1e15])
    model = ALS(n_factors=2, n_iterations=2).fit(ratings)
    assert np.isfinite(model.history_[-1].train_rmse)
    assert model.fold_in({1: 1e15}).rated == {1: np.float32(1e15)}


def test_columns_that_are_sorted_are_taken_as_they_are_and_stay_the_callers() -> None:
    users, items = (np.array(ids) for ids in ([1, 1, 2, 4], [5, 7, 3, 3]))
    values, times = np.array([1, 2, 3, 4], np.float32), np.array([40, 30, 20, 10])
    shuffled = [2, 0, 3, 1]

    ratings = Ratings.from_arrays(users, items, values, timestamps=times)

    given = (column[shuffled] for column in (users, items, values))
    assert ratings == Ratings.from_arrays(*given, timestamps=times[shuffled])
    values[:], times[:] = 9, 99
    assert ratings.values.tolist() == [1, 2, 3, 4]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [40, 30, 20, 10]


@pytest.mark.parametrize(
    ("users", "items"), [([1, 1, 2], [5, 5, 3]), ([1, 1, 2], [7, 5, 3]), ([2, 1, 1], [3, 5, 7])]
)
def test_columns_that_repeat_a_pair_or_descend_are_sorted(users: list[int], items: list[int]) -> None:
    ratings = Ratings.from_arrays(users, items, [1, 2, 3])

    expected = dict(zip(zip(users, items, strict=True), (1, 2, 3), strict=True))
    rows = ratings.to_frame().select("user", "item", "rating").rows()
    assert rows == [(*pair, rating) for pair, rating in sorted(expected.items())]
