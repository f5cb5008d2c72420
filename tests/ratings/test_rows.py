import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from matinee.ratings import Rows

N_COLUMNS = 5
# For each row its columns and values; a row may be empty.
row = st.dictionaries(st.integers(0, N_COLUMNS - 1), st.integers(-4, 4))


def rows_of(rows):
    entries = [sorted(row.items()) for row in rows]
    indptr = np.cumsum([0, *map(len, entries)], dtype=np.int64)
    columns = np.array([column for row in entries for column, _ in row], dtype=np.int32)
    values = np.array([value for row in entries for _, value in row], dtype=np.float32)
    return Rows(indptr, columns, values)


def lists_of(rows):
    """Each row as a list of (column, value), read by the definition of the format."""
    bounds = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return [
        list(zip(rows.columns[begin:end].tolist(), rows.values[begin:end].tolist(), strict=True))
        for begin, end in bounds
    ]


def assert_well_formed(rows):
    assert [array.dtype for array in rows[:3]] == [np.int64, np.int32, np.float32]
    assert rows.weights is None or (rows.weights.dtype, rows.weights.shape) == (np.float32, rows.values.shape)
    assert rows.indptr[0] == 0
    assert rows.indptr[-1] == len(rows.columns) == len(rows.values)


EMPTY = rows_of([])
THREE = rows_of([{1: 2, 4: 1}, {}, {0: 3}])


@given(st.lists(row, max_size=6))
def test_rows_know_how_many_they_are_and_how_many_entries_each_has(dictionaries):
    rows = rows_of(dictionaries)
    assert rows.n_rows == len(dictionaries)
    assert rows.counts.tolist() == [len(row) for row in dictionaries]
    assert rows.counts.dtype == np.int64


@given(st.lists(row, min_size=1, max_size=6), st.data())
def test_picked_rows_are_those_that_scipy_picks(dictionaries, data):
    rows = rows_of(dictionaries)
    chosen = data.draw(st.lists(st.integers(0, rows.n_rows - 1), max_size=10))
    shape = (rows.n_rows, N_COLUMNS)
    expected = sp.csr_array((rows.values, rows.columns, rows.indptr), shape=shape)[np.array(chosen, int)]
    picked = rows.pick(chosen)
    assert_well_formed(picked)
    assert picked.indptr.tolist() == expected.indptr.tolist()
    assert picked.columns.tolist() == expected.indices.tolist()
    assert picked.values.tolist() == expected.data.tolist()


def test_picked_rows_come_in_the_order_of_the_positions_and_as_often():
    first, second, third = lists_of(THREE)
    assert lists_of(THREE.pick([2, 0, 2, 1])) == [third, first, third, second]
    assert lists_of(THREE.pick([0])) == [first]


def test_position_minus_one_picks_an_empty_row_and_not_the_last():
    first, _, third = lists_of(THREE)
    assert lists_of(THREE.pick(np.array([-1, 2, -1, 0], dtype=np.int32))) == [[], third, [], first]
    assert lists_of(EMPTY.pick([-1, -1])) == [[], []]


def test_no_position_picks_no_row():
    for rows in (THREE, EMPTY):
        assert_well_formed(rows.pick([]))
        assert rows.pick([]).n_rows == 0


def test_a_position_past_the_last_row_is_an_error():
    with pytest.raises(IndexError):
        THREE.pick([3])
    with pytest.raises(IndexError):
        EMPTY.pick([0])


@given(st.lists(row, max_size=6), st.data())
def test_kept_entries_stay_in_their_rows(dictionaries, data):
    rows = rows_of(dictionaries)
    n_entries = len(rows.columns)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n_entries, max_size=n_entries)), dtype=bool)
    answers = iter(mask.tolist())
    expected = [[entry for entry in row if next(answers)] for row in lists_of(rows)]
    kept = rows.keep(mask)
    assert_well_formed(kept)
    assert lists_of(kept) == expected


def test_a_mask_without_a_true_leaves_every_row_empty():
    kept = THREE.keep(np.zeros(3, dtype=bool))
    assert_well_formed(kept)
    assert lists_of(kept) == [[], [], []]


@pytest.mark.parametrize("length", [2, 4])
def test_a_mask_of_another_length_is_an_error(length):
    with pytest.raises(IndexError):
        THREE.keep(np.ones(length, dtype=bool))


def test_what_is_picked_or_kept_can_be_changed_without_changing_the_rows():
    rows = rows_of([{1: 2, 4: 1}, {0: 3}])
    for made in (rows.pick([0, 1]), rows.keep(np.ones(3, dtype=bool))):
        made.columns[:], made.values[:], made.indptr[:] = 0, 0, 0
    assert lists_of(rows) == [[(1, 2.0), (4, 1.0)], [(0, 3.0)]]


@given(st.lists(row, max_size=6))
def test_picking_every_row_and_keeping_every_entry_change_nothing(dictionaries):
    rows = rows_of(dictionaries)
    everything = np.ones(len(rows.columns), dtype=bool)
    assert lists_of(rows.pick(np.arange(rows.n_rows))) == lists_of(rows)
    assert lists_of(rows.keep(everything)) == lists_of(rows)


@given(st.lists(row, max_size=6))
def test_the_entries_by_column_are_those_of_each_column(rows):
    given_rows = rows_of(rows)
    found = given_rows.transposed(N_COLUMNS)
    assert_well_formed(found)
    assert found.n_rows == N_COLUMNS
    expected = [
        [(place, one[column]) for place, one in enumerate(rows) if column in one]
        for column in range(N_COLUMNS)
    ]
    assert lists_of(found) == expected


def test_empty_rows_have_no_entries():
    empty = Rows.empty(3)
    assert_well_formed(empty)
    assert lists_of(empty) == [[], [], []]
