import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.errors import DataError
from matinee.ratings.ids import IdIndex

integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 50)
strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(integers, min_size=1) | st.lists(strings, min_size=1))
def test_codes_and_ids_say_what_a_sorted_set_says(column):
    index, codes = IdIndex.encode(column)
    distinct = sorted(set(column))
    assert index.ids.tolist() == distinct
    assert codes.dtype == np.int32
    assert [distinct[code] for code in codes] == column
    assert index.positions(column).tolist() == codes.tolist()


@given(st.lists(integers), st.lists(integers))
def test_positions_of_any_integers_are_those_of_a_dictionary(known, asked):
    index = IdIndex.from_ids(known)
    expected = {id: place for place, id in enumerate(sorted(set(known)))}
    assert index.positions(asked).tolist() == [expected.get(id, -1) for id in asked]
    assert [index.position(id) for id in asked] == [expected.get(id, -1) for id in asked]


@given(st.lists(strings), st.lists(strings | st.integers() | st.none() | st.binary()))
def test_positions_of_anything_among_strings_are_those_of_a_dictionary(known, asked):
    index = IdIndex.from_ids(known)
    expected = {id: place for place, id in enumerate(sorted(set(known)))}
    assert index.positions(asked).tolist() == [expected.get(id, -1) for id in asked]


def test_unsigned_ids_beyond_int64_keep_their_value():
    index, codes = IdIndex.encode(np.array([2**64 - 1, 7, 2**63], dtype=np.uint64))
    assert index.ids.dtype == np.uint64
    assert [index.id_at(code) for code in codes] == [2**64 - 1, 7, 2**63]
    assert index.positions(np.array([-1, 7])).tolist() == [-1, 0]
    assert IdIndex.from_ids([5]).positions(np.array([2**64 - 1], dtype=np.uint64)).tolist() == [-1]


def test_ids_close_to_each_other_beyond_float_precision_stay_apart():
    index, _ = IdIndex.encode([2**62, 2**62 + 1])
    assert len(index) == 2
    assert index.position(2**62 + 1) == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.uint64])
def test_integers_of_every_width_become_int64(dtype):
    index, codes = IdIndex.encode(np.array([3, 1, 3], dtype=dtype))
    assert index.ids.dtype == np.int64
    assert codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"], dtype="category"),
        pl.Series(["b", "a", "b"]),
        pl.Series(["b", "a", "b"], dtype=pl.Categorical),
        pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "a"])),
        pa.array(["b", "a", "b"]),
        pa.chunked_array([["b"], ["a", "b"]]),
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], dtype=object),
    ],
    ids=lambda column: f"{type(column).__module__}-{getattr(column, 'dtype', '')}",
)
def test_strings_in_any_container_are_the_same_ids(column):
    index, codes = IdIndex.encode(column)
    assert index.ids.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0, 1]
    assert index.positions(column).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([9.0, 2.0]),
        pd.Series([9, 2], dtype="Int64"),
        pd.Series([9, 2], dtype="category"),
        pd.Series([9, 2], dtype="int64[pyarrow]"),
        pl.Series([9, 2], dtype=pl.UInt16),
        pa.chunked_array([[9], [2]]),
        [9.0, 2],
        (9, 2),
    ],
    ids=lambda column: f"{type(column).__module__}-{getattr(column, 'dtype', '')}",
)
def test_whole_numbers_in_any_container_are_the_same_ids(column):
    index, codes = IdIndex.encode(column)
    assert index.ids.tolist() == [2, 9]
    assert index.ids.dtype == np.int64
    assert codes.tolist() == [1, 0]
    assert index.positions(column).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, "a"], "mix integers and strings"),
        (pd.Series([1.0, np.nan]), "row 1: user is missing"),
        (pd.Series(["a", None]), "row 1: user is missing"),
        (pd.Series([1, None], dtype="Int64"), "row 1: user is missing"),
        (pd.Series(["a", None], dtype="category"), "row 1: user is missing"),
        (pl.Series([1, 2, None]), "row 2: user is missing"),
        (pa.array([1, None]), "row 1: user is missing"),
        ([None], "row 0: user is missing"),
        ([1.5], r"row 0: user 1\.5 is not a whole number"),
        ([float("inf")], "row 0: user inf is not a whole number"),
        ([1, 2.0**60], "row 1: user .* too large to tell ids apart"),
        ([2**64], "does not fit in 64 bits"),
        ([-1, 2**63], "does not fit in 64 bits"),
        ([True], "row 0: user True is of type bool"),
        (np.array([True]), "type bool"),
        (pl.Series([True]), "type Boolean"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "type datetime64"),
        (pl.Series([[1]]), "type List"),
        ([b"x"], "type bytes"),
        (["a\0"], "NUL"),
        (["x" * 300], "over 256 characters"),
        (["\ud800"], "not valid Unicode"),
        (np.zeros((2, 2), dtype=int), "2 dimensions"),
    ],
)
def test_what_cannot_be_an_id_is_refused_and_named(column, message):
    with pytest.raises(DataError, match=message):
        IdIndex.encode(column, name="user")


def test_things_of_a_foreign_type_are_unknown_ids():
    index = IdIndex.from_ids([0, 1, 2])
    foreign = [True, None, "1", 1.5, b"1", float("nan"), float("inf"), 2**70, (1,), object(), pd.NA]
    assert index.positions(foreign).tolist() == [-1] * len(foreign)
    assert index.positions(np.array([True, False])).tolist() == [-1, -1]
    assert index.positions(np.array(["1"])).tolist() == [-1]
    assert index.positions(np.array([1.0, 0.5, np.nan])).tolist() == [1, -1, -1]
    assert index.positions([]).tolist() == []


def test_a_longer_string_does_not_find_the_id_it_starts_with():
    index = IdIndex.from_ids(["ab", "c"])
    assert index.positions(["abc", "ab", "ab\0", ""]).tolist() == [-1, 0, -1, -1]
    assert index.positions(np.array(["abc", "ab"])).tolist() == [-1, 0]
    assert index.position("abc") == -1


def test_an_id_comes_back_as_a_plain_int_or_str():
    assert type(IdIndex.from_ids([5]).id_at(0)) is int
    assert type(IdIndex.from_ids(["x"]).id_at(0)) is str


def test_a_union_holds_the_ids_of_both():
    assert IdIndex.from_ids([5, 1]).union(IdIndex.from_ids([3, 5])).ids.tolist() == [1, 3, 5]
    assert IdIndex.from_ids(["b"]).union(IdIndex.from_ids(["abc"])).ids.tolist() == ["abc", "b"]
    wide = IdIndex.from_ids([1]).union(IdIndex.from_ids([2**64 - 1]))
    assert wide.ids.tolist() == [1, 2**64 - 1]
    with pytest.raises(DataError, match="mix integers and strings"):
        IdIndex.from_ids([1]).union(IdIndex.from_ids(["1"]))


def test_indices_are_equal_when_their_ids_are():
    assert IdIndex.from_ids([2, 1]) == IdIndex.from_ids([1, 2])
    assert IdIndex.from_ids([1]) != IdIndex.from_ids(["1"])
    assert IdIndex.from_ids([1]) != IdIndex.from_ids([1, 2])
