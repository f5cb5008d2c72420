"""The weights of ratings, from wherever they come to wherever ratings go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee import read_ratings
from matinee.errors import DataError
from matinee.ratings import Ratings, Rows, merge_ratings
from matinee.ratings.splits import k_fold, split

USERS, ITEMS = [1, 1, 2, 3, 3], ["a", "b", "b", "a", "c"]
VALUES, TIMES = [4.0, 2.0, 5.0, 3.0, 1.0], [50, 40, 30, 20, 10]
WEIGHTS = [0.5, 2.0, 1.0, 3.0, 0.25]
TABLE = {"user": USERS, "item": ITEMS, "rating": VALUES, "timestamp": TIMES, "weight": WEIGHTS}


def weighted() -> Ratings:
    return Ratings.from_arrays(USERS, ITEMS, VALUES, timestamps=TIMES, weights=WEIGHTS)


def weights_by_pair(ratings: Ratings) -> dict[tuple, float]:
    return {(user, item): weight for user, item, _, *_, weight in ratings.to_frame().rows()}


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame, lambda table: pl.LazyFrame(table)])
def test_a_column_of_weights_stays_beside_the_ratings(make) -> None:
    ratings = Ratings.from_frame(make(TABLE), timestamp="timestamp", weight="weight")
    assert ratings == weighted()
    assert ratings.weights.dtype == np.float32
    assert ratings.to_frame().rows() == sorted(zip(USERS, ITEMS, VALUES, TIMES, WEIGHTS, strict=True))
    by_item = ratings.by_item
    assert by_item.weights.tolist() == [0.5, 3.0, 2.0, 1.0, 0.25]


def test_without_weights_nothing_has_a_weight() -> None:
    ratings = Ratings.from_frame(pl.DataFrame(TABLE))
    assert ratings.weights is None
    assert ratings.by_item.weights is None
    assert "weight" not in ratings.to_frame().columns
    assert ratings.describe().total_weight is None


def test_weights_that_are_all_one_are_no_weights() -> None:
    ratings = Ratings.from_arrays(USERS, ITEMS, VALUES, weights=[1] * 5)
    assert ratings == Ratings.from_arrays(USERS, ITEMS, VALUES)
    assert ratings.weights is None


def test_a_rating_of_weight_zero_is_absent() -> None:
    ratings = Ratings.from_arrays(
        [*USERS, 9], [*ITEMS, "z"], [*VALUES, 5], timestamps=[*TIMES, 60], weights=[*WEIGHTS, 0]
    )
    assert ratings == weighted()
    with pytest.raises(DataError, match="every rating has the weight 0"):
        Ratings.from_arrays(USERS, ITEMS, VALUES, weights=[0] * 5)


def test_a_user_of_absent_ratings_stays_if_registered() -> None:
    ratings = Ratings.from_arrays([1, 2], ["a", "b"], [3, 4], weights=[0, 1], registered_users=[1, 2, 3])
    assert ratings.users.tolist() == [1, 2, 3]
    assert ratings.items.tolist() == ["b"]
    assert ratings.by_user.counts.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (-1, "negative"),
        (np.nan, "NaN"),
        (None, "NaN"),
        (np.inf, "infinite"),
        (-np.inf, "infinite"),
        (1e12, "beyond"),
    ],
)
def test_a_bad_weight_is_an_error_that_names_its_row(bad, said) -> None:
    weights = [0.5, 2.0, 1.0, bad, 0.25]
    with pytest.raises(DataError, match=f"row 3: the weight.*{said}"):
        Ratings.from_arrays(USERS, ITEMS, VALUES, weights=weights)


def test_weights_that_are_text_or_too_few_are_errors() -> None:
    with pytest.raises(DataError, match="row 1: weight 'x' is not a number"):
        Ratings.from_arrays([1, 2], [1, 2], [1, 2], weights=["1", "x"])
    with pytest.raises(DataError, match="1 weights"):
        Ratings.from_arrays([1, 2], [1, 2], [1, 2], weights=[1.5])
    with pytest.raises(DataError, match="no column 'w'"):
        Ratings.from_frame(pl.DataFrame(TABLE), weight="w")


@pytest.mark.parametrize(
    ("duplicates", "value", "weight"),
    [
        ("last", 5.0, 3.0),
        ("first", 2.0, 1.0),
        ("latest", 2.0, 1.0),
        ("mean", (1 * 2 + 3 * 5) / 4, 2.0),
        ("sum", 7.0, 2.0),
    ],
)
def test_merged_duplicates_keep_their_weight_or_have_the_mean_of_the_weights(
    duplicates, value, weight
) -> None:
    ratings = Ratings.from_arrays(
        [1, 1, 2], [7, 7, 7], [2, 5, 3], timestamps=[20, 10, 5], weights=[1, 3, 0.5], duplicates=duplicates
    )
    assert ratings.values.tolist() == [value, 3.0]
    assert ratings.weights.tolist() == [weight, 0.5]


def test_the_row_of_a_duplicate_is_counted_with_the_absent_ratings() -> None:
    with pytest.raises(DataError, match="row 3: user 1 has rated item 7 already, in row 1"):
        Ratings.from_arrays(
            [5, 1, 6, 1], [7, 7, 7, 7], [2, 5, 3, 4], weights=[0, 1, 0, 2], duplicates="error"
        )


def test_subsets_and_splits_keep_each_rating_its_weight() -> None:
    ratings = weighted()
    expected = weights_by_pair(ratings)
    parts = [ratings.subset([4, 0]), *split(ratings, by="time", test_size=0.4)]
    parts += [part for fold in k_fold(ratings, k=3) for part in fold]
    train, new = split(ratings, by="new_users", test_size=1, history_share=0.5)
    parts += [train, new.history, new.held_out]
    for part in parts:
        assert part.weights is not None
        found = weights_by_pair(part)
        assert found == {pair: expected[pair] for pair in found}
        assert found


def test_ratings_of_other_weights_are_others() -> None:
    assert weighted() != Ratings.from_arrays(USERS, ITEMS, VALUES, timestamps=TIMES)
    others = Ratings.from_arrays(USERS, ITEMS, VALUES, timestamps=TIMES, weights=WEIGHTS[::-1])
    assert weighted() != others


def test_a_description_says_what_the_ratings_weigh_together() -> None:
    description = weighted().describe()
    assert description.total_weight == 6.75
    assert description.to_dict()["total_weight"] == 6.75
    assert "5, of the weight 6.75 together" in str(description)


def test_new_ratings_keep_their_weights_beside_old_ones() -> None:
    old = Ratings.from_arrays([1, 2], [1, 1], [3, 4])
    new = Ratings.from_arrays([2, 3], [1, 2], [5, 2], weights=[0.5, 2])
    merged = merge_ratings(old.user_index, old.item_index, old.by_user, new).ratings
    assert merged.to_frame().rows() == [(1, 1, 3.0, 1.0), (2, 1, 5.0, 0.5), (3, 2, 2.0, 2.0)]
    back = merge_ratings(new.user_index, new.item_index, new.by_user, old).ratings
    assert back.to_frame().rows() == [(1, 1, 3.0, 1.0), (2, 1, 4.0, 1.0), (3, 2, 2.0, 2.0)]


weights_of_entries = st.lists(st.floats(0, 8, width=32), min_size=12, max_size=12)


@given(weights_of_entries, st.lists(st.booleans(), min_size=12, max_size=12))
def test_rows_carry_weights_wherever_their_values_go(weights, mask) -> None:
    indptr = np.array([0, 4, 4, 9, 12])
    columns = np.array([0, 1, 2, 3, 0, 1, 2, 3, 4, 1, 3, 4], np.int32)
    ids = np.arange(12, dtype=np.float32)
    carried = np.array(weights, np.float32)
    rows = Rows(indptr, columns, ids, carried)
    later = Rows(np.array([0, 1, 1, 1, 1]), np.array([0], np.int32), np.array([12], np.float32))
    ways = [
        rows.pick([3, -1, 0, 0]),
        rows.keep(np.array(mask)),
        rows.transposed(5),
        rows.spread(np.array([0, 2, 3, 5]), 7),
        rows.renamed(np.array([1, 2, 3, 5, 8])),
        rows.merged(later, np.arange(5)),
    ]
    whole = np.append(carried, np.float32(1))
    for found in ways:
        assert found.weights.tolist() == whole[found.values.astype(int)].tolist()


@given(weights_of_entries)
def test_totals_means_and_variances_are_those_of_repeated_entries(weights) -> None:
    generator = np.random.default_rng(0)
    times = np.array([round(weight) for weight in weights]) + np.array([1] + [0] * 11)
    indptr = np.array([0, 4, 4, 9, 12])
    columns, values = np.zeros(12, np.int32), generator.normal(size=12).astype(np.float32)
    rows = Rows(indptr, columns, values, times.astype(np.float32))
    before = np.concatenate([[0], np.cumsum(times)])
    repeated = Rows(before[indptr], np.repeat(columns, times), np.repeat(values, times))
    assert rows.totals.tolist() == repeated.counts.tolist()
    assert rows.total == repeated.total == times.sum()
    assert rows.totals_of(values > 0).tolist() == repeated.counts_of(repeated.values > 0).tolist()
    assert rows.mean == pytest.approx(repeated.mean)
    assert rows.variance == pytest.approx(repeated.variance, abs=1e-12)


# ---- files --------------------------------------------------------------------------------------


def test_a_file_names_its_column_of_weights(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("who,what,stars,w\n1,a,4,0.5\n1,b,2,2\n2,b,5,0\n")
    columns = {"user": "who", "item": "what", "rating": "stars", "weight": "w"}
    ratings = read_ratings(path, columns=columns)
    assert ratings.to_frame().rows() == [(1, "a", 4.0, 0.5), (1, "b", 2.0, 2.0)]
    places = {"user": 0, "item": 1, "rating": 2, "weight": 3}
    assert read_ratings(path, columns=places).weights is not None
    assert read_ratings(path, columns={**columns, "weight": None}).weights is None


def test_what_is_written_is_read_with_its_weights(tmp_path: Path) -> None:
    ratings = weighted()
    ratings.to_frame().write_csv(tmp_path / "ratings.csv")
    ratings.to_frame().write_parquet(tmp_path / "ratings.parquet")
    ratings.to_frame().write_ndjson(tmp_path / "ratings.json")
    for name in ("ratings.csv", "ratings.parquet", "ratings.json"):
        assert read_ratings(tmp_path / name) == ratings


def test_a_column_called_weight_alone_is_still_that_of_the_ratings(tmp_path: Path) -> None:
    path = tmp_path / "user_artists.dat"
    path.write_text("userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n")
    ratings = read_ratings(path)
    assert (ratings.values.tolist(), ratings.weights) == ([13883.0, 11690.0], None)
    seen = read_ratings(path, columns={"rating": None})
    assert (seen.values.tolist(), seen.weights) == ([1.0, 1.0], None)
    both = read_ratings(path, columns={"rating": None, "weight": "weight"})
    assert (both.values.tolist(), both.weights.tolist()) == ([1.0, 1.0], [13883.0, 11690.0])


def test_a_file_without_header_says_where_the_weights_are(tmp_path: Path) -> None:
    path = tmp_path / "ratings.dat"
    path.write_text("1::10::4::100::0.5\n2::10::3::200::2\n")
    places = {"user": 0, "item": 1, "rating": 2, "timestamp": 3, "weight": 4}
    ratings = read_ratings(path, columns=places)
    assert ratings.to_frame().rows() == [(1, 10, 4.0, 100, 0.5), (2, 10, 3.0, 200, 2.0)]


@pytest.mark.parametrize(
    ("bad", "said"),
    [("-1", "weight -1 is negative"), ("nan", "not a finite"), ("", "missing"), ("x", "not a number")],
)
def test_a_bad_weight_in_a_file_is_an_error_that_names_its_line(tmp_path: Path, bad, said) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(f"user,item,rating,weight\n1,a,4,0.5\n1,b,2,{bad}\n2,b,5,1\n")
    with pytest.raises(DataError, match=f"ratings.csv, line 3: .*{said}"):
        read_ratings(path)


def test_weights_may_have_a_decimal_comma(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("user;item;rating;weight\n1;a;4;0,5\n1;b;2;1,25\n")
    assert read_ratings(path).weights.tolist() == [0.5, 1.25]
